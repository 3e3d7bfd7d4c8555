import type { ComponentChildren } from "preact";
import { ForeignText } from "../ui/foreign-text.tsx";
import { sqlTokens } from "./sql-tokens.ts";

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
