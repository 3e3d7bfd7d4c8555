import { pause } from "#lib/clock.ts";
import { defined } from "#lib/defined.ts";
import { UserError } from "#lib/errors.ts";
import type { StatementEvent, StatementList } from "#wire/control-api.ts";
import { type Command, type Invocation, type Option, valueOf } from "../command.ts";
import { isTransient } from "../control/failure.ts";
import { eventLine } from "../output/statement-line.ts";
import { signedIn } from "../signin/signed-in.ts";

const filterOptions: readonly Option[] = [
  { name: "user", value: "NAME", summary: "only this person's" },
  { name: "grant", value: "GRANT-ID", summary: "only under this grant" },
  { name: "database", value: "NAME", summary: "only on this database" },
  { name: "session", value: "ID", summary: "only in this session" },
  { name: "text", value: "TEXT", summary: "only statements that contain this text" },
];

/** A lost tail comes back at this pace, at the position where it stopped. */
const resumePauseMs = 1_000;
/** The most that the control API gives in one answer. */
const pageSizeMax = 1_000;

/** `sallyport audit tail` */
export const auditTail: Command = {
  name: "audit tail",
  summary: "Follow statements live; resumes where it stopped and drops nothing",
  options: [
    ...filterOptions,
    { name: "after", value: "POSITION", summary: "start after this position instead of now; 0 is the beginning" },
  ],
  examples: [{ run: "sallyport audit tail --database orders", does: "what happens on one database" }],
  async run(invocation) {
    const { world } = invocation;
    let after = readCount(invocation, "after");
    let said = "";
    while (!world.signal.aborted) {
      try {
        // The server ends a tail with the token that opened it; each turn of this loop holds one that is signed in anew if need be.
        await signedIn(world, async ({ control }) => {
          while (!world.signal.aborted) {
            const path = `/v1/audit/tail?${query(invocation, { after: after?.toString() })}`;
            for await (const event of control.stream<StatementEvent>(path, world.signal)) {
              said = "";
              after = event.storeSeq;
              if (event.event !== "heartbeat") {
                world.output.line(event, () => eventLine(event));
                await world.output.drained();
              }
            }
            await pause(world.clock, resumePauseMs, world.signal);
          }
        });
      } catch (error) {
        if (world.signal.aborted) {
          break;
        }
        if (!isTransient(error)) {
          throw error;
        }
        const { message } = error as Error;
        if (message !== said) {
          said = message;
          world.output.note(`${message}; trying again`);
        }
        await pause(world.clock, resumePauseMs, world.signal).catch(() => {});
      }
    }
    return 0;
  },
};

/** `sallyport audit search` */
export const auditSearch: Command = {
  name: "audit search",
  summary: "Search recorded statements, newest first",
  options: [
    ...filterOptions,
    { name: "since", value: "TIME", summary: "not before this instant (RFC 3339)" },
    { name: "until", value: "TIME", summary: "before this instant (RFC 3339)" },
    { name: "limit", value: "N", summary: "at most this many", fallback: "100" },
  ],
  examples: [{ run: "sallyport audit search --user ada --text 'delete from'", does: "who deleted what" }],
  async run(invocation) {
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
  },
};

function search(invocation: Invocation, limit: number): Promise<StatementEvent[]> {
  const { world } = invocation;
  const range = { since: valueOf(invocation, "since"), until: valueOf(invocation, "until") };
  return signedIn(world, async ({ control }) => {
    const found: StatementEvent[] = [];
    let after: number | undefined;
    while (found.length < limit) {
      const page = { after: after?.toString(), limit: String(Math.min(limit - found.length, pageSizeMax)) };
      const path = `/v1/audit/statements?${query(invocation, { ...range, ...page })}`;
      const { items, next } = await control.get<StatementList>(path, { signal: world.signal });
      found.push(...items);
      if (next === undefined) {
        break;
      }
      after = next;
    }
    return found;
  });
}

function readCount(invocation: Invocation, name: string): number | undefined {
  const text = valueOf(invocation, name);
  if (text !== undefined && !/^\d{1,15}$/.test(text)) {
    throw new UserError("InvalidNumber", `--${name} must be a whole number, found "${text}"`);
  }
  return text === undefined ? undefined : Number(text);
}

function query(invocation: Invocation, extra: Readonly<Record<string, string | undefined>>): URLSearchParams {
  return new URLSearchParams(
    defined({
      userName: valueOf(invocation, "user"),
      grantID: valueOf(invocation, "grant"),
      database: valueOf(invocation, "database"),
      session: valueOf(invocation, "session"),
      text: valueOf(invocation, "text"),
      ...extra,
    }),
  );
}
