import { generateKeyPairSync, sign } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { defined } from "#lib/defined.ts";
import { fuzzSeed } from "#test/harness/fuzz-seed.ts";
import { type HeadSigner, keyIDOf, parseHead } from "../head-line.ts";
import { deliveredHead } from "../sinks/delivered-head.ts";
import { partsOf } from "../sinks/parts.ts";
import { type Delivered, type Step, TestHistory, testSigner } from "./testing.ts";
import { type ArchiveOptions, type ArchiveReport, verifyArchive } from "./verify.ts";

const signer = testSigner();
const publicKey = signer.publicKeyPEM;

type Event = Step | "sign";

const steps = fc.array(
  fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({ task: fc.constantFrom("t1", "t2"), statements: fc.nat(2), close: fc.boolean() }),
    },
    { weight: 1, arbitrary: fc.constant("sign" as const) },
  ),
  { maxLength: 12 },
);
/** A history of which at least two batches are signed, and one is not. */
const histories = steps.map((events): Event[] => [
  { task: "t1", statements: 1, close: false },
  { task: "t2", statements: 0, close: true },
  "sign",
  ...events,
  { task: "t2", statements: 1, close: false },
  "sign",
  { task: "t1", statements: 1, close: true },
]);

async function historyOf(events: readonly Event[]): Promise<TestHistory> {
  const history = new TestHistory(signer);
  for (const event of events) {
    await (event === "sign" ? history.sign() : history.take(event));
  }
  return history;
}

/** Number of each task's last record that a head of the history names. */
function signedSeqs(heads: readonly string[]): Map<string, number> {
  return new Map(heads.map((text) => [parseHead(text)?.task ?? "", parseHead(text)?.seq ?? 0]));
}

function isSigned({ record }: Delivered, signed: ReadonlyMap<string, number>): boolean {
  return record !== undefined && record.seq <= (signed.get(record.task) ?? 0);
}

const verified = (lines: readonly Delivered[], options: ArchiveOptions = { publicKey }): Promise<ArchiveReport> =>
  verifyArchive(
    lines.map(({ line }) => line),
    options,
  );

const runs = { seed: fuzzSeed, numRuns: 50 };

describe("an archive of a random history", () => {
  it("is complete up to the last signed head, however its lines are mixed and repeated, and says how many came after it", async () => {
    await fc.assert(
      fc.asyncProperty(histories, fc.array(fc.nat(), { maxLength: 6 }), fc.nat(), async (events, again, turn) => {
        const { delivered, heads } = await historyOf(events);
        const signed = signedSeqs(heads);
        const repeated = again.map((index) => delivered[index % delivered.length]!);
        const mixed = [...delivered, ...repeated].map((line, index) => ({
          line,
          key: (index * 7_919 + turn) % 104_729,
        }));
        const lines = mixed.toSorted((one, other) => one.key - other.key).map(({ line }) => line);

        const report = await verified(lines);

        expect(report).toMatchObject({ verdict: "complete", findings: [], repeated: repeated.length, otherLines: 0 });
        expect(report.from).toBeUndefined();
        expect(report.notSigned).toBe(delivered.filter((line) => line.record && !isSigned(line, signed)).length);
        expect(report.lastHeads).toMatchObject([{ line: heads.length }]);
      }),
      runs,
    );
  });

  it("is broken where any one record that was signed is missing", async () => {
    await fc.assert(
      fc.asyncProperty(histories, fc.nat(), async (events, pick) => {
        const { delivered, heads } = await historyOf(events);
        const signed = signedSeqs(heads);
        const records = delivered.filter((line) => isSigned(line, signed));
        const gone = records[pick % records.length];

        expect((await verified(delivered.filter((line) => line !== gone))).verdict).toBe("broken");
      }),
      runs,
    );
  });

  it("is broken where any one signed line but the last is missing; without the last its records are not yet signed", async () => {
    await fc.assert(
      fc.asyncProperty(histories, fc.nat(), async (events, pick) => {
        const { delivered, heads } = await historyOf(events);
        const gone = 1 + (pick % heads.length);

        const { verdict, notSigned, findings } = await verified(delivered.filter(({ head }) => head !== gone));

        if (gone === heads.length) {
          const signed = signedSeqs(heads.slice(0, -1));
          expect(notSigned).toBe(delivered.filter((line) => line.record && !isSigned(line, signed)).length);
          expect(verdict).toBe("complete");
        } else {
          expect(verdict).toBe("broken");
          expect(findings.map(({ kind }) => kind)).toContain("head-removed");
        }
      }),
      runs,
    );
  });

  it("is broken where any one character of what was signed is another", async () => {
    await fc.assert(
      fc.asyncProperty(histories, fc.nat(), fc.nat(), async (events, pick, where) => {
        const { delivered, heads } = await historyOf(events);
        const signed = signedSeqs(heads);
        const targets = delivered.filter((line) => line.head !== undefined || isSigned(line, signed));
        const target = targets[pick % targets.length]!;
        const { line } = target;
        const from = line.indexOf(target.head === undefined ? '"record":' : '"head":') + 9;
        const at = from + (where % (line.length - from - 1));
        const changed = `${line.slice(0, at)}${line[at] === "7" ? "8" : "7"}${line.slice(at + 1)}`;

        const lines = delivered.map((one) => (one === target ? { ...one, line: changed } : one));

        const { verdict, lastHeads } = await verified(lines);
        // A last line that is no JSON any more is as one that never came.
        const isUnread = target.head === heads.length && lastHeads.at(-1)?.line === heads.length - 1;
        expect(isUnread ? ["complete", "broken"] : ["broken"]).toContain(verdict);
      }),
      runs,
    );
  });

  it("that begins later is broken, says from where it is complete, and is complete where that was said", async () => {
    await fc.assert(
      fc.asyncProperty(histories, fc.nat(), fc.nat(), async (events, cut, pick) => {
        const { delivered, heads } = await historyOf(events);
        const first = cut % (delivered.findLastIndex(({ head }) => head !== undefined) + 1);
        const rest = delivered.filter((line, index) => line.head !== undefined || index >= first);

        const strict = await verified(rest);
        const { from } = strict;
        const isLate = delivered.slice(0, first).some(({ record }) => record !== undefined);
        expect([strict.verdict, from !== undefined]).toEqual([isLate ? "broken" : "complete", isLate]);
        expect(strict.onlyBeginningMissing).toBe(isLate);
        if (from === undefined) {
          return;
        }
        const sinceMs = Date.parse(from.time);
        const since = await verified(rest, { publicKey, sinceMs });
        expect([since.verdict, since.findings, since.from]).toEqual(["complete", [], from]);
        expect((await verified(rest, { publicKey, sinceMs: sinceMs - 1 })).verdict).toBe("broken");

        // Nothing that was signed after that place can be missing.
        const before = signedSeqs(heads.filter((text) => Date.parse(parseHead(text)?.time ?? "") <= sinceMs));
        const signed = signedSeqs(heads);
        const due = rest.filter((line) => isSigned(line, signed) && !isSigned(line, before));
        const gone = due[pick % Math.max(1, due.length)];
        if (gone !== undefined) {
          const { verdict } = await verified(
            rest.filter((line) => line !== gone),
            { publicKey, sinceMs },
          );
          expect(verdict).toBe("broken");
        }
      }),
      runs,
    );
  });
});

describe("an archive", () => {
  const plain: Event[] = [
    { task: "t1", statements: 2, close: false },
    "sign",
    { task: "t2", statements: 1, close: true },
    "sign",
    { task: "t1", statements: 1, close: true },
    "sign",
  ];

  it("without the key, without any head, or with tasks that no head names, is unanchored", async () => {
    const history = await historyOf([...plain, { task: "t3", statements: 0, close: false }]);
    const { delivered } = history;

    const keyless = await verified(delivered, {});
    const headless = await verified(delivered.filter(({ head }) => head === undefined));
    const unknown = await verified(delivered);

    expect([keyless.verdict, headless.verdict, unknown.verdict]).toEqual(Array(3).fill("consistent, unanchored"));
    expect(unknown.unanchored).toMatchObject([{ task: "t3", fromSeq: 1, toSeq: 1 }]);
    expect((await verified([])).verdict).toBe("consistent, unanchored");
  });

  it("with a head that another key has signed, or a second line in the place of one, is broken", async () => {
    const { delivered } = await historyOf(plain);
    const forger = new TestHistory(testSigner());
    forger.take({ task: "t1", statements: 2, close: false });
    await forger.sign();
    const other = await historyOf([...plain.slice(0, 2), { task: "t2", statements: 0, close: true }, "sign"]);
    const twice = other.delivered.find(({ head }) => head === 2)!;
    const inPlace = deliveredHead(other.heads[1]!, 2, "acme");

    const forged = await verified([...delivered, ...forger.delivered.filter(({ head }) => head !== undefined)]);
    const wrong = await verified(delivered, { publicKey: testSigner().publicKeyPEM });
    const forked = await verified([...delivered, twice, { line: inPlace.line }]);

    expect(forged.findings[0]?.detail).toContain("none of the keys");
    expect(forked.findings[0]?.detail).toContain("2 different lines follow line 1");
    expect([forged.verdict, wrong.verdict, forked.verdict]).toEqual(["broken", "broken", "broken"]);
  });

  it("whose last head says more than was signed is broken, although nothing follows it", async () => {
    const { delivered, heads } = await historyOf(plain);
    const forged = heads.at(-1)!.replace(/"time":"2026/, '"time":"2027');
    const line = deliveredHead(forged, heads.length, "acme").line;

    const report = await verified(delivered.map((one) => (one.head === heads.length ? { ...one, line } : one)));

    expect([report.verdict, report.findings.map(({ detail }) => detail)]).toEqual([
      "broken",
      [`Line ${heads.length} of the head log is not what was signed.`],
    ]);
  });

  it("counts a record once that came without the names in front, and again with them", async () => {
    const { delivered } = await historyOf(plain);
    const nameless = delivered[1]!.line.replace('"userName":"user-1",', "");

    expect(await verified([{ line: nameless }, ...delivered])).toMatchObject({ verdict: "complete", findings: [] });
    const wrong = delivered[1]!.line.replace("user-1", "user-2");
    expect((await verified([...delivered, { line: wrong }])).verdict).toBe("broken");
  });

  it("whose lines name somebody else in front than the record does is broken", async () => {
    const { delivered } = await historyOf(plain);
    const changed = (from: string, to: string): Delivered[] =>
      delivered.map((one, index) => (index === 1 ? { ...one, line: one.line.replace(from, to) } : one));

    for (const [from, to] of [
      ['"userName":"user-1"', '"userName":"user-2"'],
      ['"kind":"statement.start"', '"kind":"statement.end"'],
      ['{"id":"', '{"id":"0'],
      ['"task":"t1"', '"task":"t2"'],
      ["}}", '}, "x":1}'],
    ] as const) {
      const lines = changed(from, to);
      expect(lines[1]?.line).not.toBe(delivered[1]?.line);
      expect((await verified(lines)).verdict).toBe("broken");
    }
  });

  it("of several replicas, each with its own log and key, is whole, also of a task that moved; without one's log it is not", async () => {
    const second = testSigner();
    const one = await historyOf(plain);
    const two = new TestHistory(second);
    two.takeOver("t1", one);
    two.take({ task: "t1", statements: 1, close: true });
    two.take({ task: "t9", statements: 1, close: true });
    await two.sign();
    const keys = { publicKey: publicKey + second.publicKeyPEM };
    const both = [...two.delivered, ...one.delivered];

    const whole = await verified(both, keys);
    const halfSigned = await verified(
      [...two.delivered.filter(({ head }) => head === undefined), ...one.delivered],
      keys,
    );

    expect([whole.verdict, whole.findings, whole.lastHeads.length]).toEqual(["complete", [], 2]);
    expect([halfSigned.verdict, halfSigned.notSigned]).toEqual(["consistent, unanchored", 8]);
    // All of one replica's: nothing that is left tells of it but the key that should have signed.
    const half = await verified(one.delivered, keys);
    expect([half.verdict, half.idleKeys]).toEqual(["consistent, unanchored", [second.keyID]]);
    expect(
      (
        await verified(
          both.filter(({ record }) => record?.seq !== 7),
          keys,
        )
      ).verdict,
    ).toBe("broken");
  });

  it("goes on after records that a signed line says were removed, and needs no such line where it has them still", async () => {
    const history = await historyOf(plain.slice(0, 2));
    await history.remove("t1");
    const before = history.delivered.filter(({ record }) => record !== undefined);
    history.take({ task: "t1", statements: 1, close: true });
    await history.sign();
    const { delivered } = history;
    const later = delivered.filter((line) => !before.includes(line));

    expect(await verified(delivered)).toMatchObject({ verdict: "complete", removed: [] });
    const strict = await verified(later);
    expect([strict.verdict, strict.onlyBeginningMissing]).toEqual(["broken", true]);
    const sinceMs = Date.parse(strict.from?.time ?? "");
    const started = await verified(later, { publicKey, sinceMs });
    expect(started).toMatchObject({
      verdict: "complete",
      findings: [],
      removed: [{ task: "t1", toSeq: before.length }],
    });
    const more = later.filter((line) => line !== later.find(({ record }) => record));
    expect((await verified(more, { publicKey, sinceMs })).verdict).toBe("broken");
    const gone = later.filter(({ record }) => record === undefined).slice(0, 2);
    expect((await verified(gone)).onlyBeginningMissing).toBe(true);
    expect((await verified(gone, { publicKey, sinceMs })).verdict).toBe("complete");
  });

  it("is proved by a key of KMS in the same way, which signs digests with ECDSA", async () => {
    const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const kms: HeadSigner = {
      keyID: keyIDOf(pair.publicKey),
      publicKeyPEM: String(pair.publicKey.export({ type: "spki", format: "pem" })),
      intervalMs: 60_000,
      form: "digest",
      sign: async (bytes) => sign("sha256", bytes, pair.privateKey),
    };
    const history = new TestHistory(kms);
    history.take({ task: "t1", statements: 1, close: true });
    await history.sign();

    const report = await verified(history.delivered, { publicKey: kms.publicKeyPEM });

    expect([report.verdict, report.notSigned]).toEqual(["complete", 0]);
    expect((await verified(history.delivered)).verdict).toBe("broken");
  });

  it("of two installations is broken", async () => {
    const { delivered } = await historyOf(plain);
    const line = delivered[1]!.line.replace('"installation":"acme"', '"installation":"other"');

    expect((await verified(delivered.with(1, { line }))).verdict).toBe("broken");
  });

  it("with lines in parts is complete, and not while a part is missing", async () => {
    const { delivered } = await historyOf(plain);
    const parts = delivered.flatMap(({ line }) => {
      const front = JSON.parse(line) as { id: string; kind: string; storeSeq?: number; headLine?: number };
      const { id, kind, storeSeq, headLine } = front;
      return partsOf({ line, id, kind, timeMs: 0, ...defined({ storeSeq, headLine }) }, 300);
    });

    const whole = await verifyArchive(parts.toReversed(), { publicKey });
    const cut = await verifyArchive(parts.toSpliced(3, 1), { publicKey });

    expect(whole.verdict).toBe("complete");
    expect([cut.verdict, cut.otherLines]).toEqual(["broken", 1]);
  });
});
