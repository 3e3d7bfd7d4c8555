import { generateKeyPairSync } from "node:crypto";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { fuzzSeed } from "#test/harness/fuzz-seed.ts";
import { ChainLinker } from "../chain.ts";
import { decodeRecord } from "../codec.ts";
import { eventBody } from "../event/event-record.ts";
import type { HeadPlace } from "../head-place.ts";
import { HeadLog } from "../heads.ts";
import { localSigner } from "../signing-key.ts";
import { BatchJudge, headOf, openHeads, type SessionState } from "../store/judge.ts";
import type { RawRange, RawRecord } from "../store/types.ts";
import { openBody, startBody } from "../testing/bodies.ts";
import { testChain, wholeSession } from "../testing/chains.ts";
import { collect } from "../testing/collect.ts";
import { type ExportScope, readExportLine } from "./format.ts";
import { verifyExport } from "./verify.ts";
import { exportTrail } from "./write.ts";

const signer = localSigner(generateKeyPairSync("ed25519").privateKey);
const { publicKeyPEM } = signer;

/** What an installation kept: two tasks and the controller, heads signed after each batch. `t1` has an open session. */
interface Kept {
  readonly raw: RawRecord[];
  readonly heads: string[];
}

async function keep(batches: readonly { readonly task: string; readonly records: readonly Buffer[] }[]): Promise<Kept> {
  const heads: string[] = [];
  const place: HeadPlace = {
    async *lines() {
      yield* heads;
    },
    async append(_number, line) {
      heads.push(line);
    },
    async close() {},
  };
  const onFailed = (error: Error): never => {
    throw error;
  };
  const log = await HeadLog.open({ place, signer, installation: "test", clock: manualClock(), onFailed });
  const raw: RawRecord[] = [];
  const states = new Map<
    string,
    { seq: number; chainSeq: number; chainHead: string | null; sessions: Map<string, SessionState> }
  >();
  for (const { task, records } of batches) {
    const { proxy } = decodeRecord(records[0]!);
    const state = states.get(task) ?? {
      seq: 0,
      chainSeq: 0,
      chainHead: null,
      sessions: new Map<string, SessionState>(),
    };
    states.set(task, state);
    const own = Object.assign(state, { proxy, task });
    const session = (name: string): SessionState => {
      const known = state.sessions.get(name) ?? { session: name, sessionSeq: 0, head: "", statements: 0 };
      state.sessions.set(name, known);
      return known;
    };
    const judge = new BatchJudge(own, { session, bytesAt: () => undefined, isConflict: () => false });
    for (const bytes of records) {
      judge.take(bytes, decodeRecord(bytes));
      const storeSeq = raw.length + 1;
      const receivedTime = new Date(Date.UTC(2026, 0, 1) + storeSeq * 1_000).toISOString();
      raw.push({ storeSeq, receivedTime, proxy, task, bytes });
    }
    log.note(headOf(own, openHeads(judge.changed)));
    await log.flush();
  }
  return { raw, heads };
}

/** As the stores do it. */
function selected(raw: readonly RawRecord[], { after = 0, upTo = raw.length, grantID }: RawRange): RawRecord[] {
  const decoded = raw.map(({ bytes }) => decodeRecord(bytes));
  const sessions = new Set(
    decoded.flatMap((record) => (record.kind === "session.open" && record.grantID === grantID ? [record.session] : [])),
  );
  return raw.filter(({ storeSeq }, index) => {
    const record = decoded[index]!;
    const isOfGrant = record.kind === "event" ? record.about.grantID === grantID : sessions.has(record.session ?? "");
    return storeSeq > after && storeSeq <= upTo && (grantID === undefined || isOfGrant);
  });
}

function lines({ raw, heads }: Kept, scope: ExportScope): Promise<string[]> {
  return collect(
    exportTrail(
      {
        installation: "test",
        store: {
          newest: async () => raw.length,
          positionBefore: async (time) => raw.filter(({ receivedTime }) => Date.parse(receivedTime) < time).length,
          async *raw(range) {
            yield* selected(raw, range);
          },
        },
        flush: async () => {},
        async *headLines() {
          yield* heads;
        },
        now: () => Date.UTC(2026, 0, 2),
      },
      scope,
    ),
  );
}

let kept: Kept;
let whole: string[];

beforeAll(async () => {
  const one = testChain("default/main", "t1");
  const two = testChain("default/main", "t2");
  const controller = new ChainLinker("controller:test", "r1");
  const event = (grantID: string): Buffer =>
    controller.link(
      eventBody({ event: "grant.activated", actor: { kind: "Controller", name: "controller" }, grantID }),
      Date.UTC(2026, 0, 1),
      controller.seq + 1,
    );
  const other = { grantID: "gother" };
  kept = await keep([
    { task: "r1", records: [event("gother")] },
    { task: "t1", records: one.write(...wholeSession("a", 2)) },
    { task: "t2", records: two.write(openBody("b", other), startBody("b", 1)) },
    { task: "t1", records: one.write(openBody("c", other), ...wholeSession("d", 1), startBody("c", 1)) },
    { task: "t2", records: two.write(...wholeSession("b", 2).slice(2)) },
    { task: "r1", records: [event("gother"), event("gmine")] },
  ]);
  whole = await lines(kept, { kind: "all" });
});

describe("an export of everything", () => {
  it("is complete by itself and the public key, with nothing else at hand", async () => {
    const report = await verifyExport(whole, publicKeyPEM);

    expect(report).toMatchObject({
      verdict: "complete",
      findings: [],
      installation: "test",
      counts: { records: kept.raw.length, tasks: 3, sessions: 4, openSessions: 1 },
    });
    expect(report.proves).toHaveLength(1);
  });

  it("is consistent and unanchored without the key, and with fewer heads than records", async () => {
    const keyless = await verifyExport(whole, undefined);
    const lastHead = whole.findLastIndex((line) => readExportLine(line)?.kind === "head");
    const end = whole.at(-1)!.replace(/"heads":\d+/, `"heads":${kept.heads.length - 1}`);
    const behind = await verifyExport([...whole.toSpliced(lastHead, 1).slice(0, -1), end], publicKeyPEM);

    expect([keyless.verdict, behind.verdict]).toEqual(["consistent, unanchored", "consistent, unanchored"]);
    expect(keyless.doesNotProve[0]).toContain("public key");
    expect(behind.unanchored).toMatchObject([{ task: "r1" }]);
  });

  it("does not hold for another key", async () => {
    const other = localSigner(generateKeyPairSync("ed25519").privateKey).publicKeyPEM;

    const report = await verifyExport(whole, other);

    expect(report.verdict).toBe("broken");
    expect(report.findings[0]?.detail).toContain("none of the keys");
    expect((await verifyExport(whole, other + publicKeyPEM)).verdict).toBe("complete");
  });

  const isRecord = (line: string): boolean => readExportLine(line)?.kind === "record";
  const firstRecord = (all: readonly string[]): number => all.findIndex(isRecord);
  const tampered: [string, (all: string[]) => string[], string][] = [
    ["a record that was altered", (all) => all.map((line) => line.replace("select 2", "select 9")), "altered"],
    ["a record that is gone", (all) => all.toSpliced(firstRecord(all) + 3, 1), "removed"],
    ["two records that changed places", (all) => swapped(all, firstRecord(all) + 2), "reordered"],
    [
      "a record that is there twice",
      (all) => all.toSpliced(firstRecord(all) + 2, 0, all[firstRecord(all) + 1]!),
      "conflict",
    ],
    ["an end that was cut off", (all) => all.slice(0, -3), "truncated"],
    ["a last line that is missing", (all) => all.slice(0, -1), "truncated"],
    ["a last line that counts otherwise", (all) => [...all.slice(0, -1), all.at(-1)!.replace(/\d+/, "1")], "removed"],
    ["a head that is gone", (all) => all.toSpliced(2, 1), "head-removed"],
    ["a head that was altered", (all) => all.with(2, all[2]!.replace(/seq\\":6/, 'seq\\":5')), "head-altered"],
    ["a head that was respaced", (all) => all.with(2, all[2]!.replace('{\\"', '{ \\"')), "head-altered"],
    ["a line of something else", (all) => all.toSpliced(12, 0, "{}"), "altered"],
    [
      "a record under another name",
      (all) => all.map((line) => line.replace('"task":"t2","rec', '"task":"t1","rec')),
      "altered",
    ],
    ["another installation's name", (all) => all.with(0, all[0]!.replace('"test"', '"best"')), "head-altered"],
  ];

  it.each(tampered)("names %s", async (_what, tamper, kind) => {
    const { verdict, findings } = await verifyExport(tamper(whole), publicKeyPEM);

    expect(verdict).toBe("broken");
    expect(findings.map((finding) => finding.kind)).toContain(kind);
  });

  it("names a session that a task which is gone has never closed", async () => {
    const chain = testChain("default/main", "t9");
    const abandoned = await keep([{ task: "t9", records: chain.write(openBody("z"), startBody("z", 1)) }]);
    const place: HeadPlace = {
      async *lines() {
        yield* abandoned.heads;
      },
      append: async (_number, line) => void abandoned.heads.push(line),
      async close() {},
    };
    const log = await HeadLog.open({ place, signer, installation: "test", clock: manualClock(), onFailed: () => {} });
    log.endTask("default/main", "t9", "ECS no longer lists the task");
    await log.close();

    const report = await verifyExport(await lines(abandoned, { kind: "all" }), publicKeyPEM);

    expect(report).toMatchObject({ verdict: "broken", findings: [{ kind: "never-closed", session: "z" }] });
  });

  it("refuses a file that is no export", async () => {
    await expect(verifyExport(["{}"], publicKeyPEM)).rejects.toThrow("first line");
    await expect(verifyExport([], publicKeyPEM)).rejects.toThrow("first line");
  });
});

describe("any manipulation of an export", () => {
  /** What the proof is about: the bytes of each task's records in their order, and the heads. Between tasks there is no order. */
  const meaning = (all: readonly string[]): unknown =>
    Object.groupBy(texts(all), (text) => text.split(" ", 2).join(" "));
  const texts = (all: readonly string[]): string[] =>
    all.flatMap((line) => {
      const read = readExportLine(line);
      if (read?.kind === "record") {
        return [`${read.raw.proxy} ${read.raw.task} ${Buffer.from(read.raw.bytes).toString("base64")}`];
      }
      return read?.kind === "head" ? [`head - ${read.line}`] : [];
    });

  async function assertFound(changed: string[]): Promise<void> {
    const report = await verifyExport(changed, publicKeyPEM).catch(() => undefined);
    if (report?.verdict === "complete") {
      expect(meaning(changed)).toEqual(meaning(whole));
    }
  }

  it("of a byte is found, or changes nothing that the proof is about", async () => {
    const file = Buffer.from(whole.join("\n"));
    await fc.assert(
      fc.asyncProperty(fc.nat(file.length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        const changed = Buffer.from(file);
        changed[at]! ^= flip;

        await assertFound(changed.toString("utf8").split("\n"));
      }),
      { numRuns: 1_500, seed: fuzzSeed },
    );
  });

  it("of lines (taken out, doubled, moved, exchanged, cut) is found, or changes nothing that the proof is about", async () => {
    const place = fc.nat(200).map((at) => at % whole.length);
    const step = fc.record({ kind: fc.constantFrom("out", "twice", "move", "exchange", "cut"), at: place, to: place });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 3 }), async (steps) => {
        let changed = [...whole];
        for (const { kind, at, to } of steps) {
          const line = changed[at] ?? "";
          if (kind === "out") {
            changed.splice(at, 1);
          } else if (kind === "twice") {
            changed.splice(to, 0, line);
          } else if (kind === "move") {
            changed.splice(at, 1);
            changed.splice(to, 0, line);
          } else if (kind === "exchange") {
            changed[at] = changed[to] ?? "";
            changed[to] = line;
          } else {
            changed = changed.slice(0, at);
          }
        }

        await assertFound(changed);
      }),
      { numRuns: 1_500, seed: fuzzSeed },
    );
  });
});

describe("an export without heads", () => {
  it("is never complete, however empty it is", async () => {
    const [header] = await lines(kept, { kind: "all" });
    const end = JSON.stringify({ end: true, heads: 0, records: 0 });

    const report = await verifyExport([header!, end], publicKeyPEM);

    expect(report).toMatchObject({ verdict: "consistent, unanchored", proves: [] });
    expect(report.lastHead).toBeUndefined();
  });

  it("whose heads are no JSON of ours is broken and no failure", async () => {
    const all = await lines(kept, { kind: "all" });
    const head = JSON.parse(all[1]!) as { head: string };
    const odd = JSON.stringify({ head: `${head.head.slice(0, -1)},"0":1}` });

    const report = await verifyExport([all[0]!, odd, ...all.slice(2)], publicKeyPEM);

    expect(report.verdict).toBe("broken");
    expect(report.lastHead).toMatchObject({ line: kept.heads.length });
  });
});

describe("an export of a part", () => {
  it("of one Grant proves its sessions and says what it cannot prove", async () => {
    const all = await lines(kept, { kind: "grant", grantID: "gother" });

    const report = await verifyExport(all, publicKeyPEM);

    // b is whole, but the close that ends it is the last that was signed of its task; c is open.
    expect(report).toMatchObject({
      verdict: "consistent, unanchored",
      findings: [],
      counts: { sessions: 2, records: 10 },
    });
    expect(report.proves.join(" ")).toContain("1 of 2 sessions are whole");
    expect(report.doesNotProve[0]).toContain("no other sessions");
  });

  it("of one Grant holds no other one's sessions or events: the first line, which names it, is not signed", async () => {
    const ofMany = await lines(kept, { kind: "all" });
    const header = { ...JSON.parse(ofMany[0]!), scope: { kind: "grant", grantID: "gother" } };

    const report = await verifyExport([JSON.stringify(header), ...ofMany.slice(1)], publicKeyPEM);

    expect(report.verdict).toBe("broken");
    expect(report.findings.map(({ detail }) => detail)).toContainEqual(expect.stringContaining("said to be of gother"));
  });

  it("of a time proves what signed heads reach", async () => {
    const from = kept.raw[4]!.receivedTime;
    const to = kept.raw[12]!.receivedTime;
    const all = await lines(kept, { kind: "range", from, to });

    const report = await verifyExport(all, publicKeyPEM);

    expect(report).toMatchObject({ verdict: "consistent, unanchored", findings: [], counts: { records: 8 } });
    expect(report.doesNotProve[0]).toContain("before the first");
  });

  it.each<[string, ExportScope]>([
    ["one Grant", { kind: "grant", grantID: "gother" }],
    ["a time", { kind: "range", from: "2026-01-01T00:00:04.000Z" }],
  ])("of %s never proves a record that was changed", async (_what, scope) => {
    const all = await lines(kept, scope);
    const before = await verifyExport(all, publicKeyPEM);
    const at = all.flatMap((line, index) => (readExportLine(line)?.kind === "record" ? [index] : []));

    for (const index of at) {
      const line = all[index]!;
      const changed = all.with(index, line.replace(/"time":"2026/g, '"time":"2025'));
      const report = await verifyExport(changed, publicKeyPEM);

      expect(report.verdict === "broken" || report.proves[0] !== before.proves[0] || isUnproven(before.proves[0])).toBe(
        true,
      );
    }
  });
});

/** Whether some record was not proven before either: then a change may go unseen, and the report says so. */
function isUnproven(sentence = ""): boolean {
  const [proven, of] = sentence.match(/\d+/g) ?? [];
  return proven !== of;
}

function swapped(all: readonly string[], at: number): string[] {
  return all.with(at, all[at + 1]!).with(at + 1, all[at]!);
}
