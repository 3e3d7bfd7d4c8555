import { useState } from "preact/hooks";
import type { ExtendRequest } from "#wire/approval.ts";
import type { GrantView, RevokeRequest } from "#wire/control-api.ts";
import { useApi } from "../session/session.tsx";
import { durationText } from "../text/duration.ts";
import { ActionDialog } from "../ui/action-dialog.tsx";
import { useAnnounce } from "../ui/announcer.tsx";
import { LineField } from "../ui/field.tsx";

/** As the control API takes it, in characters. */
const reasonCharactersMax = 1_024;

interface GrantDialogProps {
  readonly grant: GrantView;
  readonly onClose: () => void;
}

/** Ends access now, or withdraws a request. */
export function EndDialog({ grant, onClose }: GrantDialogProps) {
  const api = useApi();
  const announce = useAnnounce();
  const [reason, setReason] = useState("");
  const isLive = grant.actions?.includes("revoke") === true;
  return (
    <ActionDialog
      title={isLive ? "End this access now?" : "Withdraw this request?"}
      action={isLive ? "End access" : "Withdraw"}
      kind="danger"
      isReady={reason.trim() !== ""}
      onConfirm={() =>
        api.post(`/v1/grants/${encodeURIComponent(grant.grantID)}/revoke`, {
          reason: reason.trim(),
        } satisfies RevokeRequest)
      }
      onDone={() => {
        announce(isLive ? "Access is being ended" : "The request is withdrawn");
        onClose();
      }}
      onClose={onClose}
    >
      <p>
        {isLive
          ? `${grant.userName} loses ${grant.role} of ${grant.database} at once: statements that run are cancelled, sessions are closed. This cannot be undone; new access takes a new request.`
          : `The request of ${grant.userName} for ${grant.role} of ${grant.database} ends without access.`}
      </p>
      <LineField
        label="Reason"
        hint="Shown to the person, and kept in the audit trail."
        value={reason}
        required
        maxLength={reasonCharactersMax}
        onChange={setReason}
      />
    </ActionDialog>
  );
}

/** Lengthens live access once. Names the count that was seen, so that pressing twice extends once. */
export function ExtendDialog({ grant, onClose }: GrantDialogProps) {
  const api = useApi();
  const announce = useAnnounce();
  const [extension] = useState(grant.extension);
  if (extension === undefined) {
    return null;
  }
  return (
    <ActionDialog
      title={`Extend by ${durationText(extension.durationSeconds)}?`}
      action="Extend"
      kind="primary"
      onConfirm={() =>
        api.post(`/v1/grants/${encodeURIComponent(grant.grantID)}/extend`, {
          count: extension.count,
        } satisfies ExtendRequest)
      }
      onDone={() => {
        announce("Extended");
        onClose();
      }}
      onClose={onClose}
    >
      <p>
        {extension.count} of {extension.maxCount} extensions are used. Open sessions go on.
      </p>
    </ActionDialog>
  );
}
