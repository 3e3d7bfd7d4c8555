import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startPostgres, type TestPostgres } from "#test/harness/postgres.ts";
import { isClose } from "../testing/journal.ts";
import { RawClient, say } from "../testing/raw-client.ts";
import { role, roleSQL, startStand, type Stand } from "../testing/stand.ts";

// The server itself is the judge: each statement touches a sequence of its own, which no rollback takes back.

const probes = 60;
let postgres: TestPostgres;
let stand: Stand;

beforeAll(async () => {
  const sequences = Array.from({ length: probes }, (_, n) => `create sequence probe_${n};`).join("");
  postgres = await startPostgres({
    initSQL: `${roleSQL} create table t (n int); grant all on t to ${role.username}; ${sequences} grant all on all sequences in schema public to ${role.username};`,
  });
  stand = await startStand(postgres);
});
afterAll(async () => {
  await stand?.stop();
  await postgres?.stop();
});

/** A piece of a conversation; `probe` numbers the sequence that it touches when it really runs. */
type Step =
  | { readonly kind: "simple" | "extended" | "named"; readonly fails: "no" | "parse" | "run"; readonly syncs: boolean }
  | { readonly kind: "two"; readonly firstFails: boolean }
  | { readonly kind: "copy"; readonly bad: boolean; readonly extended: boolean }
  | { readonly kind: "portal"; readonly syncs: boolean }
  | { readonly kind: "describe" | "close" | "sync" | "flush" | "begin" | "commit" };

const fails = fc.constantFrom("no" as const, "parse" as const, "run" as const);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constantFrom("simple" as const, "extended" as const, "named" as const),
    fails,
    syncs: fc.boolean(),
  }),
  fc.record({ kind: fc.constant("two" as const), firstFails: fc.boolean() }),
  fc.record({ kind: fc.constant("copy" as const), bad: fc.boolean(), extended: fc.boolean() }),
  fc.record({ kind: fc.constant("portal" as const), syncs: fc.boolean() }),
  fc.record({
    kind: fc.constantFrom(
      "describe" as const,
      "close" as const,
      "sync" as const,
      "flush" as const,
      "begin" as const,
      "commit" as const,
    ),
  }),
);

function sqlOf(probe: number, fails: "no" | "parse" | "run"): string {
  if (fails === "parse") {
    return `selec nextval('probe_${probe}')`;
  }
  // Volatile, so that nothing is computed before it runs; the failure comes after the sequence was touched.
  return fails === "run" ? `select 1 / (nextval('probe_${probe}') * 0)` : `select nextval('probe_${probe}')`;
}

function bytesOf(steps: readonly Step[]): { bytes: Buffer; syncs: number } {
  let probe = 0;
  const messages: Buffer[] = [];
  for (const step of steps) {
    switch (step.kind) {
      case "simple":
        messages.push(say.sync(), say.query(sqlOf(probe, step.fails)));
        probe += 1;
        break;
      case "extended":
      case "named": {
        const name = step.kind === "named" ? `s${probe}` : "";
        messages.push(
          say.parse(name, sqlOf(probe, step.fails)),
          say.bind("", name),
          say.describe("P", ""),
          say.execute(),
        );
        probe += 1;
        if (step.syncs) {
          messages.push(say.sync());
        }
        break;
      }
      case "two":
        messages.push(
          say.sync(),
          say.query(`${sqlOf(probe, step.firstFails ? "run" : "no")}; ${sqlOf(probe + 1, "no")} /* ; */`),
        );
        probe += 2;
        break;
      case "copy":
        messages.push(say.sync());
        messages.push(
          ...(step.extended
            ? [say.parse("", "copy t from stdin"), say.bind("", ""), say.execute()]
            : [say.query("copy t from stdin")]),
        );
        messages.push(say.copyData(step.bad ? "x\n" : "1\n"), say.copyDone(), say.sync());
        break;
      case "portal":
        messages.push(
          say.parse("", "select generate_series(1, 3)"),
          say.bind("p", ""),
          say.execute("p", 2),
          say.execute("p", 2),
          say.close("P", "p"),
        );
        if (step.syncs) {
          messages.push(say.sync());
        }
        break;
      case "describe":
        messages.push(say.describe("S", "no_such_statement"));
        break;
      case "close":
        messages.push(say.close("S", "s0"), say.flush());
        break;
      case "sync":
        messages.push(say.sync());
        break;
      case "flush":
        messages.push(say.flush());
        break;
      case "begin":
      case "commit":
        messages.push(say.sync(), say.query(step.kind));
        break;
    }
  }
  messages.push(say.sync(), say.query("rollback"), say.query("select 'the end'"));
  return { bytes: Buffer.concat(messages), syncs: 0 };
}

it("every statement of any pipeline is recorded, and recorded as run exactly when the server ran it", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 12 }),
      fc.array(fc.integer({ min: 1, max: 300 }), { maxLength: 12 }),
      async (steps, cuts) => {
        stand.journal.clear();
        await postgres.query(
          Array.from({ length: probes }, (_, n) => `select setval('probe_${n}', 1, false)`).join(";"),
        );
        const client = await RawClient.start(stand.port, { user: role.username, database: postgres.database });
        const { bytes } = bytesOf(steps);

        let offset = 0;
        for (const cut of cuts) {
          client.socket.write(bytes.subarray(offset, offset + cut));
          offset += cut;
          await new Promise((resolve) => setImmediate(resolve));
        }
        client.socket.write(bytes.subarray(offset));
        for (let isOver = false; !isOver;) {
          isOver = (await client.until("D")).at(-1)?.body.toString("latin1").includes("the end") ?? false;
        }
        await client.until("Z");
        client.send(say.terminate());
        const close = await stand.journal.until(isClose);

        expect(close).toMatchObject({ reason: "client-closed", backend: "gone" });
        const touched = await touchedProbes();
        const said = new Set<number>();
        for (const { start, end } of stand.journal.statements()) {
          expect(end).toBeDefined();
          const numbers = [...String(start.sql).matchAll(/probe_(\d+)/g)].map((match) => Number(match[1]));
          const results = end?.results ?? [end];
          numbers.forEach((number, index) => {
            const result = results[index];
            // A statement that failed while it ran has touched its sequence; one that failed to parse has not.
            if (result?.outcome === "ok" || (result?.outcome === "error" && result.sqlState === "22012")) {
              said.add(number);
            }
          });
        }
        expect([...said].sort((a, b) => a - b)).toEqual(touched);
      },
    ),
    { numRuns: 60 },
  );
}, 120_000);

async function touchedProbes(): Promise<number[]> {
  const sql = Array.from({ length: probes }, (_, n) => `select ${n} as n, is_called from probe_${n}`).join(
    " union all ",
  );
  const rows = await postgres.query<{ n: number; is_called: boolean }>(`${sql} order by n`);
  return rows.filter((row) => row.is_called).map((row) => row.n);
}
