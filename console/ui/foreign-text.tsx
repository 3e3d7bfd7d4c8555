import { visibleParts } from "../live/visible-text.ts";

/**
 * Text that somebody else wrote: as text, with a visible name for each character that would not be seen. Nothing of it is ever read as HTML, and
 * nothing of it moves what stands beside it.
 */
export function ForeignText({ text }: { readonly text: string }) {
  const parts = visibleParts(text);
  if (parts.length === 1 && parts[0]?.isHidden === false) {
    return <bdi>{text}</bdi>;
  }
  return (
    <bdi>
      {parts.map(({ text: part, isHidden }, index) =>
        isHidden ? (
          <span key={index} class="hidden-character" title="a character that shows nothing">
            {part}
          </span>
        ) : (
          part
        ),
      )}
    </bdi>
  );
}
