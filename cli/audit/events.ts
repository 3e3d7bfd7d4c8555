import { printable } from "#audit/text.ts";
import { defined } from "#lib/defined.ts";
import { UserError } from "#lib/errors.ts";
import type { TrailEventLine, TrailEventList, TrailEventView } from "#wire/trail-event.ts";
import { type Invocation, isSet, valueOf, type World } from "../command.ts";
import type { ControlClient } from "../control/client.ts";
import { followLines } from "../control/follow.ts";
import { checkGrantText, findGrant } from "../grants/find.ts";
import { signedIn } from "../signin/signed-in.ts";

/** The most that the control API gives in one answer. */
const pageSizeMax = 1_000;

/** `sallyport events`: oldest first. With `--follow` until it is interrupted; a lost connection leaves no gap. */
export async function showEvents(invocation: Invocation): Promise<number> {
  const { world } = invocation;
  const typed = valueOf(invocation, "grant");
  if (typed !== undefined) {
    checkGrantText(typed);
  }
  const after = valueOf(invocation, "after") ?? "0";
  if (!/^\d{1,15}$/.test(after)) {
    throw new UserError("InvalidNumber", `--after must be a whole number, found "${after}"`);
  }
  return signedIn(world, async ({ control }) => {
    const grantID = typed === undefined ? undefined : (await findGrant(control, typed, world)).grantID;
    const filter = new URLSearchParams(defined({ grantID }));
    const show = async (event: TrailEventView): Promise<void> => {
      world.output.line(event, () => trailLine(event));
      await world.output.drained();
    };
    const asked: Asked = { filter, after: Number(after) };
    if (isSet(invocation, "follow")) {
      await follow(control, asked, show, world);
      return 0;
    }
    const count = await readPages(control, asked, show, world);
    if (count === 0) {
      world.output.note("Nothing has happened that you may see.");
    }
    return 0;
  });
}

interface Asked {
  readonly filter: URLSearchParams;
  /** Position in the store. */
  readonly after: number;
}
type Show = (event: TrailEventView) => Promise<void>;

/** How many there were. */
async function readPages(control: ControlClient, { filter, after }: Asked, show: Show, world: World): Promise<number> {
  let count = 0;
  for (let position: number | undefined = after; position !== undefined;) {
    const path: string = `/v1/events?${filter}&after=${position}&limit=${pageSizeMax}`;
    const { items, next } = await control.get<TrailEventList>(path, { signal: world.signal });
    for (const event of items) {
      await show(event);
    }
    count += items.length;
    position = next;
  }
  return count;
}

async function follow(control: ControlClient, { filter, after }: Asked, show: Show, world: World): Promise<void> {
  let position = after;
  try {
    const pathOf = (): string => `/v1/events/tail?${filter}&after=${position}`;
    for await (const line of followLines<TrailEventLine>(control, pathOf, world)) {
      if (isEvent(line)) {
        await show(line);
        position = line.storeSeq;
      }
    }
  } catch (error) {
    if (!world.signal.aborted) {
      throw error;
    }
  }
}

function isEvent(line: TrailEventLine): line is TrailEventView {
  return "storeSeq" in line;
}

/** One event as one line of text. Its values come from people: control characters are shown, never obeyed. */
export function trailLine(event: TrailEventView): string {
  const { actor, userName, database, role, session, detail = {} } = event;
  const by =
    actor.kind === "Controller"
      ? ""
      : ` by ${actor.name}${actor.kind === "User" ? "" : ` (${actor.kind.toLowerCase()})`}`;
  const about = [
    userName,
    database === undefined ? undefined : `${database}${role === undefined ? "" : `/${role}`}`,
    session === undefined ? undefined : `session ${session.slice(0, 8)}`,
    ...Object.entries(detail).map(([name, value]) => `${name}=${value}`),
  ].filter((part) => part !== undefined && part !== "");
  return printable(`${event.time} ${event.event}${by}${about.length === 0 ? "" : `  ${about.join("  ")}`}`);
}
