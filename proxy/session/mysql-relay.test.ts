import { describe, expect, it } from "vitest";
import type { RecordBody, StatementEnd } from "#audit/record.ts";
import {
  answerOf,
  ask,
  bound,
  command,
  errPayload,
  message,
  okPayload,
  preparedPayloads,
  schemaState,
  setPayloads,
  stringValue,
} from "../testing/mysql-packets.ts";
import { pipelineDepthMax } from "../mysql/limits.ts";
import { settle, startMySqlRelay } from "../testing/mysql-relay-stand.ts";

/** A conversation with every kind of command that is read, and its answer. */
const sent = [
  ask.query("select 1; select 2"),
  ask.prepare("insert into t values (?, ?)"),
  ask.longData(7, 1, "in "),
  Buffer.concat([
    ask.longData(7, 1, "pieces"),
    ask.execute(
      7,
      bound([
        [3, Buffer.from([5, 0, 0, 0])],
        [252, undefined],
      ]),
    ),
  ]),
  ask.execute(
    7,
    bound(
      [
        [3, Buffer.from([6, 0, 0, 0])],
        [252, stringValue("whole")],
      ],
      false,
    ),
  ),
  Buffer.concat([ask.close(7), command(0x02, "shop")]),
  command(0x11, "somebody else"),
  command(0x04, "t\0%"),
  ask.ping(),
  ask.query("selec"),
  command(0x09),
];
const answers = [
  Buffer.concat([answerOf([...setPayloads(["1"], { status: 10 }), ...setPayloads(["2", "3"])])]),
  answerOf(preparedPayloads(7, 2, 0)),
  undefined,
  answerOf([okPayload({ affected: 1, insertID: 300 })]),
  answerOf([okPayload({ affected: 1, info: "Rows: 1", warnings: 2 })]),
  answerOf([okPayload({ state: schemaState("shop") })]),
  answerOf([errPayload(1047, "08S01", "COM_CHANGE_USER is not available here")]),
  answerOf(setPayloads([]).slice(1)),
  answerOf([okPayload()]),
  answerOf([errPayload(1064, "42000", "near 'selec'")]),
  answerOf([Buffer.from("Uptime: 3")]),
];
/** What the proxy answers itself. */
const refused = 6;
const refusalBytes = answers[refused]?.length ?? 0;
const forwarded = Buffer.concat(sent.filter((_, index) => index !== refused));
const received = Buffer.concat(answers.flatMap((answer) => answer ?? []));

interface Run {
  readonly toServer: Buffer;
  readonly toClient: Buffer;
  readonly records: readonly RecordBody[];
}

/** The whole conversation, each direction of each exchange cut by `cut`. */
async function converse(cut: (bytes: Buffer, index: number, isAnswer: boolean) => readonly Buffer[]): Promise<Run> {
  const stand = startMySqlRelay();
  for (const [index, request] of sent.entries()) {
    for (const piece of cut(request, index, false)) {
      stand.client.write(piece);
      await settle();
    }
    const answer = answers[index];
    for (const piece of answer === undefined || index === refused ? [] : cut(answer, index, true)) {
      stand.server.write(piece);
      await settle();
    }
  }
  expect(stand.ends).toEqual([]);
  return { toServer: stand.toServer(), toClient: stand.toClient(), records: stand.journal.records };
}

/** A record in one line. */
function inShort(record: RecordBody): string {
  if (record.kind === "statement.start") {
    const values = record.parameters?.map(({ value }) => value);
    return [record.protocol, record.sql, ...(values === undefined ? [] : [JSON.stringify(values)])].join(" ");
  }
  const { outcome, rows, affectedRows, errno } = record as StatementEnd;
  return [outcome, rows, affectedRows === undefined ? undefined : `+${affectedRows}`, errno]
    .filter((part) => part !== undefined)
    .join(" ");
}

describe("the MySQL relay", () => {
  it("cuts at every byte boundary change nothing: the same bytes arrive, the same is recorded", async () => {
    const whole = await converse((bytes) => [bytes]);

    expect(whole.toServer.equals(forwarded)).toBe(true);
    expect(whole.toClient.equals(received)).toBe(true);
    expect(whole.records.map(inShort)).toEqual([
      "simple select 1; select 2",
      "ok 3",
      "extended insert into t values (?, ?)",
      "not-executed",
      'extended insert into t values (?, ?) ["5",{"base64":"aW4gcGllY2Vz"}]',
      "ok +1",
      'extended insert into t values (?, ?) ["6",{"base64":"d2hvbGU="}]',
      "ok +1",
      "command COM_INIT_DB shop",
      "ok",
      "command COM_CHANGE_USER",
      "not-executed 1047",
      "command COM_FIELD_LIST t %",
      "ok",
      "simple selec",
      "error 1064",
      "command COM_STATISTICS",
      "ok",
    ]);
    for (const [index, request] of sent.entries()) {
      for (const [isAnswer, bytes] of [
        [false, request],
        [true, answers[index] ?? Buffer.alloc(0)],
      ] as const) {
        for (let at = 1; at < bytes.length; at += 1) {
          const run = await converse((piece, which, side) =>
            which === index && side === isAnswer ? [piece.subarray(0, at), piece.subarray(at)] : [piece],
          );
          expect([index, isAnswer, at, run]).toEqual([index, isAnswer, at, whole]);
        }
      }
    }
    const bytewise = await converse((bytes) => [...bytes].map((byte) => Buffer.from([byte])));
    expect(bytewise).toEqual(whole);
  });

  it("commands that are refused behind a slow statement make their client wait once many do, and are answered all the same", async () => {
    const { client, server, toServer, toClient, tracker } = startMySqlRelay();
    const [slow, refusedOnes] = [ask.query("select sleep(600)"), 64];
    const chunk = Buffer.concat(Array.from({ length: refusedOnes }, () => command(0x11, "somebody else")));
    const chunks = (4 * pipelineDepthMax) / refusedOnes;

    client.write(slow);
    for (let count = 0; count < chunks; count += 1) {
      client.write(chunk);
      await settle();
    }

    // The chunk that reaches the limit is read as a whole.
    expect(tracker.depth).toBeGreaterThan(pipelineDepthMax);
    expect(tracker.depth).toBeLessThanOrEqual(pipelineDepthMax + refusedOnes);
    const reply = answerOf([okPayload()]);
    server.write(reply);
    while (tracker.depth > 0 || toClient().length < reply.length + chunks * refusedOnes * refusalBytes) {
      await settle();
    }
    expect(toServer().equals(slow)).toBe(true);
    expect(toClient()).toHaveLength(reply.length + chunks * refusedOnes * refusalBytes);
  });

  it("commands that follow without waiting are answered in their order, refused ones among them", async () => {
    const { client, server, toServer, toClient, journal } = startMySqlRelay();
    const [one, two] = [ask.query("select 1"), ask.query("select 2")];

    client.write(Buffer.concat([one, command(0x1e, "dump"), command(0x20), two, command(0xf3)]));
    await settle();

    expect(toServer().equals(Buffer.concat([one, two]))).toBe(true);
    expect(toClient()).toHaveLength(0);
    const [first, second] = [answerOf(setPayloads(["1"])), answerOf(setPayloads(["2"]))];
    server.write(Buffer.concat([first, second]));
    await settle();
    const refusal = (name: string): Buffer => answerOf([errPayload(1047, "08S01", `${name} is not available here`)]);
    expect(toClient().toString("latin1")).toBe(
      Buffer.concat([
        first,
        refusal("COM_BINLOG_DUMP_GTID"),
        refusal("COM_CLONE"),
        second,
        refusal("COM_0xf3"),
      ]).toString("latin1"),
    );
    expect(journal.ends.map((end) => end.outcome)).toEqual([
      "ok",
      "not-executed",
      "not-executed",
      "ok",
      "not-executed",
    ]);
  });

  it("forwards nothing of a command that is not complete, since nothing of it could be recorded", async () => {
    const { client, toServer, journal } = startMySqlRelay();
    const query = ask.query("drop table t");

    client.write(query.subarray(0, query.length - 1));
    await settle();

    expect(toServer()).toHaveLength(0);
    expect(journal.records).toEqual([]);
  });

  it("forwards a command only once its record is written", async () => {
    const { client, toServer, journal } = startMySqlRelay();
    journal.hold = true;

    client.write(ask.query("drop table t"));
    await settle();
    const before = toServer().length;
    journal.release();
    await settle();

    expect(before).toBe(0);
    expect(toServer().length).toBeGreaterThan(0);
  });

  it("a statement that may not run is answered with the reason, on record, and never forwarded", async () => {
    const { client, toServer, toClient, journal } = startMySqlRelay(
      {},
      {
        judge: ({ sql }) =>
          sql?.includes("drop") === true
            ? {
                notices: ["watched"],
                refusal: { code: { errno: 1142, sqlState: "42000" }, message: "not while the auditor looks" },
              }
            : undefined,
      },
    );

    client.write(Buffer.concat([ask.query("drop table t"), ask.query("select 1")]));
    await settle();

    expect(toServer().equals(ask.query("select 1"))).toBe(true);
    expect(toClient().equals(answerOf([errPayload(1142, "42000", "not while the auditor looks")]))).toBe(true);
    expect(journal.statements()[0]).toMatchObject({
      start: { sql: "drop table t", notices: ["watched", "refused"] },
      end: { outcome: "not-executed", errno: 1142, sqlState: "42000", message: "not while the auditor looks" },
    });
  });

  it("a message beyond what can be recorded is refused while the session stays in step", async () => {
    const { client, server, toServer, toClient, journal, tracker } = startMySqlRelay();
    const large = message(Buffer.concat([Buffer.from([3]), Buffer.alloc(40 * 1024 * 1024, "x")]));

    for (let at = 0; at < large.length; at += 1024 * 1024) {
      client.write(large.subarray(at, at + 1024 * 1024));
      await settle();
    }
    client.write(ask.query("select 1"));
    await settle();
    server.write(answerOf(setPayloads(["1"])));
    await settle();

    expect(toServer().equals(ask.query("select 1"))).toBe(true);
    // Three packets were sent, so the answer is the fourth.
    expect(toClient().readUInt16LE(5)).toBe(1153);
    expect(toClient()[3]).toBe(3);
    expect(journal.ends.map((end) => end.outcome)).toEqual(["not-executed", "ok"]);
    expect(tracker.depth).toBe(0);
  });

  it("MariaDB's pipelined execution of the statement prepared last waits until its parameters are known", async () => {
    const { client, server, toServer, journal } = startMySqlRelay({ isMariaDB: true, mariaDBCapabilities: 0x04 });
    const prepare = ask.prepare("select ?");
    const execute = ask.execute(0xffff_ffff, bound([[253, stringValue("seven")]]));
    const after = ask.query("select 8");

    client.write(Buffer.concat([prepare, execute, after]));
    await settle();
    const before = toServer();
    server.write(answerOf(preparedPayloads(3, 1, 1)));
    await settle();

    expect(before.equals(prepare)).toBe(true);
    expect(toServer().equals(Buffer.concat([prepare, execute, after]))).toBe(true);
    expect(journal.starts[1]).toMatchObject({
      sql: "select ?",
      statementName: "3",
      parameters: [{ type: 253, format: "text", value: "seven" }],
    });
  });

  it("a pipelined execution of a statement that could not be prepared is refused", async () => {
    const { client, server, toServer, toClient, journal } = startMySqlRelay({
      isMariaDB: true,
      mariaDBCapabilities: 4,
    });
    const prepare = ask.prepare("selec ?");
    const error = answerOf([errPayload(1064, "42000", "syntax")]);

    client.write(Buffer.concat([prepare, ask.execute(0xffff_ffff, bound([[253, stringValue("x")]]))]));
    await settle();
    server.write(error);
    await settle();

    expect(toServer().equals(prepare)).toBe(true);
    const refusal = errPayload(1243, "HY000", "unknown prepared statement handler (4294967295)");
    expect(toClient().toString("latin1")).toBe(Buffer.concat([error, answerOf([refusal])]).toString("latin1"));
    expect(journal.ends.map((end) => [end.outcome, end.errno])).toEqual([
      ["error", 1064],
      ["not-executed", 1243],
    ]);
  });

  it.each([
    ["in one piece", (bytes: Buffer) => [bytes]],
    ["byte by byte", (bytes: Buffer) => [...bytes].map((byte) => Buffer.from([byte]))],
  ])("a server that asks for a file of the client ends the session with an error in its place (%s)", async (_, cut) => {
    const { client, server, toClient, ends, relay } = startMySqlRelay();
    client.write(ask.query("select 1; load data local infile '/etc/passwd' into table t"));
    await settle();
    const set = setPayloads(["1"], { status: 10 });

    for (const piece of cut(answerOf([...set, Buffer.from("\xfb/etc/passwd", "latin1")]))) {
      server.write(piece);
      await settle();
    }

    expect(toClient().equals(answerOf(set))).toBe(true);
    expect(ends).toMatchObject([{ by: "violation", side: "server", error: { errno: 1148 } }]);
    expect(relay.clientAtBoundary).toBe(true);
    expect(relay.lastWords("ended", { errno: 1148, sqlState: "42000" })[3]).toBe(set.length + 1);
  });

  it("an answer that nobody waits for ends the relay, and the client gets nothing of it", async () => {
    const { server, toClient, ends } = startMySqlRelay();

    server.write(answerOf([okPayload()]));
    await settle();

    expect(ends).toMatchObject([{ by: "violation", side: "server" }]);
    expect(toClient()).toHaveLength(0);
  });

  it("a client whose packets are out of order is not believed", async () => {
    const { client, toServer, ends } = startMySqlRelay();

    client.write(message(Buffer.from("\x03select 1"), 5));
    await settle();

    expect(toServer()).toHaveLength(0);
    expect(ends).toMatchObject([{ by: "violation", side: "client", error: { errno: 1156 } }]);
  });

  it("a defect of whoever judges statements ends the session, and nothing more is forwarded in either direction", async () => {
    const judge = (): never => {
      throw new Error("a defect");
    };
    const { client, server, toServer, toClient, ends, relay } = startMySqlRelay({}, { judge });

    client.write(Buffer.concat([ask.query("select 1"), ask.query("select 2")]));
    await settle();
    server.write(answerOf([okPayload()]));
    await settle();

    expect(ends).toEqual([{ by: "defect", error: expect.any(Error) }]);
    expect([toServer(), toClient()].map((bytes) => bytes.length)).toEqual([0, 0]);
    expect(relay.clientAtBoundary).toBe(true);
  });
});
