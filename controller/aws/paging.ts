/** One page and the token of the next, if there is one. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | undefined;
}

/** A service that never stops paging is a defect; 10,000 pages of 100 are far above every quota. */
export const pagesMax = 10_000;

/** Reads all pages. `read` gets `{}` first and `{ NextToken }` after, to spread into the request. */
export async function pages<T>(read: (token: { NextToken?: string }) => Promise<Page<T>>): Promise<T[]> {
  const all: T[] = [];
  let next: string | undefined;
  for (let page = 0; page < pagesMax; page += 1) {
    const answer = await read(next === undefined ? {} : { NextToken: next });
    all.push(...answer.items);
    next = answer.next;
    if (next === undefined || next === "") {
      return all;
    }
  }
  throw new Error("a listing of AWS did not end");
}
