import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ManualClock, manualClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import type { Address } from "../option-values.ts";
import { Door, leaderWaitMs, lookPeriodMs, passedOnMax } from "./door.ts";

const anyPort: Address = { host: "127.0.0.1", port: 0 };

/** Resolves when that many connections wait at the door. */
async function waitingAt({ door }: Replica, count = 1): Promise<void> {
  while (door.stats().waiting < count) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Resolves when the door passes a connection on. */
async function passingOn({ door }: Replica): Promise<void> {
  while (door.stats().passedOn === 0) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** A replica whose answer to every connection is its name and what it was sent. */
interface Replica {
  readonly door: Door;
  readonly peer: Address;
  leader: Address | undefined;
}

let clock: ManualClock;
let open: { close(): Promise<void> }[];
beforeEach(() => {
  clock = manualClock();
  open = [];
});
afterEach(async () => {
  for (const each of open) {
    await each.close();
  }
});

async function replica(name: string): Promise<Replica> {
  const made: { leader: Address | undefined } = { leader: undefined };
  const door = await Door.open({
    listen: anyPort,
    peerListen: anyPort,
    leader: () => made.leader,
    accept: (socket: Socket) => {
      socket.write(`${name}:`);
      socket.on("data", (data) => socket.write(data));
      socket.on("end", () => socket.end());
      socket.on("error", () => socket.destroy());
    },
    clock,
    log: silentLog,
  });
  open.push(door);
  return Object.assign(made, { door, peer: { host: "127.0.0.1", port: door.peerPort } });
}

/** What is answered to `said` at that port, until the other side ends. */
async function ask(port: number, said: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.end(said);
  // Who is turned away with words on their way is reset.
  return text(socket).catch(() => "");
}

async function opened(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  await once(socket, "connect");
  socket.resume();
  return socket;
}

describe("a replica's port", () => {
  it("is served by the replica that leads, and by all others through it, to the last byte", async () => {
    const [leader, standby] = [await replica("leader"), await replica("standby")];
    leader.door.serve();
    standby.leader = leader.peer;
    const much = "x".repeat(1_000_000);

    expect(await ask(leader.door.port, "a")).toBe("leader:a");
    expect(await ask(standby.door.port, much)).toBe(`leader:${much}`);
  });

  it("holds who comes while nobody leads, and serves them when this replica does", async () => {
    const standby = await replica("a");
    const answer = ask(standby.door.port, "early");
    await waitingAt(standby);

    standby.door.serve();

    expect(await answer).toBe("a:early");
  });

  it("holds who comes while nobody leads, and passes them on when another replica does", async () => {
    const [leader, standby] = [await replica("leader"), await replica("standby")];
    leader.door.serve();
    const answer = ask(standby.door.port, "early");
    await waitingAt(standby);

    standby.leader = leader.peer;
    clock.advance(lookPeriodMs);

    expect(await answer).toBe("leader:early");
  });

  it("turns away who waited too long for a leader", async () => {
    const standby = await replica("a");
    const answer = ask(standby.door.port, "early");
    await waitingAt(standby);

    clock.advance(leaderWaitMs + lookPeriodMs);

    expect(await answer).toBe("");
  });

  it("passes nothing on that was passed on: two replicas that take each other for the leader do no harm", async () => {
    const [a, b] = [await replica("a"), await replica("b")];
    a.leader = b.peer;
    b.leader = a.peer;
    const answer = ask(a.door.port, "round and round");
    await waitingAt(b);

    clock.advance(leaderWaitMs + lookPeriodMs);

    expect(await answer).toBe("");
    expect(b.door.stats().passedOn).toBe(0);
  });

  it("takes what was passed on to it before it knew that it leads", async () => {
    const [leader, standby] = [await replica("leader"), await replica("standby")];
    standby.leader = leader.peer;
    const answer = ask(standby.door.port, "early");
    await waitingAt(leader);

    leader.door.serve();

    expect(await answer).toBe("leader:early");
  });

  it("ends what was passed on to a replica that does not lead any more, though it does not say so", async () => {
    const [old, next, standby] = [await replica("old"), await replica("next"), await replica("standby")];
    old.door.serve();
    standby.leader = old.peer;
    const socket = await opened(standby.door.port);
    await passingOn(standby);
    const closed = once(socket, "close");

    standby.leader = next.peer;
    clock.advance(lookPeriodMs);

    await closed;
    next.door.serve();
    expect(await ask(standby.door.port, "again")).toBe("next:again");
  });

  it("ends what it had passed on when it leads itself", async () => {
    const [old, standby] = [await replica("old"), await replica("standby")];
    old.door.serve();
    standby.leader = old.peer;
    const socket = await opened(standby.door.port);
    await passingOn(standby);
    const closed = once(socket, "close");

    standby.door.serve();

    await closed;
    expect(await ask(standby.door.port, "again")).toBe("standby:again");
  });

  it("closes a connection whose leader cannot be reached", async () => {
    const [gone, standby] = [await replica("gone"), await replica("standby")];
    standby.leader = gone.peer;
    await gone.door.close();

    expect(await ask(standby.door.port, "hello")).toBe("");
  });

  it("holds and passes on a bounded number of connections", async () => {
    const standby = await replica("a");
    const held = await Promise.all(Array.from({ length: passedOnMax }, () => opened(standby.door.port)));
    await waitingAt(standby, passedOnMax);

    expect(await ask(standby.door.port, "one more")).toBe("");
    expect(held.every((socket) => !socket.destroyed)).toBe(true);
    for (const socket of held) {
      socket.destroy();
    }
  });

  it("that is taken is refused with the flag that says where", async () => {
    const first = await replica("a");
    const taken = { host: "127.0.0.1", port: first.door.port };
    const options = { leader: () => undefined, accept: () => {}, clock, log: silentLog };

    await expect(Door.open({ ...options, listen: taken })).rejects.toMatchObject({
      code: "ListenFailed",
      next: expect.stringContaining("--listen"),
    });
    await expect(Door.open({ ...options, listen: anyPort, peerListen: taken })).rejects.toMatchObject({
      next: expect.stringContaining("--peer-listen"),
    });
  });
});
