import type { ApprovalStepView, ApprovalView } from "#wire/approval.ts";
import type { Tone } from "../ui/badge.tsx";
import { Badge } from "../ui/badge.tsx";
import { Icon } from "../ui/icon.tsx";
import { Remaining, Time } from "../ui/time.tsx";
import { ForeignText } from "../ui/foreign-text.tsx";

const tones: Readonly<Record<ApprovalStepView["state"], Tone>> = {
  Waiting: "waiting",
  Approved: "good",
  Denied: "bad",
};

/** Where an approval stands: each step, who may decide on it, and who did. */
export function ApprovalSteps({ approval }: { readonly approval: ApprovalView }) {
  if (approval.kind === "Automatic") {
    return <p class="quiet">The policy asks for no approval.</p>;
  }
  return (
    <div class="stack">
      {approval.kind === "BreakGlass" ? (
        <p>
          <Badge tone="warning" icon="bolt">
            Break-glass
          </Badge>{" "}
          The steps were skipped, by right and on record.
        </p>
      ) : null}
      {approval.steps.map((step) => (
        <Step key={step.name} step={step} />
      ))}
      {approval.state === "Waiting" && approval.deadline !== undefined ? (
        <p class="quiet small">
          Ends by itself in <Remaining until={approval.deadline} /> unless it is approved.
        </p>
      ) : null}
    </div>
  );
}

function Step({ step }: { readonly step: ApprovalStepView }) {
  const approvals = step.decisions.filter(({ decision }) => decision === "Approve").length;
  return (
    <section class="step" aria-label={`Step ${step.name}`}>
      <div class="step-head">
        <h3>{step.name}</h3>
        <Badge tone={tones[step.state]}>
          {step.state === "Waiting" && step.requiredApprovals > 1
            ? `Waiting, ${approvals} of ${step.requiredApprovals}`
            : step.state}
        </Badge>
      </div>
      <p class="quiet small">
        {step.state === "Waiting" ? "Waits for " : "Could be decided by "}
        {step.approvers.map(({ kind, name }, index) => (
          <span key={`${kind} ${name}`}>
            {index === 0 ? "" : index === step.approvers.length - 1 ? " or " : ", "}
            {kind === "User" ? name : kind === "Group" ? `group ${name}` : "the pipeline"}
          </span>
        ))}
      </p>
      {step.decisions.map(({ decision, reviewer, time, comment }) => (
        <div key={`${reviewer.kind} ${reviewer.username} ${time}`}>
          <p class="row">
            <span class={decision === "Approve" ? "decision good" : "decision bad"}>
              <Icon name={decision === "Approve" ? "check" : "cross"} />
            </span>
            <span>
              <strong>{reviewer.kind === "Pipeline" ? "Pipeline" : reviewer.username}</strong>{" "}
              {decision === "Approve" ? "approved" : "denied"} <Time at={time} />
            </span>
          </p>
          {comment === undefined ? null : (
            <blockquote class="quote">
              <ForeignText text={comment} />
            </blockquote>
          )}
        </div>
      ))}
    </section>
  );
}
