import { describe, expect, it } from "vitest";
import { randomBytes } from "node:crypto";
import { manualClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import { Secret } from "#lib/secret.ts";
import { Channel, type ChannelEnd, type ChannelPorts } from "./channel.ts";
import { FakeAgent } from "./fake-agent.ts";
import { defaultLimits, type TunnelLimits } from "./limits.ts";
import { turns } from "./tunnel-fixture.ts";

async function setUp(changes: Partial<ChannelPorts> = {}, limits: Partial<TunnelLimits> = {}) {
  const agent = new FakeAgent({ handshake: undefined });
  const streamUrl = await agent.listen();
  const ticket = { token: new Secret("token"), streamUrl };
  const clock = manualClock();
  const events: string[] = [];
  const ends: ChannelEnd[] = [];
  const record = (event: string): void => {
    events.push(event);
    agent.changed();
  };
  const channel = new Channel(
    {
      clock,
      random: randomBytes,
      log: silentLog,
      resume: async () => ticket,
      signUpgrade: async () => ({}),
      onUp: () => record("up"),
      onDown: () => record("down"),
      onMessage: () => record("message"),
      onEnd: (end) => {
        ends.push(end);
        record("end");
      },
      ...changes,
    },
    { ...defaultLimits, ...limits },
  );
  return { agent, channel, clock, events, ends, ticket };
}

describe("channel", () => {
  it("keeps holding the input when a websocket takes the place of another", async () => {
    const { agent, channel, events, ticket } = await setUp();
    await channel.open(ticket);
    await agent.until(() => agent.hellos.length === 1);

    channel.hold(true);
    channel.replace();
    await agent.until(() => agent.hellos.length === 2);
    agent.sendRaw("output_stream_data", Buffer.from("x"));
    await turns(50);
    const whileHeld = [...events];
    channel.hold(false);
    await agent.until(() => events.includes("message"));

    expect(whileHeld).toEqual(["up", "down", "up"]);
    await channel.close();
    await agent.close();
  });

  it("can be closed while it connects, and leaves neither socket nor timer", async () => {
    const { agent, channel, clock, ticket } = await setUp();
    agent.behaviour.upgrades = false;

    const opening = channel.open(ticket);
    await agent.until(() => agent.upgrades.length === 1);
    await channel.close();
    await agent.until(() => agent.connections === 0);

    expect(await opening).toMatchObject({ opened: false });
    expect(clock.pendingCount()).toBe(0);
    await agent.close();
  });

  it("can be closed while nothing is read, and leaves no socket", async () => {
    const { agent, channel, clock, ticket } = await setUp();
    await channel.open(ticket);
    await agent.until(() => agent.hellos.length === 1);

    channel.hold(true);
    await channel.close();
    await agent.until(() => agent.connections === 0);

    expect(clock.pendingCount()).toBe(0);
    await agent.close();
  });

  it("waits longer with each attempt, with jitter, up to the largest delay", async () => {
    const asked: number[] = [];
    const { agent, channel, clock, ends, ticket } = await setUp(
      {
        // The least jitter: half of the full delay.
        random: (count) => Buffer.alloc(count, 0),
        resume: () => {
          asked.push(clock.monotonicMs());
          agent.changed();
          return Promise.reject(new Error("down"));
        },
      },
      { resumeAttempts: 5, resumeDelayMs: 1000, resumeDelayMaxMs: 3000 },
    );
    await channel.open(ticket);
    await agent.until(() => agent.hellos.length === 1);

    channel.replace();
    while (ends.length === 0) {
      await turns(1);
      clock.advance(100);
    }

    const delays = asked.slice(1).map((at, index) => Math.round((at - asked[index]!) / 100) * 100);
    expect(delays).toEqual([500, 1000, 1500, 1500]);
    await channel.close();
    await agent.close();
  });

  it("counts a websocket that stood for long as one that worked, even if it delivered nothing", async () => {
    const { agent, channel, clock, ends, ticket } = await setUp({}, { resumeAttempts: 1 });
    await channel.open(ticket);

    for (let count = 1; count <= 4; count += 1) {
      await agent.until(() => agent.hellos.length === count);
      clock.advance(defaultLimits.resumeSettledMs);
      channel.replace();
    }
    await agent.until(() => agent.hellos.length === 5);

    expect(ends).toEqual([]);
    await channel.close();
    await agent.close();
  });
});
