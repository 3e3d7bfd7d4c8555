import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { indexOf, type Row } from "./rows.ts";

/** Where a list stands and how it is moved. */
export interface ListScroll {
  readonly scroller: { current: HTMLDivElement | null };
  /** Pixels above what is seen. */
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly onScroll: () => void;
  /** Brings the n-th row into view. */
  readonly reveal: (index: number) => void;
}

interface ListScrollOptions {
  readonly rows: readonly Row[];
  readonly rowHeightAt: (width: number) => number;
  readonly isFollowing: boolean;
  readonly onFollow: (isFollowing: boolean) => void;
}

/**
 * Keeps the end of a list in view while it is followed, and otherwise the row that is at the top, whatever comes before it. Scrolling up
 * ends the following, scrolling to the end begins it again.
 */
export function useListScroll({ rows, rowHeightAt, isFollowing, onFollow }: ListScrollOptions): ListScroll {
  const scroller = useRef<HTMLDivElement>(null);
  const [, draw] = useState(0);
  const { width, height } = useSize(scroller);
  const rowHeight = rowHeightAt(width);
  const anchor = useRef({ id: 0, offset: 0 });
  /** Where this code put it: anything above that was a person's hand. */
  const written = useRef(0);
  const write = (value: number): void => {
    const element = scroller.current;
    if (element !== null) {
      element.scrollTop = value;
      written.current = element.scrollTop;
      if (!isFollowing) {
        // What is drawn while it follows is the end, wherever that is: drawing it again would change nothing.
        draw(written.current);
      }
    }
  };
  const hold = (at: number): void => {
    const index = Math.max(0, Math.min(rows.length - 1, Math.floor(at / rowHeight)));
    anchor.current = { id: rows[index]?.id ?? 0, offset: at - index * rowHeight };
  };
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null) {
      return;
    }
    if (isFollowing) {
      write(element.scrollHeight);
      hold(written.current);
      return;
    }
    const wanted = indexOf(rows, anchor.current.id) * rowHeight + anchor.current.offset;
    if (Math.abs(element.scrollTop - wanted) > 1) {
      write(wanted);
    }
  }, [isFollowing, isFollowing ? rows.length : rows[0]?.id, rowHeight, height]);
  const onScroll = (): void => {
    const element = scroller.current;
    if (element === null) {
      return;
    }
    const at = element.scrollTop;
    const isAtEnd = element.scrollHeight - at - element.clientHeight < rowHeight / 2;
    if (isFollowing && at < written.current - 1) {
      onFollow(false);
    } else if (!isFollowing && isAtEnd && at > written.current) {
      onFollow(true);
    }
    hold(at);
    written.current = at;
    if (!isFollowing) {
      draw(at);
    }
  };
  const reveal = (index: number): void => {
    const from = index * rowHeight;
    const top = written.current;
    if (from < top || from + rowHeight > top + height) {
      write(from < top ? from : from + rowHeight - height);
      hold(written.current);
    }
  };
  return { scroller, top: written.current, width, height, onScroll, reveal };
}

/** Size of an element in pixels, as it changes. */
function useSize(of: { readonly current: HTMLElement | null }): { readonly width: number; readonly height: number } {
  const [size, setSize] = useState({ width: 1_000, height: 480 });
  useLayoutEffect(() => {
    const element = of.current;
    if (element === null) {
      return undefined;
    }
    const look = (): void => setSize({ width: element.clientWidth, height: element.clientHeight });
    const observer = new ResizeObserver(look);
    observer.observe(element);
    look();
    return () => observer.disconnect();
  }, []);
  return size;
}
