import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { asProblem, type Problem } from "../api/problem.ts";
import { Button } from "./button.tsx";
import { Dialog } from "./dialog.tsx";
import { ProblemNotice } from "./problem-notice.tsx";

/** Asks before something is done, does it, and stays with the reason when it fails. */
export function ActionDialog({
  title,
  action,
  kind,
  isReady = true,
  onConfirm,
  onDone,
  onClose,
  children,
}: {
  readonly title: string;
  /** Words of the button that does it. */
  readonly action: string;
  readonly kind: "primary" | "danger";
  /** Whether what it needs has been written. */
  readonly isReady?: boolean;
  readonly onConfirm: () => Promise<void>;
  readonly onDone: () => void;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const confirm = async (): Promise<void> => {
    setBusy(true);
    setProblem(undefined);
    try {
      await onConfirm();
      onDone();
    } catch (error) {
      setProblem(asProblem(error));
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void confirm();
        }}
      >
        {children}
        {problem === undefined ? null : <ProblemNotice problem={problem} />}
        <div class="dialog-actions">
          <Button onPress={onClose}>Cancel</Button>
          <Button type="submit" kind={kind} busy={busy} disabled={!isReady}>
            {action}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
