import { expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { StoredTrail } from "../event/stored-trail.ts";
import { inlineCharactersMax, splitStart } from "../large-text.ts";
import { endBody, openBody, startBody } from "../testing/bodies.ts";
import { testChain, wholeSession } from "../testing/chains.ts";
import { collect } from "../testing/collect.ts";
import type { StoreUnderTest } from "./contract.ts";
import { parseExportLine } from "./export.ts";
import type { TailEntry } from "./store.ts";

/** What every audit store promises of what it gives piece by piece. */
export function textContract({ store, ingest }: StoreUnderTest): void {
  const query = { proxy: "default/main", task: "t1", session: "a", text: 1 };
  const sql = `select '${"ö".repeat(3 * inlineCharactersMax)}'`;

  it("gives a large text back whole, while search and tail show its beginning", async () => {
    const { pieces, start } = splitStart(startBody("a", 1, { sql }), () => 1, new Map());
    await ingest(testChain().write(openBody("a"), ...pieces, start));

    const found = await store().search({ text: "select 'ö" });
    const text = await collect(store().text(query));

    expect(text.length).toBeGreaterThan(1);
    expect(text.join("")).toBe(sql);
    expect(found.items).toMatchObject([{ sql: start.sql, sqlText: { text: 1, bytes: Buffer.byteLength(sql) } }]);
    const page = await collect(store().tail({ after: 0, signal: AbortSignal.timeout(200) }));
    expect(page.map(({ record }) => record?.kind)).toEqual(["session.open", "statement.start"]);
  });

  it("says which piece of it is missing", async () => {
    const { pieces } = splitStart(startBody("a", 1, { sql }), () => 1, new Map());
    const records = testChain().write(openBody("a"), ...pieces);

    await ingest(records.filter((_, index) => index !== 2));

    await expect(collect(store().text(query))).rejects.toMatchObject({
      code: "TextIncomplete",
      why: expect.stringContaining("Piece 1"),
    });
    await expect(collect(store().text({ ...query, text: 9 }))).rejects.toThrow("not whole");
  });
}

/** The same of its tail. */
export function tailContract({ store, ingest }: StoreUnderTest): void {
  it("gives what is there, then what comes, and resumes after any record without losing or repeating one", async () => {
    const chain = testChain();
    await ingest(chain.write(openBody("a")));
    const seen: TailEntry[] = [];
    let after = 0;
    let written = 0;
    while (seen.length < 11) {
      // Every tail is broken off after two records and resumed where it stopped.
      let inThisTail = 0;
      const tail = store().tail({ after });
      const reading = (async () => {
        for await (const entry of tail) {
          seen.push(entry);
          after = entry.storeSeq;
          inThisTail += 1;
          if (inThisTail === 2 || seen.length === 11) {
            break;
          }
        }
      })();
      if (written < 5) {
        written += 1;
        await ingest(chain.write(startBody("a", written), endBody("a", written)));
      }
      await reading;
    }

    expect(seen.map(({ storeSeq }) => storeSeq)).toEqual(Array.from({ length: 11 }, (_, index) => index + 1));
    expect(seen[2]).toMatchObject({ record: { kind: "statement.end" }, statement: { sql: "select 1", outcome: "ok" } });
  });

  it("passes over what its filter leaves out, however much it is", async () => {
    const chain = testChain();
    await ingest(chain.write(...wholeSession("a", 3_000)));
    await ingest(chain.write(openBody("b", { grantID: "gwanted" })));
    const controller = new AbortController();

    const seen: TailEntry[] = [];
    for await (const entry of store().tail({ after: 0, filter: { grantID: "gwanted" }, signal: controller.signal })) {
      seen.push(entry);
      controller.abort();
    }

    expect(seen.map(({ storeSeq, owner }) => [storeSeq, owner?.session])).toEqual([[6_003, "b"]]);
  });

  it("ends when the store is closed", async () => {
    const reading = collect(store().tail({ after: 0 }));

    await store().close();

    expect(await reading).toEqual([]);
  });

  it("exports lines that are readable and hold every byte, also of what is no record", async () => {
    const odd = [Buffer.from([0xff, 0x00]), Buffer.from('{"a":\n1}'), Buffer.from(' {"record":"}"} ')];
    const texts = testChain().write(openBody("a"), startBody("a", 1, { sql: 'select \'","record":\'' }));
    const records = [...texts, ...odd];
    await ingest(records);

    const lines = await collect(store().export());

    expect(lines.every((line) => !line.includes("\n") && typeof JSON.parse(line) === "object")).toBe(true);
    expect(lines.map((line) => Buffer.from(parseExportLine(line).bytes))).toEqual(records);
  });
}

/** The same of the controller's events. */
export function eventContract({ store, ingest }: StoreUnderTest): void {
  it("reads the controller's events by grant and name, and follows them", async () => {
    const clock = manualClock();
    const trail = new StoredTrail({ store: store(), installation: "test", replica: "r1", clock, onStored: () => {} });
    const actor = { kind: "User", name: "ana" } as const;
    await ingest(testChain().write(openBody("a")));
    for (const grantID of ["g1", "g2", "g1"]) {
      await trail.record({ event: "statements.viewed", actor, grantID });
    }
    await trail.record({ event: "grant.ended", actor, grantID: "g1", detail: { reason: "late" } });

    const first = await store().events({ grantID: "g1", limit: 2 });
    const rest = await store().events({ grantID: "g1", after: first.next ?? 0 });
    const ended: unknown[] = [];
    for await (const event of store().eventTail({ after: 0, filter: { names: ["grant.ended"] } })) {
      ended.push(event);
      break;
    }

    expect(first.items.map(({ storeSeq }) => storeSeq)).toEqual([2, 4]);
    expect(rest.items).toEqual(ended);
    expect(ended).toEqual([
      { event: "grant.ended", actor, grantID: "g1", detail: { reason: "late" }, storeSeq: 5, time: expect.any(String) },
    ]);
    expect(rest.next).toBeUndefined();
  });

  it("keeps an event once, whoever tells of it again", async () => {
    const clock = manualClock();
    const trailOf = (replica: string) =>
      new StoredTrail({ store: store(), installation: "test", replica, clock, onStored: () => {} });
    const actor = { kind: "Controller", name: "sallyport" } as const;
    const ended = { event: "grant.ended", actor, grantID: "g1", detail: { reason: "Expired" } } as const;
    const extended = { event: "grant.extended", actor, grantID: "g1", detail: { count: "1" } } as const;
    const one = trailOf("r1");
    await Promise.all([one.record(extended), one.record(ended), one.record(ended)]);

    await one.record(ended);
    await trailOf("r2").record({ ...ended, detail: { reason: "Expired", at: "earlier" } });
    await trailOf("r2").record({ ...extended, detail: { count: "2" } });

    const { items } = await store().events({ grantID: "g1" });
    expect(items.map(({ event, detail }) => [event, detail])).toEqual([
      ["grant.extended", { count: "1" }],
      ["grant.ended", { reason: "Expired" }],
      ["grant.extended", { count: "2" }],
    ]);
  });
}
