import type { Page } from "playwright-core";

/** A row of a list of statements as it is on the screen. */
export interface SeenRow {
  /** Place in the whole list, from 1; the head is 1. */
  readonly index: number;
  readonly kind: "statement" | "mark";
  readonly sql: string;
  readonly outcome: string;
}

/** Reads a whole list of statements by scrolling through it from the top, as no page holds all of its rows. Leaves it paused, at its end. */
export async function allRows(page: Page, label: string): Promise<SeenRow[]> {
  const rows = await page.getByRole("grid", { name: label }).evaluate(readAll);
  return rows as SeenRow[];
}

/** Runs in the page; types of a page are not known here. */
async function readAll(grid: unknown): Promise<unknown> {
  interface Elementary {
    querySelector(selector: string): Elementary | null;
    querySelectorAll(selector: string): Iterable<Elementary>;
    getAttribute(name: string): string | null;
    readonly classList: { contains(name: string): boolean };
    readonly textContent: string;
    readonly scrollHeight: number;
    readonly clientHeight: number;
    scrollTop: number;
  }
  const list = grid as Elementary;
  const scroller = list.querySelector(".statements-scroll");
  if (scroller === null) {
    throw new Error("the list has no scroller");
  }
  const { requestAnimationFrame: frame } = globalThis as unknown as {
    readonly requestAnimationFrame: (next: () => void) => void;
  };
  const drawn = (): Promise<void> => new Promise((resolve) => frame(() => frame(() => resolve())));
  const seen = new Map<number, unknown>();
  for (let top = 0; ; top += scroller.clientHeight - 60) {
    scroller.scrollTop = top;
    await drawn();
    for (const row of list.querySelectorAll("[data-row]")) {
      const index = Number(row.getAttribute("aria-rowindex"));
      seen.set(index, {
        index,
        kind: row.classList.contains("mark") ? "mark" : "statement",
        sql: row.querySelector(".sql")?.textContent ?? row.querySelector(".mark-text")?.textContent ?? "",
        outcome: row.querySelector(".statement-outcome")?.textContent ?? "",
      });
    }
    if (top + scroller.clientHeight >= scroller.scrollHeight) {
      return [...seen.entries()].sort(([one], [other]) => one - other).map(([, row]) => row);
    }
  }
}
