import { useEffect, useState } from "preact/hooks";
import { useRouter } from "../router/router.tsx";
import { Dialog } from "./dialog.tsx";
import { nextRow, shortcutOf } from "./shortcut-keys.ts";

/** Where a key after `g` leads. */
export interface GoKey {
  readonly key: string;
  readonly place: string;
  readonly title: string;
}

/** How long `g` waits for its second key, in milliseconds. */
const goMs = 1_500;

/** The keys of the whole console, and the list of them on `?`. */
export function Shortcuts({ goKeys }: { readonly goKeys: readonly GoKey[] }) {
  const { go } = useRouter();
  const [isShown, setShown] = useState(false);
  useEffect(() => {
    let goUntilMs = 0;
    const press = (event: KeyboardEvent): void => {
      const key = shortcutOf(event, event.target instanceof Element ? event.target : undefined);
      if (key === undefined || document.querySelector("dialog[open]") !== null) {
        return;
      }
      const goKey = event.timeStamp < goUntilMs ? goKeys.find((each) => each.key === key) : undefined;
      goUntilMs = key === "g" ? event.timeStamp + goMs : 0;
      if (goKey !== undefined) {
        go(goKey.place);
      } else if (key === "?") {
        setShown(true);
      } else if (key === "/") {
        event.preventDefault();
        document.querySelector<HTMLInputElement>("[data-search]")?.focus();
      } else if (key === "j" || key === "k") {
        moveInList(key === "j" ? 1 : -1);
      }
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, [go, goKeys]);
  return isShown ? <List goKeys={goKeys} onClose={() => setShown(false)} /> : null;
}

/** Moves the focus to the first control of the next or the previous row of the page. */
function moveInList(step: 1 | -1): void {
  const rows = [...document.querySelectorAll<HTMLElement>("[data-row]")];
  const at = rows.findIndex((row) => row.contains(document.activeElement));
  const row = rows[nextRow(at, step, rows.length) ?? -1];
  const control = row?.querySelector<HTMLElement>("a[href], button:not(:disabled)") ?? row;
  control?.focus();
  row?.scrollIntoView({ block: "nearest" });
}

function List({ goKeys, onClose }: { readonly goKeys: readonly GoKey[]; readonly onClose: () => void }) {
  const shortcuts: readonly { readonly keys: readonly string[]; readonly does: string }[] = [
    { keys: ["?"], does: "This list" },
    { keys: ["/"], does: "Search or filter on this page" },
    { keys: ["j"], does: "Next entry of the list" },
    { keys: ["k"], does: "Previous entry of the list" },
    { keys: ["Enter"], does: "Open the entry" },
    { keys: ["Esc"], does: "Close a dialog" },
    ...goKeys.map(({ key, title }) => ({ keys: ["g", key], does: `Go to ${title}` })),
  ];
  return (
    <Dialog title="Keys" onClose={onClose}>
      <dl class="shortcut-list">
        {shortcuts.map(({ keys, does }) => (
          <>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{does}</dd>
          </>
        ))}
      </dl>
    </Dialog>
  );
}
