import { useState } from "preact/hooks";
import type { Entitlement } from "#wire/control-api.ts";
import { durationText } from "../text/duration.ts";
import { Button, ButtonLink } from "../ui/button.tsx";
import { Choices, InstantField, TextField } from "../ui/field.tsx";
import { Notice } from "../ui/notice.tsx";
import { ProblemNotice } from "../ui/problem-notice.tsx";
import { hrefOf } from "../router/match.ts";
import { durationChoices, typedTime } from "./request-choices.ts";
import { type Draft, useSending } from "./request-sending.ts";

/** As the control API takes it, in characters. */
const reasonCharactersMax = 2_048;
/** What "later" begins with: an hour from now, in milliseconds. */
const laterMs = 3_600_000;

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
        <StartFields needsApproval={offer.needsApproval} draft={draft} problem={wrong.start} onChange={change} />
      )}
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

function StartFields({
  needsApproval,
  draft,
  problem,
  onChange,
}: {
  readonly needsApproval: boolean;
  readonly draft: Draft;
  readonly problem: string | undefined;
  readonly onChange: (changed: Partial<Draft>) => void;
}) {
  return (
    <>
      <Choices
        label="From when"
        options={[
          { value: "now", words: needsApproval ? "As soon as it is approved" : "Now" },
          { value: "later", words: "Later" },
        ]}
        value={draft.start}
        onChange={(value) => onChange({ start: value === "later" ? "later" : "now" })}
      />
      {draft.start === "later" ? (
        <InstantField
          label="Start"
          hint="In your own time zone. Access begins then, if it is approved by then."
          problem={problem}
          value={draft.startTyped}
          onChange={(startTyped) => onChange({ startTyped })}
        />
      ) : null}
    </>
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
            You get access at once, and nobody has to approve it. It is put on record as an emergency, and the grant
            stays marked as break-glass for good. Use it only where waiting does harm.
          </p>
        </Notice>
      ) : null}
    </>
  );
}
