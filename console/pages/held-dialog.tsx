import type { ConfirmHeldRequest, HeldDeletions } from "#wire/control-api.ts";
import { useState } from "preact/hooks";
import { useApi } from "../session/session.tsx";
import { ActionDialog } from "../ui/action-dialog.tsx";
import { useAnnounce } from "../ui/announcer.tsx";

/** Confirms deletions that are held: exactly those that are shown, by their digest. */
export function HeldDialog({ held, onClose }: { readonly held: HeldDeletions; readonly onClose: () => void }) {
  const api = useApi();
  const announce = useAnnounce();
  const [seen] = useState(held);
  return (
    <ActionDialog
      title={`Confirm ${seen.keys.length} deletions?`}
      action="Confirm the deletions"
      kind="danger"
      onConfirm={() => api.post("/v1/held/confirm", { digest: seen.digest } satisfies ConfirmHeldRequest)}
      onDone={() => {
        announce("The deletions are confirmed");
        onClose();
      }}
      onClose={onClose}
    >
      <p>These are gone from the desired state. Confirming deletes them: access that they gave ends now.</p>
      <ul class="held-keys mono small">
        {seen.keys.map((key) => (
          <li key={key}>{key}</li>
        ))}
      </ul>
    </ActionDialog>
  );
}
