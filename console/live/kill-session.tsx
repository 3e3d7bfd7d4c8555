import { useState } from "preact/hooks";
import type { KillResponse, Person, SessionView } from "#wire/control-api.ts";
import { isSamePerson } from "../data/standing.ts";
import { useApi, useSession } from "../session/session.tsx";
import { ActionDialog } from "../ui/action-dialog.tsx";
import { useAnnounce } from "../ui/announcer.tsx";
import { Button } from "../ui/button.tsx";
import { LineField } from "../ui/field.tsx";

/** In characters: it is one line in a client. */
const reasonCharactersMax = 256;

/** Whether the person may end sessions of `userName`: their own, and administrators all, as the control API has it. */
export function mayKill(person: Person, userName: string): boolean {
  return person.roles.includes("administrator") || isSamePerson(person, userName);
}

interface KillProps {
  readonly view: SessionView;
  readonly onKilled: () => void;
}

/** Ends one session, with a reason that its person reads. Shown while it is open to who may. */
export function KillSession({ view, onKilled }: KillProps) {
  const { person } = useSession();
  const [isOpen, setOpen] = useState(false);
  if (view.endTime !== undefined || !mayKill(person, view.userName)) {
    return null;
  }
  return (
    <>
      <Button kind="danger" size="small" icon="stop" onPress={() => setOpen(true)}>
        Kill session
      </Button>
      {isOpen ? <KillDialog view={view} onClose={() => setOpen(false)} onKilled={onKilled} /> : null}
    </>
  );
}

function KillDialog({ view, onClose, onKilled }: KillProps & { readonly onClose: () => void }) {
  const api = useApi();
  const announce = useAnnounce();
  const [reason, setReason] = useState("");
  return (
    <ActionDialog
      title="Kill this session"
      action="Kill session"
      kind="danger"
      isReady={reason.trim() !== ""}
      onConfirm={async () => {
        const path = `/v1/sessions/${encodeURIComponent(view.session)}/kill`;
        const { backend } = await api.post<KillResponse>(path, { reason: reason.trim() });
        announce(
          backend === "gone" ? "The session is over" : "The session was closed; the database was not seen to end it",
        );
      }}
      onDone={() => {
        onKilled();
        onClose();
      }}
      onClose={onClose}
    >
      <p>
        What {view.userName} runs on {view.database} is cancelled and the connection closed. The grant goes on: they may
        connect again.
      </p>
      <LineField
        label="Reason"
        hint={`Shown to ${view.userName} in their client, and kept in the trail.`}
        value={reason}
        required
        maxLength={reasonCharactersMax}
        onChange={setReason}
      />
    </ActionDialog>
  );
}
