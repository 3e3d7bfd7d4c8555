import { useId, useState } from "preact/hooks";
import type { KillResponse, SessionView } from "#wire/control-api.ts";
import { asProblem, type Problem } from "../api/problem.ts";
import { useApi, useSession } from "../session/session.tsx";
import { useAnnounce } from "../ui/announcer.tsx";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { ProblemNotice } from "../ui/problem-notice.tsx";

/** Ends one session, with a reason that its person reads. Shown while it is open to who may. */
export function KillSession({ view, onKilled }: { readonly view: SessionView; readonly onKilled: () => void }) {
  const { person } = useSession();
  const [isOpen, setOpen] = useState(false);
  const isOwn = person.userName.toLowerCase() === view.userName.toLowerCase();
  if (view.endTime !== undefined || !(isOwn || person.roles.includes("administrator"))) {
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

function KillDialog({
  view,
  onClose,
  onKilled,
}: {
  readonly view: SessionView;
  readonly onClose: () => void;
  readonly onKilled: () => void;
}) {
  const api = useApi();
  const announce = useAnnounce();
  const [reason, setReason] = useState("");
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const id = useId();
  const kill = (event: Event): void => {
    event.preventDefault();
    setBusy(true);
    api.post<KillResponse>(`/v1/sessions/${encodeURIComponent(view.session)}/kill`, { reason }).then(
      ({ backend }) => {
        announce(
          backend === "gone" ? "The session is over" : "The session was closed; the database was not seen to end it",
        );
        onKilled();
        onClose();
      },
      (error: unknown) => {
        setProblem(asProblem(error));
        setBusy(false);
      },
    );
  };
  return (
    <Dialog title="Kill this session" onClose={onClose}>
      <form class="form" onSubmit={kill}>
        <p>
          What {view.userName} runs on {view.database} is cancelled and the connection closed. The grant goes on: they
          may connect again.
        </p>
        {problem === undefined ? null : <ProblemNotice problem={problem} />}
        <div class="field">
          <label for={id}>Reason</label>
          <input
            id={id}
            class="input"
            type="text"
            required
            maxLength={256}
            value={reason}
            onInput={(event) => setReason(event.currentTarget.value)}
          />
          <p class="hint">Shown to {view.userName} in their client, and kept in the trail.</p>
        </div>
        <div class="form-actions">
          <Button onPress={onClose}>Leave it</Button>
          <Button type="submit" kind="danger" busy={isBusy} disabled={reason.trim() === ""}>
            Kill session
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
