import type { ComponentChildren } from "preact";
import { sqlTokens } from "./sql-tokens.ts";
import { visibleParts } from "./visible-text.ts";

/**
 * Text that somebody else wrote: as text, with a visible name for each character that would not be seen. Nothing of it is ever read as HTML.
 */
export function ForeignText({ text }: { readonly text: string }) {
  const parts = visibleParts(text);
  if (parts.length === 1 && parts[0]?.isHidden === false) {
    return <>{text}</>;
  }
  return (
    <>
      {parts.map(({ text: part, isHidden }, index) =>
        isHidden ? (
          <span key={index} class="hidden-character" title="a character that shows nothing">
            {part}
          </span>
        ) : (
          part
        ),
      )}
    </>
  );
}

/** SQL in colours. Each token is set apart from its neighbours, so that letters written from right to left cannot move what stands beside them. */
export function SqlText({ sql }: { readonly sql: string }) {
  return <span class="sql">{sqlTokens(sql).map(tokenSpan)}</span>;
}

function tokenSpan({ kind, text }: { readonly kind: string; readonly text: string }, index: number): ComponentChildren {
  return (
    <bdi key={index} class={kind === "plain" ? undefined : `sql-${kind}`}>
      <ForeignText text={text} />
    </bdi>
  );
}
