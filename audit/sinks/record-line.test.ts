import { generateKeyPairSync } from "node:crypto";
import { expect, it } from "vitest";
import { hashRecord } from "../codec.ts";
import { parseExportLine } from "../store/export.ts";
import type { RawRecord } from "../store/types.ts";
import { testChain, wholeSession } from "../testing/chains.ts";
import { verify } from "../verify.ts";
import { recordLine } from "./record-line.ts";
import { SessionOwners } from "./session-owners.ts";
import { tryDecodeRecord } from "../codec.ts";

const receivedTime = "2026-01-01T00:00:09.000Z";

function raws(): RawRecord[] {
  const chain = testChain();
  return chain
    .write(...wholeSession("s1", 2))
    .map((bytes, index) => ({ storeSeq: index + 1, receivedTime, proxy: "default/main", task: "t1", bytes }));
}

const sender = { proxy: "default/main", task: "t1" };

async function lines(records: readonly RawRecord[]): Promise<string[]> {
  const owners = new SessionOwners(() => Promise.resolve(undefined));
  const all: string[] = [];
  for (const raw of records) {
    const record = tryDecodeRecord(raw.bytes);
    all.push(recordLine(raw, "acme", await owners.ownerOf(record, raw), record).line);
  }
  return all;
}

it("says in every line of a session whose it is, and what kind of record it holds", async () => {
  const [open = "", start = ""] = await lines(raws());

  const { record, ...head } = JSON.parse(start) as { record: object };
  expect(Object.keys(head)).toEqual([
    "id",
    "installation",
    "kind",
    "time",
    "session",
    "grantID",
    "userName",
    "database",
    "databaseName",
    "engine",
    "roleName",
    "storeSeq",
    "receivedTime",
    "proxy",
    "task",
  ]);
  expect(head).toMatchObject({
    kind: "statement.start",
    installation: "acme",
    session: "s1",
    storeSeq: 2,
    receivedTime,
  });
  const { person } = (JSON.parse(open) as { record: { person: { userName: string } } }).record;
  expect(head).toMatchObject({ userName: person.userName });
  expect(record).toMatchObject({ kind: "statement.start", seq: 2 });
});

it("keeps a record's bytes as its hash was made, so that what was delivered can be verified without us", async () => {
  const records = raws();

  const back = (await lines(records)).map(parseExportLine);

  expect(back.map(({ bytes }) => Buffer.from(bytes).toString())).toEqual(
    records.map(({ bytes }) => Buffer.from(bytes).toString()),
  );
  const { publicKey } = generateKeyPairSync("ed25519", {
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  expect((await verify({ records: back, publicKey })).findings).toEqual([]);
  const without = await verify({ records: back.toSpliced(2, 1), publicKey });
  expect(without.findings).not.toEqual([]);
});

it("names a record by its own hash, which the next one carries", async () => {
  const records = raws();

  const ids = (await lines(records)).map((line) => (JSON.parse(line) as { id: string }).id);

  expect(ids).toEqual(records.map(({ bytes }) => hashRecord(bytes)));
  expect((JSON.parse(String(records[1]?.bytes)) as { prev: string }).prev).toBe(ids[0]);
});

it("tells records with a flag apart from those whose bytes they repeat, and says what is no record", () => {
  const [raw] = raws();
  const again: RawRecord = { ...(raw as RawRecord), storeSeq: 9, flag: "conflict" };
  const garbage: RawRecord = { ...again, storeSeq: 10, flag: "unreadable", bytes: Buffer.from('{"record":\n') };

  const repeated = recordLine(again, "acme", undefined);
  const unreadable = recordLine(garbage, "acme", undefined);

  expect(repeated.id).toBe(`${hashRecord(again.bytes)}.9`);
  expect(JSON.parse(unreadable.line)).toMatchObject({
    kind: "unreadable",
    flag: "unreadable",
    base64: expect.any(String),
  });
  expect(unreadable).toMatchObject({ kind: "unreadable", timeMs: Date.parse(receivedTime) });
});

it("asks for a session's opening once, where it was delivered before this process began", async () => {
  let asked = 0;
  const owners = new SessionOwners(() => {
    asked += 1;
    return Promise.resolve({ userName: "ada" });
  });
  const [, ...later] = raws().map(({ bytes }) => tryDecodeRecord(bytes));

  const found = [];
  for (const record of later) {
    found.push(await owners.ownerOf(record, sender));
  }

  expect(found).toEqual(later.map(() => ({ userName: "ada" })));
  expect(asked).toBe(1);
});

it("keeps as many sessions in mind as it may, and the ones that were seen last", async () => {
  const asked: string[] = [];
  const owners = new SessionOwners((session) => {
    asked.push(session);
    return Promise.resolve({ userName: session });
  }, 2);
  const start = (session: string) => {
    const [, record] = testChain().write(...wholeSession(session, 1));
    return tryDecodeRecord(record ?? Buffer.alloc(0));
  };

  for (const session of ["a", "b", "a", "c", "a", "b"]) {
    await owners.ownerOf(start(session), sender);
  }

  expect(asked).toEqual(["a", "b", "c", "b"]);
});

it("gives a session the owner that its own proxy named, whatever another one calls its sessions", async () => {
  const [open, start] = raws().map(({ bytes }) => tryDecodeRecord(bytes));
  const owners = new SessionOwners((_, { proxy }) => Promise.resolve({ userName: proxy }));

  await owners.ownerOf(open, { proxy: "default/taken-over", task: "t9" });
  const owner = await owners.ownerOf(start, sender);

  expect(owner).toEqual({ userName: "default/main" });
});
