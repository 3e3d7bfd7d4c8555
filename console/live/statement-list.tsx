import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Row } from "./rows.ts";
import { RowView, type Shown } from "./row-view.tsx";
import { narrow, useMedia } from "./use-media.ts";
import { rowAfterKey, virtualWindow } from "./virtual-window.ts";

/** Height of a row in pixels: one line, or two where the page is narrow. `live.css` says the same. */
const rowHeights = { wide: 30, narrow: 52 } as const;

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
  /** A column that tells statements of several sessions, or of several people, apart. */
  readonly shows?: Shown;
}

/**
 * A list of any length, of which only what can be seen is in the page. Follows its end until somebody scrolls up or presses a key, and
 * keeps what is looked at in its place when rows come before it or are let go.
 */
export function StatementList(props: StatementListProps) {
  const { label, rows, isFollowing, onFollow, selected, onSelect, shows } = props;
  const isNarrow = useMedia(narrow);
  const rowHeight = isNarrow ? rowHeights.narrow : rowHeights.wide;
  const scroller = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const height = useHeight(scroller);
  const anchor = useRef({ id: 0, offset: 0 });
  const written = useRef(0);
  const write = (value: number): void => {
    const element = scroller.current;
    if (element !== null) {
      element.scrollTop = value;
      written.current = element.scrollTop;
      setTop(written.current);
    }
  };
  const firstID = rows[0]?.id;
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null) {
      return;
    }
    if (isFollowing) {
      write(element.scrollHeight);
      return;
    }
    const index = indexOf(rows, anchor.current.id);
    const wanted = index * rowHeight + anchor.current.offset;
    if (index >= 0 && rows.length > 0 && Math.abs(element.scrollTop - wanted) > 1) {
      write(wanted);
    }
  }, [isFollowing, isFollowing ? rows.length : firstID, rowHeight, height]);
  const onScroll = (): void => {
    const element = scroller.current;
    if (element === null) {
      return;
    }
    const at = element.scrollTop;
    const index = Math.min(rows.length - 1, Math.floor(at / rowHeight));
    anchor.current = { id: rows[index]?.id ?? 0, offset: at - index * rowHeight };
    const isAtEnd = element.scrollHeight - at - element.clientHeight < rowHeight / 2;
    if (isFollowing && at < written.current - 1) {
      onFollow(false);
    } else if (!isFollowing && isAtEnd && at > written.current) {
      onFollow(true);
    }
    written.current = at;
    setTop(at);
  };
  const select = (index: number): void => {
    const row = rows[index];
    if (row === undefined) {
      return;
    }
    onFollow(false);
    onSelect(row.id);
    const from = index * rowHeight;
    if (from < top || from + rowHeight > top + height) {
      write(from < top ? from : from + rowHeight - height);
      anchor.current = { id: row.id, offset: (scroller.current?.scrollTop ?? 0) - from };
    }
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.altKey || event.ctrlKey || event.metaKey) {
      return;
    }
    const current = selected === undefined ? undefined : indexOf(rows, selected);
    const index = rowAfterKey(event.key, current, rows.length, Math.floor(height / rowHeight));
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
  const { start, end } = virtualWindow(
    rows.length,
    rowHeight,
    isFollowing ? rows.length * rowHeight - height : top,
    height,
  );
  const hasSelected = selected !== undefined && indexOf(rows, selected) >= start && indexOf(rows, selected) < end;
  return (
    <div
      class={shows === undefined ? "statements" : `statements with-${shows}`}
      role="grid"
      aria-label={label}
      aria-rowcount={rows.length + 1}
      aria-activedescendant={hasSelected ? rowID(selected) : undefined}
      tabIndex={0}
      onKeyDown={onKeyDown}
    >
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
      <div class="statements-scroll" role="presentation" ref={scroller} onScroll={onScroll}>
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
                onPress={onSelect}
              />
            ))}
          </div>
        </div>
      </div>
    </div>
  );
}

function rowID(id: number): string {
  return `row${id}`;
}

/** Place of a row by its number, or of the first after it. Rows are in the order of their numbers, with holes where they are filtered. */
export function indexOf(rows: readonly Row[], id: number): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((rows[middle] as Row).id < id) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/** Height of an element, as it changes. */
function useHeight(of: { readonly current: HTMLElement | null }): number {
  const [height, setHeight] = useState(480);
  useEffect(() => {
    const element = of.current;
    if (element === null) {
      return undefined;
    }
    const observer = new ResizeObserver(() => setHeight(element.clientHeight));
    observer.observe(element);
    setHeight(element.clientHeight);
    return () => observer.disconnect();
  }, []);
  return height;
}
