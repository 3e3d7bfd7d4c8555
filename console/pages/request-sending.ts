import { useState } from "preact/hooks";
import type { Entitlement, GrantRequest, GrantRequestResponse } from "#wire/control-api.ts";
import { asProblem, type Problem } from "../api/problem.ts";
import { useRouter } from "../router/router.tsx";
import { useApi } from "../session/session.tsx";
import { useAnnounce } from "../ui/announcer.tsx";
import { startTimeOf } from "./request-choices.ts";

/** What the form holds. */
export interface Draft {
  readonly reason: string;
  readonly durationSeconds: number;
  readonly start: "now" | "later";
  readonly startTyped: string;
  readonly urgency: "Normal" | "BreakGlass";
}

/** What is wrong with a draft, by field. */
export interface Wrong {
  readonly reason?: string;
  readonly start?: string;
}

/** Sends the draft, and goes to what came of it. */
export function useSending(offer: Entitlement, draft: Draft) {
  const api = useApi();
  const announce = useAnnounce();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const [wrong, setWrong] = useState<Wrong>({});
  const { go } = useRouter();
  const send = async (): Promise<void> => {
    const startTime = draft.start === "later" ? startTimeOf(draft.startTyped, Date.now()) : undefined;
    const found = wrongOf(offer, draft, startTime);
    setWrong(found);
    setProblem(undefined);
    if (Object.keys(found).length > 0) {
      return;
    }
    setBusy(true);
    try {
      const { grant } = await api.post<GrantRequestResponse>("/v1/grants", bodyOf(offer, draft, startTime));
      announce(offer.needsApproval && draft.urgency === "Normal" ? "Asked for approval" : "Access is on its way");
      go(grant === undefined ? "/requests" : `/grants/${grant.grantID}`);
    } catch (error) {
      setProblem(asProblem(error));
      setBusy(false);
    }
  };
  return { send, busy, problem, wrong };
}

function wrongOf(offer: Entitlement, draft: Draft, startTime: string | undefined): Wrong {
  const isReasonRequired = draft.urgency === "BreakGlass" || offer.reason === "Required";
  return {
    ...(isReasonRequired && draft.reason.trim() === "" ? { reason: "Say why you need it." } : {}),
    ...(draft.start === "later" && startTime === undefined ? { start: "Choose a time that is still to come." } : {}),
  };
}

function bodyOf(
  { namespace, database, role }: Entitlement,
  { reason, durationSeconds, urgency }: Draft,
  startTime: string | undefined,
): GrantRequest {
  const text = reason.trim();
  return {
    namespace,
    database,
    role,
    durationSeconds,
    ...(text === "" ? {} : { reason: text }),
    ...(startTime === undefined ? {} : { startTime }),
    ...(urgency === "BreakGlass" ? { urgency } : {}),
  };
}
