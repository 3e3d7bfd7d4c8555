import { randomBytes } from "node:crypto";
import { beforeEach, describe, expect, it } from "vitest";
import { manualClock, type ManualClock } from "#lib/clock.ts";
import { encodeFrame, FrameReader } from "#wire/frame.ts";
import type { FromProxy } from "#wire/handshake.ts";
import { duplexPair } from "../testing/duplex-pair.ts";
import { ControlStream, formatWarning, pingPeriodMs, silenceMaxMs } from "./control.ts";
import { TicketBook, ticketLifeMaxMs } from "./tickets.ts";

let clock: ManualClock;
let tickets: TicketBook;
let endsAtMs: number;
let closed: number;
let ends: ReturnType<typeof duplexPair>;
let control: ControlStream;

beforeEach(() => {
  clock = manualClock();
  tickets = new TicketBook(clock, randomBytes);
  endsAtMs = 3_600_000;
  closed = 0;
  ends = duplexPair();
  control = new ControlStream(
    ends.near,
    { grantID: "g1", client: "c", frames: new FrameReader() },
    {
      clock,
      tickets,
      remainingMs: () => Math.max(0, endsAtMs - clock.monotonicMs()),
      warnBeforeEndMs: () => 300_000,
      onClosed: () => (closed += 1),
    },
  );
  control.start();
});

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

/** Messages that the client has got by now. */
async function heard(): Promise<FromProxy[]> {
  await settle();
  const frames = new FrameReader();
  for (let chunk = ends.far.read() as Buffer | null; chunk !== null; chunk = ends.far.read() as Buffer | null) {
    frames.push(chunk);
  }
  const messages: FromProxy[] = [];
  for (let message = frames.next(); message !== undefined; message = frames.next()) {
    messages.push(message as FromProxy);
  }
  return messages;
}

/** Time passes while the client answers every ping. */
async function pass(byMs: number): Promise<FromProxy[]> {
  const all: FromProxy[] = [];
  for (let left = byMs; left > 0; left -= pingPeriodMs) {
    clock.advance(Math.min(left, pingPeriodMs));
    ends.far.write(encodeFrame({ type: "pong", id: 1 }));
    all.push(...(await heard()));
  }
  return all;
}

describe("a control stream", () => {
  it("pings, and answers pings with their number", async () => {
    ends.far.write(encodeFrame({ type: "ping", id: 7 }));
    await settle();
    clock.advance(pingPeriodMs);

    expect(await heard()).toEqual([
      { type: "pong", id: 7 },
      { type: "ping", id: 1 },
    ]);
  });

  it("is closed when the other side is silent for three pings", async () => {
    clock.advance(silenceMaxMs);
    const before = ends.near.destroyed;
    clock.advance(pingPeriodMs);
    await settle();

    expect([before, ends.near.destroyed, closed]).toEqual([false, true, 1]);
  });

  it("sends a fresh ticket before the last one runs out, and the new one works", async () => {
    const messages = await pass(ticketLifeMaxMs - 1);

    const ticket = messages.find((message) => message.type === "ticket");
    expect(ticket?.type === "ticket" && tickets.check(ticket.ticket)).toMatchObject({ grantID: "g1" });
  });

  it("warns once, at the policy's time before the end; an extension brings a later warning", async () => {
    const early = (await pass(3_300_000 - 1)).filter((message) => message.type === "warning");
    const onTime = (await pass(2)).filter((message) => message.type === "warning");
    endsAtMs += 3_600_000;
    control.grantMoved();
    const afterExtension = (await pass(3_600_000)).filter((message) => message.type === "warning");

    expect(early).toEqual([]);
    expect(onTime).toHaveLength(1);
    expect(onTime[0]).toMatchObject({ message: formatWarning(300_000) });
    expect(afterExtension).toHaveLength(1);
  });

  it("says why it ends, closes, and leaves no timer", async () => {
    control.end({ type: "end", reason: "expired", message: "over" });

    expect((await heard()).at(-1)).toEqual({ type: "end", reason: "expired", message: "over" });
    ends.far.end();
    await settle();
    await settle();
    expect([closed, clock.pendingCount()]).toEqual([1, 0]);
  });

  it.each([
    ["a second proof", encodeFrame({ type: "prove", grantID: "g1", proof: {}, client: "" })],
    ["a message of no known type", encodeFrame({ type: "sudo" })],
    ["no JSON", Buffer.from([0, 0, 0, 1, 0x7b])],
    ["a frame of impossible size", Buffer.from([0x7f, 0, 0, 0])],
  ])("is closed on %s", async (_what, bytes) => {
    ends.far.write(bytes);
    await settle();

    expect(ends.near.destroyed).toBe(true);
  });

  it("is closed when the client lets answers pile up unread", async () => {
    const pings = Buffer.concat(Array.from({ length: 20_000 }, (_, id) => encodeFrame({ type: "ping", id })));
    ends.far.write(pings);
    for (let turns = 0; turns < 50; turns += 1) {
      await settle();
    }

    expect(ends.near.destroyed).toBe(true);
  });
});

it("words fit the time that is left", () => {
  expect([300_000, 60_000, 12_300].map(formatWarning)).toEqual([
    "your access ends in 5 minutes; open transactions are rolled back then",
    "your access ends in 1 minute; open transactions are rolled back then",
    "your access ends in 13 seconds; open transactions are rolled back then",
  ]);
});
