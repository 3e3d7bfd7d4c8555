import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { Button } from "./button.tsx";

/** A dialog over the page: the browser keeps the focus in it and gives it back afterwards. Escape and a press outside close it. */
export function Dialog({
  title,
  onClose,
  wide,
  children,
}: {
  readonly title: string;
  readonly onClose: () => void;
  readonly wide?: boolean;
  readonly children: ComponentChildren;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleID = useId();
  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      class={wide === true ? "dialog wide" : "dialog"}
      aria-labelledby={titleID}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onMouseDown={(event) => {
        if (event.target === dialog.current) {
          onClose();
        }
      }}
    >
      <div class="dialog-inside">
        <header class="dialog-head">
          <h2 id={titleID}>{title}</h2>
          <Button kind="quiet" icon="cross" label="Close" onPress={onClose} />
        </header>
        {children}
      </div>
    </dialog>
  );
}
