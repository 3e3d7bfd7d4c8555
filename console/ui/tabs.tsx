import { hrefOf } from "../router/match.ts";

/** Views of one page, each with an address of its own. */
export function Tabs({
  label,
  tabs,
}: {
  readonly label: string;
  readonly tabs: readonly {
    readonly title: string;
    readonly place: string;
    readonly isCurrent: boolean;
    readonly count?: number;
  }[];
}) {
  return (
    <nav class="tabs" aria-label={label}>
      {tabs.map(({ title, place, isCurrent, count }) => (
        <a key={place} href={hrefOf(place)} aria-current={isCurrent ? "page" : undefined}>
          {title}
          {count === undefined || count === 0 ? null : (
            <>
              {" "}
              <span class="count">{count}</span>
            </>
          )}
        </a>
      ))}
    </nav>
  );
}
