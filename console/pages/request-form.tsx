import { useEffect, useState } from "preact/hooks";
import type { Entitlement, GrantRequest, GrantRequestResponse, GrantView } from "#wire/control-api.ts";
import { asProblem, type Problem } from "../api/problem.ts";
import { useMyGrants } from "../data/watched-grants.tsx";
import { useRouter } from "../router/router.tsx";
import { useApi } from "../session/session.tsx";
import { durationText } from "../text/duration.ts";
import { useAnnounce } from "../ui/announcer.tsx";
import { Button, ButtonLink } from "../ui/button.tsx";
import { Choices, InstantField, TextField } from "../ui/field.tsx";
import { Notice } from "../ui/notice.tsx";
import { ProblemNotice } from "../ui/problem-notice.tsx";
import { hrefOf } from "../router/match.ts";
import { durationChoices, startTimeOf, typedTime } from "./request-choices.ts";

/** As the control API takes it, in characters. */
const reasonCharactersMax = 2_048;
/** What "later" begins with: an hour from now, in milliseconds. */
const laterMs = 3_600_000;

interface Draft {
  readonly reason: string;
  readonly durationSeconds: number;
  readonly start: "now" | "later";
  readonly startTyped: string;
  readonly urgency: "Normal" | "BreakGlass";
}

/** What a person says when asking for access. */
export function RequestForm({ offer }: { readonly offer: Entitlement }) {
  const [draft, setDraft] = useState<Draft>(() => ({
    reason: "",
    durationSeconds: offer.defaultDurationSeconds,
    start: "now",
    startTyped: typedTime(Date.now() + laterMs),
    urgency: "Normal",
  }));
  const { send, busy, problem, wrong } = useSending(offer, draft);
  const change = (changed: Partial<Draft>): void => setDraft((before) => ({ ...before, ...changed }));
  const isBreakGlass = draft.urgency === "BreakGlass";
  const isReasonRequired = isBreakGlass || offer.reason === "Required";
  return (
    <form
      class="request-form"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      {offer.breakGlass === true && offer.needsApproval ? (
        <BreakGlassChoice value={draft.urgency} onChange={(urgency) => change({ urgency, start: "now" })} />
      ) : null}
      <TextField
        label={isReasonRequired ? "Reason" : "Reason (optional)"}
        hint="What you are going to do and why. Reviewers read it, and it stays in the audit trail."
        problem={wrong.reason}
        value={draft.reason}
        required={isReasonRequired}
        maxLength={reasonCharactersMax}
        onChange={(reason) => change({ reason })}
      />
      <Choices
        label="For how long"
        options={durationChoices(offer.maxDurationSeconds, offer.defaultDurationSeconds).map((seconds) => ({
          value: String(seconds),
          words: durationText(seconds),
        }))}
        value={String(draft.durationSeconds)}
        onChange={(value) => change({ durationSeconds: Number(value) })}
      />
      {isBreakGlass ? null : (
        <Choices
          label="From when"
          options={[
            { value: "now", words: offer.needsApproval ? "As soon as it is approved" : "Now" },
            { value: "later", words: "Later" },
          ]}
          value={draft.start}
          onChange={(value) => change({ start: value === "later" ? "later" : "now" })}
        />
      )}
      {draft.start === "later" ? (
        <InstantField
          label="Start"
          hint="In your own time zone. Access begins then, if it is approved by then."
          problem={wrong.start}
          value={draft.startTyped}
          onChange={(startTyped) => change({ startTyped })}
        />
      ) : null}
      {problem === undefined ? null : <ProblemNotice problem={problem} />}
      <div class="form-actions">
        <Button
          type="submit"
          kind={isBreakGlass ? "danger" : "primary"}
          icon={isBreakGlass ? "bolt" : "right"}
          busy={busy}
        >
          {isBreakGlass ? "Break the glass" : offer.needsApproval ? "Ask for approval" : "Get access"}
        </Button>
        <ButtonLink kind="quiet" href={hrefOf("/")}>
          Cancel
        </ButtonLink>
      </div>
    </form>
  );
}

function BreakGlassChoice({
  value,
  onChange,
}: {
  readonly value: Draft["urgency"];
  readonly onChange: (urgency: Draft["urgency"]) => void;
}) {
  return (
    <>
      <Choices
        label="How urgent"
        options={[
          { value: "Normal", words: "Can wait for approval" },
          { value: "BreakGlass", words: "Emergency: break the glass" },
        ]}
        value={value}
        onChange={(chosen) => onChange(chosen === "BreakGlass" ? "BreakGlass" : "Normal")}
      />
      {value === "BreakGlass" ? (
        <Notice tone="warning" icon="bolt" title="Access without approval, under everybody's eyes" alert>
          <p>
            You get access at once, and nobody has to approve it. The reviewers are told now; the grant is marked as
            break-glass for good; you will be asked why. Use it only where waiting does harm.
          </p>
        </Notice>
      ) : null}
    </>
  );
}

interface Wrong {
  readonly reason?: string;
  readonly start?: string;
}

function useSending(offer: Entitlement, draft: Draft) {
  const api = useApi();
  const announce = useAnnounce();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const [wrong, setWrong] = useState<Wrong>({});
  const arrive = useArrival();
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
      arrive(grant);
    } catch (error) {
      setProblem(asProblem(error));
      setBusy(false);
    }
  };
  return { send, busy, problem, wrong };
}

/** How long a new grant may take to get its ID, in milliseconds, before the list is shown instead of its page. */
const arrivalMs = 5_000;

/** Goes to a grant that was just made. It has its ID only once the controller has looked at it, which the stream tells. */
function useArrival(): (grant: GrantView | undefined) => void {
  const { go } = useRouter();
  const { own } = useMyGrants();
  const [awaited, setAwaited] = useState<GrantView>();
  useEffect(() => {
    const here = [...own.byID.values()].find(
      ({ namespace, name }) => namespace === awaited?.namespace && name === awaited.name,
    );
    if (here !== undefined) {
      go(`/grants/${here.grantID}`);
    }
  }, [own.byID, awaited, go]);
  useEffect(() => {
    if (awaited === undefined) {
      return undefined;
    }
    const timer = setTimeout(() => go("/requests"), arrivalMs);
    return () => clearTimeout(timer);
  }, [awaited, go]);
  return (grant) => {
    if (grant === undefined) {
      go("/requests");
    } else if (grant.grantID === "") {
      setAwaited(grant);
    } else {
      go(`/grants/${grant.grantID}`);
    }
  };
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
