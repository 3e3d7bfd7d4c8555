import { describe, expect, it } from "vitest";
import { heldMessageBytesMax } from "../mysql/limits.ts";
import { trackedCapabilities } from "../mysql/protocol.ts";
import {
  answerOf,
  ask,
  bound,
  command,
  errPayload,
  message,
  okPayload,
  preparedPayloads,
  setPayloads,
  variableState,
} from "../testing/mysql-packets.ts";
import { settle, startMySqlRelay } from "../testing/mysql-relay-stand.ts";

// Each test is named after a pitfall of the command phase that other proxies fell into; here no server need be asked.

describe("packets of MySQL", () => {
  it("SEND_LONG_DATA is bounded in total, and the execution that lacks it is refused", async () => {
    const { client, server, toServer, toClient } = startMySqlRelay();
    client.write(ask.prepare("insert into t values (?)"));
    await settle();
    server.write(answerOf(preparedPayloads(1, 1, 0)));
    await settle();
    const before = toServer().length;
    const piece = "x".repeat(1024 * 1024);

    for (let sent = 0; sent <= heldMessageBytesMax; sent += piece.length) {
      client.write(ask.longData(1, 0, piece));
      await settle();
    }
    client.write(ask.execute(1, bound([[252, undefined]])));
    await settle();

    expect(toServer().length - before).toBeLessThanOrEqual(heldMessageBytesMax + 20 * 16);
    expect(toClient().subarray(-200).includes("too large to be recorded")).toBe(true);
  });

  it("packets over 16 MiB are one message: padding hides nothing behind it", async () => {
    const { client, toServer, journal } = startMySqlRelay();
    const hidden = Buffer.from(`\x03select 1 ${" ".repeat(0xff_ffff)}; drop table t`);

    client.write(message(hidden));
    await settle();

    expect(toServer()).toHaveLength(0);
    expect(journal.ends).toMatchObject([{ outcome: "not-executed", errno: 1153 }]);
  });

  it("rows that begin like an end, and rows over 16 MiB, are rows", async () => {
    const { client, server, toClient, journal } = startMySqlRelay();
    client.write(ask.query("select repeat('x', 17000000)"));
    await settle();
    const value = Buffer.alloc(17_000_000, "x");
    const size = Buffer.alloc(9);
    size[0] = 0xfe;
    size.writeUInt32LE(value.length, 1);
    const [count, column, end] = setPayloads([]);
    const answer = Buffer.concat([
      answerOf([count ?? value, column ?? value]),
      message(Buffer.concat([size, value]), 3),
      answerOf([end ?? value], 5),
    ]);

    for (let at = 0; at < answer.length; at += 1_000_000) {
      server.write(answer.subarray(at, at + 1_000_000));
      await settle();
    }

    expect(toClient().equals(answer)).toBe(true);
    expect(journal.ends).toMatchObject([{ outcome: "ok", rows: 1 }]);
  });

  it("server packets are read by state, never by their first byte alone", async () => {
    const { client, server, journal, ends } = startMySqlRelay({
      capabilities: trackedCapabilities.mysql & ~0x0b00_0000,
    });
    client.write(ask.query("show tables"));
    await settle();

    // A row whose value is 17 bytes long begins with the number of COM_CHANGE_USER.
    server.write(answerOf(setPayloads(["customers_archive", "\x00", "", "a\xff"], { deprecatesEOF: false })));
    await settle();

    expect(ends).toEqual([]);
    expect(journal.ends).toMatchObject([{ outcome: "ok", rows: 4 }]);
  });

  it("MariaDB's progress reports are no errors", async () => {
    const { client, server, journal } = startMySqlRelay({ isMariaDB: true, mariaDBCapabilities: 0x01 });
    client.write(ask.query("alter table t add column z int"));
    await settle();

    server.write(answerOf([errPayload(0xffff, "", "1"), errPayload(0xffff, "", "2"), okPayload({ affected: 3 })]));
    await settle();

    expect(journal.ends).toMatchObject([{ outcome: "ok", affectedRows: 3 }]);
  });

  it("sequence numbers of what the proxy answers follow the client's own", async () => {
    const { client, toClient } = startMySqlRelay();

    client.write(Buffer.concat([command(0x11), command(0x12)]));
    await settle();

    const first = toClient();
    const second = first.subarray(4 + first.readUIntLE(0, 3));
    expect([first[3], second[3]]).toEqual([1, 1]);
  });

  it("an embedded NUL stays in the text, as the server reads it", async () => {
    const { client, journal } = startMySqlRelay();

    client.write(ask.query("select 1\0; select 2"));
    await settle();

    expect(journal.starts[0]?.sql).toBe("select 1\0; select 2");
  });

  it("SET NAMES by session tracking counts, whatever the text says", async () => {
    const { client, server, tracker } = startMySqlRelay();
    client.write(ask.query("call set_names()"));
    await settle();

    server.write(answerOf([okPayload({ state: variableState("character_set_client", "gbk") })]));
    await settle();

    expect(tracker.session.charset).toBe("gbk");
  });
});
