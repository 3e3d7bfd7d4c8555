import { describe, expect, it } from "vitest";
import { back, ProtocolViolation } from "#proxy/postgres/protocol.ts";
import { Tracker } from "#proxy/postgres/tracker.ts";
import { say } from "#proxy/testing/raw-client.ts";

// A client that makes the proxy keep what it sends. Sizes are what a tracker must not hold, not how long anything takes.

const large = "x".repeat(600_000);

function track(): { tracker: Tracker; ended: number[]; client: (...messages: Buffer[]) => void } {
  const ended: number[] = [];
  const tracker = new Tracker({ started: () => {}, ended: ({ number }) => void ended.push(number) }, () => 0);
  const client = (...messages: Buffer[]): void => {
    for (const message of messages) {
      tracker.client(message[0] ?? 0, message.subarray(5));
    }
  };
  return { tracker, ended, client };
}

describe("a tracker does not keep", () => {
  it("texts without end that the server has not answered for", () => {
    const { client } = track();

    const flood = (): void => {
      for (let n = 0; n < 100; n += 1) {
        client(say.parse("", `select '${n}${large}'`));
      }
    };

    expect(flood).toThrow(ProtocolViolation);
  });

  it("values of the unnamed portal that were replaced: a long pipeline of large ones is nobody's attack", () => {
    const { client, ended } = track();

    client(say.parse("", "insert into t values ($1)"));
    for (let n = 0; n < 100; n += 1) {
      client(say.bind("", "", [large]), say.execute());
    }

    expect(ended).toEqual([]);
  });

  it("texts of statements that are answered, when the client flushes and never syncs", () => {
    const { tracker, client, ended } = track();

    for (let n = 0; n < 10; n += 1) {
      client(say.parse("", `select '${n}${large}'`), say.bind("", ""), say.execute(), say.flush());
      tracker.forwarded();
      tracker.server(back.parseComplete, Buffer.of());
      tracker.server(back.bindComplete, Buffer.of());
      tracker.server(back.commandComplete, Buffer.from("SELECT 1\0"));
    }

    expect(ended).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it("texts that the server skips after an error", () => {
    const { tracker, client, ended } = track();
    client(say.bind("", "no_such_statement"), say.flush());
    tracker.forwarded();
    tracker.server(back.error, Buffer.from("SERROR\0C26000\0Mno\0\0"));

    for (let n = 0; n < 10; n += 1) {
      client(say.query(`select '${n}${large}'`));
    }

    // The first is the Bind's own record.
    expect(ended).toHaveLength(10);
  });

  it("millions of statements of one text", () => {
    const { tracker, client, ended } = track();

    client(say.query("a;".repeat(1_000_000)));
    tracker.forwarded();
    tracker.server(back.error, Buffer.from("SERROR\0C42601\0Mno\0P1\0\0"));
    tracker.server(back.readyForQuery, Buffer.from("I"));

    expect(ended).toEqual([1]);
  });

  it("Binds that are described again and again", () => {
    const { tracker, client } = track();
    client(say.parse("", "select 1"), say.bind("", ""), say.describe("P", ""));
    const isHeld = tracker.holdsBack;

    client(say.describe("P", ""));

    expect([isHeld, tracker.holdsBack]).toEqual([true, false]);
  });
});
