import { indexOf, type Row } from "./rows.ts";
import { RowView, type Shown } from "./row-view.tsx";
import { useListScroll } from "./use-list-scroll.ts";
import { rowAfterKey, virtualWindow } from "./virtual-window.ts";

/** Height of a row in pixels: one line, or two where the list is narrow. `live.css` says the same. */
const rowHeights = { wide: 30, narrow: 52 } as const;
/** A list below this width in pixels, as on a phone or beside something, has rows of two lines. */
const narrowPixels = 620;

export interface StatementListProps {
  /** Names the list to a screen reader. */
  readonly label: string;
  /** In order; changed in place, so `version` says when. */
  readonly rows: readonly Row[];
  readonly version: number;
  /** The end stays in view as rows come. */
  readonly isFollowing: boolean;
  readonly onFollow: (isFollowing: boolean) => void;
  /** Number of the row that is looked at. */
  readonly selected: number | undefined;
  readonly onSelect: (id: number | undefined) => void;
  /** The list is as high as its rows where they are few; absent: always of one height. */
  readonly fits?: boolean;
  /** A column that tells statements of several sessions, or of several people, apart. */
  readonly shows?: Shown;
}

/**
 * A list of any length, of which only what can be seen is in the page. Arrows, page keys, Home and End go from row to row, Space follows
 * and pauses, Escape leaves the row.
 */
export function StatementList(props: StatementListProps) {
  const { label, rows, isFollowing, onFollow, selected, onSelect, shows, fits } = props;
  const scroll = useListScroll({ rows, rowHeightAt, isFollowing, onFollow });
  const { scroller, top, width, height } = scroll;
  const rowHeight = rowHeightAt(width);
  const select = (index: number): void => {
    const row = rows[index];
    if (row !== undefined) {
      onFollow(false);
      onSelect(row.id);
      scroll.reveal(index);
    }
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const current = selected === undefined ? undefined : indexOf(rows, selected);
    const index = rowAfterKey(event.key, current, rows.length, Math.floor(height / rowHeight));
    if (event.altKey || event.ctrlKey || event.metaKey) {
      return;
    }
    if (index !== undefined) {
      event.preventDefault();
      select(index);
    } else if (event.key === " ") {
      event.preventDefault();
      onFollow(!isFollowing);
    } else if (event.key === "Escape" && selected !== undefined) {
      event.preventDefault();
      onSelect(undefined);
    }
  };
  const seenTop = isFollowing ? rows.length * rowHeight - height : top;
  const { start, end } = virtualWindow(rows.length, rowHeight, seenTop, height);
  const at = selected === undefined ? -1 : indexOf(rows, selected);
  return (
    <div
      class={`statements with-${shows ?? "nothing"} ${width < narrowPixels ? "narrow" : "wide"}`}
      role="grid"
      aria-label={label}
      aria-rowcount={rows.length + 1}
      aria-activedescendant={at >= start && at < end && selected !== undefined ? rowID(selected) : undefined}
      tabIndex={0}
      onKeyDown={onKeyDown}
      onClick={(event) => select(indexOfClick(event, rows))}
    >
      <Head shows={shows} />
      <div
        class="statements-scroll"
        role="presentation"
        ref={scroller}
        onScroll={scroll.onScroll}
        style={fits === true ? { maxHeight: `${rows.length * rowHeight}px` } : {}}
      >
        <div class="statements-all" role="presentation" style={{ height: `${rows.length * rowHeight}px` }}>
          <div class="statements-seen" role="rowgroup" style={{ transform: `translateY(${start * rowHeight}px)` }}>
            {rows.slice(start, end).map((row, index) => (
              <RowView
                key={row.id}
                row={row}
                index={start + index + 2}
                domID={rowID(row.id)}
                isSelected={row.id === selected}
                shows={shows}
              />
            ))}
          </div>
        </div>
      </div>
    </div>
  );
}

function Head({ shows }: { readonly shows: Shown | undefined }) {
  return (
    <div class="statements-head" role="rowgroup">
      <div class="statement" role="row" aria-rowindex={1}>
        <span role="columnheader">Time</span>
        {shows === undefined ? null : (
          <span role="columnheader">{shows === "session" ? "Session" : "Who and where"}</span>
        )}
        <span role="columnheader">Statement</span>
        <span role="columnheader" class="number">
          Rows
        </span>
        <span role="columnheader" class="number">
          Took
        </span>
        <span role="columnheader">Outcome</span>
      </div>
    </div>
  );
}

function rowHeightAt(width: number): number {
  return width < narrowPixels ? rowHeights.narrow : rowHeights.wide;
}

function rowID(id: number): string {
  return `row${id}`;
}

/** Place of the row that was pressed; -1 for none. */
function indexOfClick({ target }: MouseEvent, rows: readonly Row[]): number {
  const row = target instanceof Element ? target.closest<HTMLElement>("[data-row]") : null;
  return row === null ? -1 : indexOf(rows, Number(row.dataset["row"]));
}
