import { useAnnounce } from "./announcer.tsx";
import { Button } from "./button.tsx";
import type { IconName } from "./icon.tsx";

/** A line of text to take elsewhere, such as a command. `what` names it: "command", "address". */
export function CopyLine({ text, what }: { readonly text: string; readonly what: string }) {
  return (
    <div class="copy-line">
      <code tabIndex={0}>{text}</code>
      <CopyButton text={text} what={what} />
    </div>
  );
}

/** Copies a text and says that it did. */
export function CopyButton({
  text,
  what,
  icon = "copy",
}: {
  readonly text: string;
  readonly what: string;
  readonly icon?: IconName;
}) {
  const announce = useAnnounce();
  const copy = (): void => {
    navigator.clipboard.writeText(text).then(
      () => announce(`Copied the ${what}`),
      () => announce(`The browser does not let this page copy: select the ${what} and copy it by hand`),
    );
  };
  return <Button kind="quiet" size="small" icon={icon} label={`Copy the ${what}`} onPress={copy} />;
}
