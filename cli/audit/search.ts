import type { StatementEvent, StatementList } from "#wire/control-api.ts";
import { type Invocation, valueOf } from "../command.ts";
import { eventLine } from "../output/statement-line.ts";
import { signedIn } from "../signin/signed-in.ts";
import { filterOf, readCount, withIDs } from "./filter.ts";

/** The most that the control API gives in one answer. */
const pageSizeMax = 1_000;

/** `sallyport audit search` */
export async function searchStatements(invocation: Invocation): Promise<number> {
  const { world } = invocation;
  const items = await search(invocation, readCount(invocation, "limit") ?? 0);
  if (world.output.format === "json") {
    world.output.rows(items, [], "");
    return 0;
  }
  for (const event of items) {
    world.output.line(event, () => eventLine(event));
  }
  if (items.length === 0) {
    world.output.note("Nothing recorded fits.");
  }
  return 0;
}

function search(invocation: Invocation, limit: number): Promise<StatementEvent[]> {
  const { world } = invocation;
  const typed = filterOf(invocation);
  const order = valueOf(invocation, "order") ?? "newest";
  return signedIn(world, async ({ control }) => {
    const filter = await withIDs(control, typed, invocation);
    const found: StatementEvent[] = [];
    let after: number | undefined;
    while (found.length < limit) {
      const query = new URLSearchParams({
        ...filter,
        ...(order === "newest" ? {} : { order }),
        ...(after === undefined ? {} : { after: String(after) }),
        limit: String(Math.min(limit - found.length, pageSizeMax)),
      });
      const { items, next } = await control.get<StatementList>(`/v1/audit/statements?${query}`, {
        signal: world.signal,
      });
      found.push(...items);
      if (next === undefined) {
        break;
      }
      after = next;
    }
    return found;
  });
}
