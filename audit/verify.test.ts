import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeRecord, encodeRecord, hashRecord } from "./codec.ts";
import { hashLine, signHead, type ChainHead } from "./head-line.ts";
import type { AuditRecord } from "./record.ts";
import { openBody, startBody } from "./testing/bodies.ts";
import { testChain, wholeSession } from "./testing/chains.ts";
import { verify, type FindingKind } from "./verify.ts";

const pair = generateKeyPairSync("ed25519");
const publicKey = String(pair.publicKey.export({ type: "spki", format: "pem" }));

/** Two closed sessions and an open one: records 1 to 8, 9 to 12, 13 and 14. */
function sample(): Buffer[] {
  const chain = testChain();
  chain.write(...wholeSession("a", 3), ...wholeSession("b", 1), openBody("c"), startBody("c", 1));
  return chain.records;
}

/** Heads as the controller signs them after each of the given records. */
function heads(records: readonly Buffer[], after: readonly number[] = [4, 8, 12, records.length]): string[] {
  const lines: string[] = [];
  for (const seq of after) {
    const kept = records.slice(0, seq).map((bytes) => ({ record: decodeRecord(bytes), bytes }));
    const chained = kept.findLast(({ record }) => record.chainSeq !== undefined);
    const sessions = [...new Set(kept.flatMap(({ record }) => record.session ?? []))];
    const openSessions = sessions.flatMap((session) => {
      const last = kept.findLast(({ record }) => record.session === session)!;
      const { kind, sessionSeq } = last.record;
      return kind === "session.close" ? [] : [{ session, sessionSeq, head: hashRecord(last.bytes) }];
    });
    lines.push(
      sign(
        { seq, chainSeq: chained?.record.chainSeq ?? 0, chainHead: hashRecord(chained!.bytes), openSessions },
        lines,
      ),
    );
  }
  return lines;
}

function sign(parts: Pick<ChainHead, "seq" | "chainSeq" | "chainHead" | "openSessions" | "ended">, before: string[]) {
  const last = before.at(-1);
  const fixed = {
    v: 1,
    installation: "test",
    proxy: "default/main",
    task: "t1",
    time: "2026-01-01T00:00:00.000Z",
  } as const;
  const prevLine = last === undefined ? null : hashLine(last);
  return signHead({ ...fixed, ...parts, line: before.length + 1, prevLine }, pair.privateKey);
}

async function check(records: readonly Uint8Array[], lines?: readonly string[]) {
  const kept = records.map((bytes) => ({ bytes, proxy: "default/main", task: "t1" }));
  return verify({ records: kept, publicKey, ...(lines === undefined ? {} : { heads: lines }) });
}

function edit(bytes: Buffer, change: (record: AuditRecord) => object): Buffer {
  return encodeRecord({ ...decodeRecord(bytes), ...change(decodeRecord(bytes)) } as AuditRecord);
}

/** An attacker without the key: links all records anew after changing them. */
function relink(records: readonly AuditRecord[]): Buffer[] {
  const sessions = new Map<string, { seq: number; head: string; started: number }>();
  let chain: { seq: number; head: string | null } = { seq: 0, head: null };
  return records.map((record, index) => {
    const session = sessions.get(record.session ?? "") ?? { seq: 0, head: null, started: 0 };
    const started = session.started + (record.kind === "statement.start" ? 1 : 0);
    const close =
      record.kind === "session.close" ? { counts: { ...record.counts!, started }, lastSessionSeq: session.seq } : {};
    const links = { seq: index + 1, sessionSeq: session.seq + 1, prev: session.head };
    const chained = record.chainSeq === undefined ? {} : { chainSeq: chain.seq + 1, chainPrev: chain.head };
    const bytes = encodeRecord({ ...record, ...close, ...links, ...chained } as AuditRecord);
    sessions.set(record.session ?? "", { seq: session.seq + 1, head: hashRecord(bytes), started });
    chain = record.chainSeq === undefined ? chain : { seq: chain.seq + 1, head: hashRecord(bytes) };
    return bytes;
  });
}

describe("verify", () => {
  it("says complete when everything is there, unchanged and signed, with an open session counted as open", async () => {
    const records = sample();

    const report = await check(records, heads(records));

    expect(report).toMatchObject({
      verdict: "complete",
      findings: [],
      unanchored: [],
      counts: { records: 14, tasks: 1, sessions: 3, openSessions: 1, statements: 5 },
    });
  });

  it("says consistent, unanchored without heads, without the key, and for records after the last head", async () => {
    const records = sample();

    const without = await check(records);
    const keyless = await verify({ records: records.map((bytes) => ({ bytes })), heads: heads(records) });
    const behind = await check(records, heads(records, [8]));

    expect([without.verdict, keyless.verdict, behind.verdict]).toEqual(
      Array.from({ length: 3 }, () => "consistent, unanchored"),
    );
    expect(behind.unanchored).toEqual([{ proxy: "default/main", task: "t1", fromSeq: 9, toSeq: 14 }]);
  });

  it("does not call records unanchored that came after the heads were read, and still checks them", async () => {
    const records = sample();
    const kept = records.map((bytes, index) => ({ bytes, storeSeq: index + 1 }));
    const altered = kept.with(10, { ...kept[10]!, bytes: edit(records[10]!, () => ({ rows: 99 })) });
    const lines = heads(records, [8]);

    const busy = await verify({ records: kept, heads: lines, publicKey, until: 8 });
    const behind = await verify({ records: kept, heads: lines, publicKey, until: 9 });
    const broken = await verify({ records: altered, heads: lines, publicKey, until: 8 });

    expect([busy.verdict, behind.verdict, broken.verdict]).toEqual(["complete", "consistent, unanchored", "broken"]);
  });

  const all = (records: readonly Buffer[]) => records;
  const tampered: [string, (records: Buffer[]) => readonly Buffer[], FindingKind, ((lines: string[]) => string[])?][] =
    [
      [
        "an altered statement",
        (r) =>
          r.with(
            1,
            edit(r[1]!, () => ({ sql: "select 0" })),
          ),
        "altered",
      ],
      [
        "an altered last record of an open session",
        (r) =>
          r.with(
            13,
            edit(r[13]!, () => ({ sql: "x" })),
          ),
        "head-mismatch",
      ],
      ["a record that is none any more", (r) => r.with(3, Buffer.from("gone")), "altered"],
      ["a removed record", (r) => r.toSpliced(4, 1), "removed"],
      ["a removed first record", (r) => r.slice(1), "session-missing"],
      ["two records that changed places", (r) => r.with(2, r[3]!).with(3, r[2]!), "reordered"],
      ["a record that is there twice", (r) => [...r, r[2]!], "conflict"],
      ["a cut-off end", (r) => r.slice(0, 12), "truncated"],
      ["a cut-off end inside an open session", (r) => r.slice(0, 13), "truncated"],
      ["a whole session that is dropped", (r) => [...r.slice(0, 8), ...r.slice(12)], "session-missing"],
      [
        "a session dropped and all the rest linked anew",
        (r) => relink(r.map(decodeRecord).toSpliced(8, 4)),
        "head-mismatch",
      ],
      [
        "an open session dropped and the rest linked anew",
        (r) => relink(r.map(decodeRecord).slice(0, 12)),
        "session-missing",
      ],
      [
        "a statement changed and all linked anew",
        (r) => relink(r.map(decodeRecord).with(1, { ...decodeRecord(r[1]!), sql: "select 0" } as AuditRecord)),
        "head-mismatch",
      ],
      [
        "statements taken out of a session and all linked anew",
        (r) => relink(r.map(decodeRecord).toSpliced(1, 2)),
        "head-mismatch",
      ],
      ["everything removed", () => [], "truncated"],
      ["a head line that is taken out", all, "head-removed", (lines) => lines.toSpliced(1, 1)],
      ["the first head line taken out", all, "head-removed", (lines) => lines.slice(1)],
      ["head lines that changed places", all, "head-removed", (lines) => [lines[1]!, lines[0]!, ...lines.slice(2)]],
      [
        "a head line that was changed",
        all,
        "head-altered",
        (lines) => lines.with(3, lines[3]!.replace('"seq":14', '"seq":13')),
      ],
      ["a head line signed by another key", all, "head-altered", forgeLast],
      ["a head line of another installation", all, "head-altered", otherInstallation],
    ];

  it.each(tampered)("names %s", async (_what, tamper, kind, tamperHeads = (lines) => lines) => {
    const records = sample();

    const report = await check(tamper(records), tamperHeads(heads(records)));

    expect(report.verdict).toBe("broken");
    expect(report.findings.map((finding) => finding.kind)).toContain(kind);
  });

  it("finds the record after which the chain was changed", async () => {
    const records = sample();
    const altered = records.with(
      3,
      edit(records[3]!, () => ({ sql: "select 0" })),
    );

    const { findings } = await check(altered, heads(records, [8, 12, 14]));

    expect(findings[0]).toMatchObject({ kind: "altered", session: "a", seq: 5, proxy: "default/main", task: "t1" });
  });

  it("calls a removed last head line unanchored, since the records it vouched for are still there", async () => {
    const records = sample();

    const report = await check(records, heads(records).slice(0, -1));

    expect(report).toMatchObject({ verdict: "consistent, unanchored", unanchored: [{ fromSeq: 13 }] });
  });

  it("names sessions that a task which is gone has never closed", async () => {
    const records = sample();
    const lines = heads(records);
    const last = decodeRecord(records[12]!);
    const chain = { chainSeq: last.chainSeq!, chainHead: hashRecord(records[12]!) };
    lines.push(sign({ seq: 14, ...chain, openSessions: [], ended: "the task was stopped" }, lines));

    const report = await check(records, lines);

    expect(report).toMatchObject({ verdict: "broken", findings: [{ kind: "never-closed", session: "c" }] });
  });

  it("does not call a trail complete in which the proxy has declared a gap", async () => {
    const chain = testChain();
    chain.write(...wholeSession("a", 1), { kind: "gap", count: 3, reason: "spool-full" });

    const report = await check(chain.records, heads(chain.records, [5]));

    expect(report).toMatchObject({ verdict: "broken", findings: [{ kind: "gap", seq: 5 }] });
  });

  it("keeps tasks apart, and says when one proxy's record is kept as another's", async () => {
    const one = testChain("default/main", "t1");
    const other = testChain("default/main", "t2");
    const others = wholeSession("b", 1);
    const mixed = one
      .write(...wholeSession("a", 1))
      .flatMap((bytes, index) => [bytes, ...other.write(...others.slice(index, index + 1))]);

    const apart = await verify({ records: mixed.map((bytes) => ({ bytes })) });
    const wrong = await verify({
      records: one.records.map((bytes) => ({ bytes, proxy: "default/other", task: "t1" })),
    });

    expect(apart).toMatchObject({ verdict: "consistent, unanchored", counts: { tasks: 2, sessions: 2 } });
    expect(wrong.verdict).toBe("broken");
  });

  it("finds any single changed byte, wherever it is", async () => {
    const records = sample();
    const lines = heads(records);
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat(), fc.integer({ min: 1, max: 255 }), async (pickRecord, pickByte, flip) => {
        const index = pickRecord % records.length;
        const changed = Buffer.from(records[index]!);
        changed[pickByte % changed.length]! ^= flip;

        const report = await check(records.with(index, changed), lines);

        expect(report.verdict).toBe("broken");
      }),
      { numRuns: 1_500 },
    );
  });
});

function forgeLast(lines: string[]): string[] {
  const { signature: _signature, ...body } = JSON.parse(lines.at(-1)!) as ChainHead & { signature: string };
  const key = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" });
  return [...lines.slice(0, -1), signHead(body, createPrivateKey(key))];
}

function otherInstallation(lines: string[]): string[] {
  const { signature: _signature, ...body } = JSON.parse(lines.at(-1)!) as ChainHead & { signature: string };
  return [...lines.slice(0, -1), signHead({ ...body, installation: "other" }, pair.privateKey)];
}
