import { defined } from "#lib/defined.ts";
import { pause } from "#lib/clock.ts";
import { coerceError, UserError } from "#lib/errors.ts";
import type { StatementEvent, StatementList, VerifyReport } from "#wire/control-api.ts";
import { type Command, type Invocation, type Option, valueOf } from "../command.ts";
import { openSession, type Session } from "../signin/session.ts";
import { eventLine } from "../output/statement-line.ts";

const filterOptions: readonly Option[] = [
  { name: "user", value: "NAME", summary: "only this person's" },
  { name: "grant", value: "GRANT-ID", summary: "only under this grant" },
  { name: "database", value: "NAME", summary: "only on this database" },
  { name: "session", value: "ID", summary: "only in this session" },
  { name: "text", value: "TEXT", summary: "only statements that contain this text" },
];

/** A lost tail comes back at this pace, at the position where it stopped. */
const resumePauseMs = 1_000;

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
    let after = valueOf(invocation, "after");
    let session: Session | undefined;
    while (!world.signal.aborted) {
      try {
        session ??= await openSession(world);
        const path = `/v1/audit/tail?${query(invocation, { after })}`;
        for await (const event of session.control.stream<StatementEvent>(path, world.signal)) {
          after = String(event.storeSeq);
          if (event.event !== "heartbeat") {
            world.output.line(event, () => eventLine(event));
          }
        }
      } catch (error) {
        if (world.signal.aborted) {
          break;
        }
        const failure = coerceError(error);
        if (failure instanceof UserError && !["ControllerUnreachable", "NotSignedIn"].includes(failure.code)) {
          throw failure;
        }
        world.output.note(`${failure.message}; trying again`);
        session?.close();
        session = undefined;
      }
      await pause(world.clock, resumePauseMs, world.signal).catch(() => {});
    }
    session?.close();
    return 0;
  },
};

/** `sallyport audit search` */
export const auditSearch: Command = {
  name: "audit search",
  summary: "Search recorded statements",
  options: [
    ...filterOptions,
    { name: "since", value: "TIME", summary: "not before this instant (RFC 3339)" },
    { name: "until", value: "TIME", summary: "not after this instant (RFC 3339)" },
    { name: "limit", value: "N", summary: "at most this many", fallback: "100" },
  ],
  examples: [{ run: "sallyport audit search --user ada --text 'delete from'", does: "who deleted what" }],
  async run(invocation) {
    const { world } = invocation;
    const session = await openSession(world);
    try {
      const extra = {
        since: valueOf(invocation, "since"),
        until: valueOf(invocation, "until"),
        limit: valueOf(invocation, "limit"),
      };
      const { items } = await session.control.get<StatementList>(`/v1/audit/statements?${query(invocation, extra)}`);
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
    } finally {
      session.close();
    }
  },
};

/** `sallyport audit verify` */
export const auditVerify: Command = {
  name: "audit verify",
  summary: "Check that the audit trail is complete: nothing altered, removed, reordered or cut off",
  options: [],
  examples: [{ run: "sallyport audit verify", does: "exit 0 only when the trail is complete" }],
  async run({ world }) {
    const session = await openSession(world);
    try {
      const report = await session.control.post<VerifyReport>("/v1/audit/verify", {}, world.signal);
      world.output.result(report, () =>
        [
          `The audit trail is ${report.verdict}: ${report.records} records, ${report.sessions} sessions.`,
          ...report.findings.map((finding) => `  ${finding.kind}: ${finding.detail}`),
        ].join("\n"),
      );
      return report.verdict === "complete" ? 0 : 1;
    } finally {
      session.close();
    }
  },
};

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
