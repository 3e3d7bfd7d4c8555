import { beforeEach, describe, expect, it } from "vitest";
import { redactBytes } from "#audit/redact/redact.ts";
import { manualClock } from "#lib/clock.ts";
import { encodeMessage } from "../postgres/encode.ts";
import { back, front } from "../postgres/protocol.ts";
import { Tracker } from "../postgres/tracker.ts";
import { duplexPair } from "../testing/duplex-pair.ts";
import { MemoryJournal } from "../testing/journal.ts";
import { say } from "../testing/raw-client.ts";
import { Recorder } from "./recorder.ts";
import { Relay, type RelayEnd } from "./relay.ts";

const message = (type: number, text: string): Buffer => encodeMessage(type, Buffer.from(text, "latin1"));

/** A conversation with every kind of message that is read, and its answer. */
const sent = Buffer.concat([
  say.query("select 1; select 2"),
  say.parse("s", "insert into t values ($1)", [23]),
  say.bind("p", "s", ["7"]),
  say.describe("P", "p"),
  say.execute("p", 1),
  say.close("S", "s"),
  say.sync(),
  say.query("copy t from stdin"),
  say.copyData("1\n"),
  say.copyDone(),
  say.query("select 'end'"),
]);
const answered = Buffer.concat([
  message(back.rowDescription, "\0\0"),
  message(back.dataRow, "\0\0"),
  message(back.commandComplete, "SELECT 1\0"),
  message(back.notice, "SNOTICE\0\0"),
  message(back.commandComplete, "SELECT 0\0"),
  message(back.readyForQuery, "I"),
  message(back.parseComplete, ""),
  message(back.bindComplete, ""),
  message(back.noData, ""),
  message(back.commandComplete, "INSERT 0 1\0"),
  message(back.closeComplete, ""),
  message(back.readyForQuery, "I"),
  message(back.copyInResponse, "\0\0\0"),
  message(back.commandComplete, "COPY 1\0"),
  message(back.readyForQuery, "I"),
  message(back.parameterStatus, "TimeZone\0UTC\0"),
  message(back.error, "SERROR\0C42601\0Mno\0\0"),
  message(back.readyForQuery, "I"),
]);

interface Run {
  readonly toServer: Buffer;
  readonly toClient: Buffer;
  readonly records: unknown[];
}

let ends: RelayEnd[];
beforeEach(() => {
  ends = [];
});

const settle = async (): Promise<void> => {
  for (let turns = 0; turns < 4; turns += 1) {
    await new Promise((resolve) => setImmediate(resolve));
  }
};

function startRelay() {
  const [client, server] = [duplexPair(), duplexPair()];
  const journal = new MemoryJournal();
  const clock = manualClock(0);
  const recorder = new Recorder({
    session: "s",
    journal,
    policy: { durability: "Written", onFull: "Deny", parameters: "Record" },
    view: () => ({ transaction: "idle", encoding: undefined, user: undefined }),
    redactSQL: (sql) => redactBytes(sql, "postgres"),
    now: () => clock.now(),
    onDefect: (error) => ends.push({ by: "defect", error }),
  });
  const relay = new Relay({
    client: client.near,
    server: server.near,
    tracker: new Tracker(recorder, () => clock.monotonicMs()),
    recorder,
    onParameter: () => {},
    onClientGone: () => {},
    onEnd: (end) => ends.push(end),
  });
  relay.start(Buffer.alloc(0), Buffer.alloc(0));
  return { client: client.far, server: server.far, journal, relay };
}

/** Sends the conversation in pieces, all of the client's first, and says what came out. */
async function converse(clientPieces: readonly Buffer[], serverPieces: readonly Buffer[]): Promise<Run> {
  const { client, server, journal } = startRelay();
  const toServer: Buffer[] = [];
  const toClient: Buffer[] = [];
  server.on("data", (chunk: Buffer) => toServer.push(chunk));
  client.on("data", (chunk: Buffer) => toClient.push(chunk));
  for (const piece of clientPieces) {
    client.write(piece);
    await settle();
  }
  for (const piece of serverPieces) {
    server.write(piece);
    await settle();
  }
  await settle();
  return { toServer: Buffer.concat(toServer), toClient: Buffer.concat(toClient), records: journal.records };
}

describe("the relay", () => {
  it("cuts at every byte boundary change nothing: the same bytes arrive, the same is recorded", async () => {
    const whole = await converse([sent], [answered]);

    expect(ends).toEqual([]);
    expect(whole.toServer.equals(sent)).toBe(true);
    expect(whole.toClient.equals(answered)).toBe(true);
    expect(whole.records).toHaveLength(8);
    for (let at = 1; at < sent.length; at += 1) {
      const run = await converse([sent.subarray(0, at), sent.subarray(at)], [answered]);
      expect([at, run.toServer.equals(sent), run.records]).toEqual([at, true, whole.records]);
    }
    for (let at = 1; at < answered.length; at += 1) {
      const run = await converse([sent], [answered.subarray(0, at), answered.subarray(at)]);
      expect([at, run.toClient.equals(answered), run.records]).toEqual([at, true, whole.records]);
    }
    const bytewise = await converse(
      [...sent].map((byte) => Buffer.from([byte])),
      [...answered].map((byte) => Buffer.from([byte])),
    );
    expect(bytewise).toEqual(whole);
  });

  it("forwards nothing of a statement that is not complete, since nothing of it could be recorded", async () => {
    const { client, server, journal } = startRelay();
    const query = say.query("drop table t");

    client.write(query.subarray(0, query.length - 1));
    await settle();

    expect(server.read()).toBeNull();
    expect(journal.records).toEqual([]);
  });

  it("forwards COPY data while it arrives, whatever its declared length", async () => {
    const { client, server } = startRelay();
    const header = Buffer.from([front.copyData, 0x3f, 0xff, 0xff, 0x00]);

    client.write(Buffer.concat([header, Buffer.from("the first of a gigabyte")]));
    await settle();

    expect(String(server.read())).toContain("the first of a gigabyte");
  });

  it("a server that breaks the protocol ends the relay, and the client gets nothing of it", async () => {
    const { client, server } = startRelay();

    server.write(message(back.commandComplete, "DROP TABLE\0"));
    await settle();

    expect(ends).toMatchObject([{ by: "violation", side: "server" }]);
    expect(client.read()).toBeNull();
  });

  it("a server that switches to replication streaming is cut off", async () => {
    const { client, server } = startRelay();
    client.write(say.query("START_REPLICATION"));
    await settle();

    server.write(message(back.copyBothResponse, "\0\0\0"));
    await settle();

    expect(ends).toMatchObject([{ by: "violation", side: "server" }]);
  });

  it("a defect while an answer is read puts no error into the message of which the client has the first half", async () => {
    const { client, server, journal, relay } = startRelay();
    journal.verdict = (record) => {
      if (record.kind === "statement.end") {
        throw new Error("a defect");
      }
      return "written";
    };
    client.write(say.query("select 1"));
    await settle();
    const completed = message(back.commandComplete, "SELECT 1\0");

    server.write(completed.subarray(0, 8));
    await settle();
    server.write(Buffer.concat([completed.subarray(8), message(back.readyForQuery, "I")]));
    await settle();

    expect(ends).toEqual([{ by: "defect", error: expect.any(Error) }]);
    expect(relay.clientAtBoundary).toBe(false);
  });
});
