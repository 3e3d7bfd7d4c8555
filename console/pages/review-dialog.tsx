import { useState } from "preact/hooks";
import type { ReviewRequest } from "#wire/approval.ts";
import type { GrantView, ReviewedGrant } from "#wire/control-api.ts";
import { useApi } from "../session/session.tsx";
import { durationText } from "../text/duration.ts";
import { ActionDialog } from "../ui/action-dialog.tsx";
import { useAnnounce } from "../ui/announcer.tsx";
import { TextField } from "../ui/field.tsx";
import { ForeignText } from "../ui/foreign-text.tsx";

/** As the control API takes it, in characters. */
const commentCharactersMax = 2_048;

/**
 * Decides on a request. What is sent names the digest of what the reviewer saw when the dialog was opened, so that nothing else is
 * approved by it.
 */
export function ReviewDialog({
  grant,
  decision,
  onClose,
}: {
  readonly grant: GrantView;
  readonly decision: ReviewRequest["decision"];
  readonly onClose: () => void;
}) {
  const api = useApi();
  const announce = useAnnounce();
  const [seen] = useState(grant);
  const [comment, setComment] = useState("");
  const [outcome] = useState({ isCounted: false });
  const isApproval = decision === "Approve";
  const text = comment.trim();
  const send = async (): Promise<void> => {
    const body: ReviewRequest = { decision, digest: seen.digest ?? "", ...(text === "" ? {} : { comment: text }) };
    const path = `/v1/grants/${encodeURIComponent(seen.grantID)}/review`;
    const { review } = await api.post<ReviewedGrant>(path, body);
    outcome.isCounted = review.state === "Counted";
  };
  return (
    <ActionDialog
      title={isApproval ? "Approve this request?" : "Deny this request?"}
      action={isApproval ? "Approve" : "Deny"}
      kind={isApproval ? "primary" : "danger"}
      isReady={isApproval || text !== ""}
      onConfirm={send}
      onDone={() => {
        const done = isApproval ? `Approved ${seen.userName}'s request` : `Denied ${seen.userName}'s request`;
        announce(
          outcome.isCounted ? done : "Your decision was taken. It is not counted yet; the request shows when it is.",
        );
        onClose();
      }}
      onClose={onClose}
    >
      <p>
        <strong>{seen.userName}</strong> asks for <strong>{seen.role}</strong> of <strong>{seen.database}</strong>
        {seen.durationSeconds === undefined ? null : <> for {durationText(seen.durationSeconds)}</>}.
      </p>
      {seen.reason === "" ? null : (
        <blockquote class="quote">
          <ForeignText text={seen.reason} />
        </blockquote>
      )}
      <TextField
        label={isApproval ? "Comment (optional)" : "Why not"}
        hint="The person reads it, and it stays in the audit trail."
        value={comment}
        required={!isApproval}
        maxLength={commentCharactersMax}
        onChange={setComment}
      />
    </ActionDialog>
  );
}
