import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { describe, expect, it } from "vitest";
import { decodeRecord, hashRecord } from "./codec.ts";
import { hashLine, signHead } from "./head-line.ts";
import { testChain, wholeSession } from "./testing/chains.ts";
import { type TrailPart, verifyParts } from "./verify-parts.ts";

/** One replica's directory: what it kept, in its order, and its own heads over the last record of each task. */
function part(
  records: readonly Buffer[],
  privateKey: KeyObject = generateKeyPairSync("ed25519").privateKey,
): TrailPart {
  const lines: string[] = [];
  const decoded = records.map((bytes) => ({ bytes, record: decodeRecord(bytes) }));
  for (const [task, own] of Map.groupBy(decoded, ({ record }) => record.task)) {
    const chained = own.findLast(({ record }) => record.chainSeq !== undefined);
    const last = own.at(-1)?.record;
    const before = lines.at(-1);
    lines.push(
      signHead(
        {
          v: 1,
          installation: "test",
          proxy: "default/main",
          task,
          time: "2026-01-01T00:00:00.000Z",
          line: lines.length + 1,
          prevLine: before === undefined ? null : hashLine(before),
          seq: last?.seq ?? 0,
          chainSeq: chained?.record.chainSeq ?? 0,
          chainHead: chained === undefined ? null : hashRecord(chained.bytes),
          openSessions: [],
        },
        createPrivateKey(privateKey.export({ type: "pkcs8", format: "pem" })),
      ),
    );
  }
  const publicKey = String(createPublicKey(privateKey).export({ type: "spki", format: "pem" }));
  return {
    publicKey,
    heads: lines,
    records: (async function* () {
      for (const [index, { bytes, record }] of decoded.entries()) {
        yield { bytes, proxy: record.proxy, task: record.task, storeSeq: index + 1 };
      }
    })(),
  };
}

/** Two tasks of one proxy: eight records each, two sessions that are whole. */
function tasks(): { readonly one: readonly Buffer[]; readonly two: readonly Buffer[] } {
  const [one, two] = [testChain("default/main", "t1"), testChain("default/main", "t2")];
  one.write(...wholeSession("a", 3));
  two.write(...wholeSession("b", 3));
  return { one: one.records, two: two.records };
}

describe("a trail that replicas kept in turn", () => {
  it("is complete when all parts are there, in whatever order they are given", async () => {
    const { one, two } = tasks();
    const first = [...one.slice(0, 3), ...two.slice(0, 5)];
    const second = [...two.slice(5, 6), ...one.slice(3, 7)];
    const third = [...one.slice(7), ...two.slice(6)];

    const forwards = await verifyParts([part(first), part(second), part(third)]);
    const backwards = await verifyParts([part(third), part(second), part(first)]);
    const returned = await verifyParts([part([...first, ...third]), part(second)]);

    for (const report of [forwards, backwards, returned]) {
      expect(report).toMatchObject({ verdict: "complete", findings: [], counts: { records: 16, sessions: 2 } });
    }
  });

  it("may overlap: what was stored and not acknowledged is shipped again", async () => {
    const { one } = tasks();

    const report = await verifyParts([part(one.slice(0, 6)), part(one.slice(3))]);

    expect(report).toMatchObject({ verdict: "complete", counts: { records: 8 } });
  });

  it("is broken when a part is missing, and says which records", async () => {
    const { one } = tasks();

    const report = await verifyParts([part(one.slice(0, 3)), part(one.slice(5))]);

    expect(report.verdict).toBe("broken");
    expect(report.findings).toContainEqual(
      expect.objectContaining({ kind: "removed", task: "t1", detail: "Records 4 to 5 are missing." }),
    );
  });

  it("is broken when the end of one part was cut off, though the next replica went on", async () => {
    const { one } = tasks();
    const whole = part(one.slice(0, 5));
    const cut: TrailPart = { ...part(one.slice(0, 4)), heads: whole.heads, publicKey: whole.publicKey };

    const report = await verifyParts([cut, part(one.slice(5))]);

    expect(report.verdict).toBe("broken");
  });

  it("is broken when two parts have different records of one number", async () => {
    const { one } = tasks();
    const other = testChain("default/main", "t1");
    other.write(...wholeSession("z", 3));

    const report = await verifyParts([part(one), part(other.records.slice(0, 4))]);

    expect(report.findings.map(({ kind }) => kind)).toContain("conflict");
  });
});
