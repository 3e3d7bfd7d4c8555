import { randomBytes, randomUUID } from "node:crypto";
import type { Duplex } from "node:stream";
import { beforeEach, describe, expect, it } from "vitest";
import { manualClock, type ManualClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import { encodeFrame, FrameReader } from "#wire/frame.ts";
import type { FromProxy } from "#wire/handshake.ts";
import { handshakeTimeoutMs } from "../admission/admit.ts";
import { endLingerMs } from "../admission/control.ts";
import { TicketBook } from "../admission/tickets.ts";
import { GrantTable } from "../grants/table.ts";
import { SessionRegistry } from "../session/registry.ts";
import { duplexPair } from "../testing/duplex-pair.ts";
import { MemoryJournal } from "../testing/journal.ts";
import { grantFor } from "../testing/stand.ts";
import { controlStreamsPerGrantMax, dataStreamsPerGrantMax, Gate, lingerMs, unauthenticatedMax } from "./gate.ts";

const grant = grantFor({ host: "127.0.0.1", port: 1, database: "orders" });
let clock: ManualClock;
let tickets: TicketBook;
let gate: Gate;
/** What the engine was asked to do. */
let asked: string[];
/** Whether the engine waits for the client's first message before it tells a reason. */
let engineHolds: boolean;

beforeEach(() => {
  clock = manualClock();
  tickets = new TicketBook(clock, randomBytes);
  asked = [];
  engineHolds = false;
  const grants = new GrantTable(clock);
  grants.apply(grant);
  gate = new Gate({
    warnBeforeEndMs: () => 1,
    engines: new Map([
      [
        "PostgreSQL",
        {
          serve: ({ stream }: { stream: Duplex }) => {
            asked.push("serve");
            return new Promise<void>((resolve) => stream.once("close", () => resolve()));
          },
          refuse: (_stream: Duplex, _rest: Buffer, message: string) => {
            asked.push(`refuse: ${message}`);
            return engineHolds ? new Promise<void>(() => {}) : Promise.resolve();
          },
        },
      ],
    ]),
    admission: {
      clock,
      log: silentLog,
      installation: "i",
      proxy: "default/main",
      grants,
      tickets,
      engines: new Set(["PostgreSQL"]),
      admits: () => true,
      isDraining: () => false,
      verify: () =>
        Promise.resolve({
          accountID: grant.accountID,
          arn: "",
          roleID: grant.roleID,
          role: {
            accountID: grant.accountID,
            roleName: `AWSReservedSSO_${grant.grantID}_0123456789abcdef`,
            sessionName: grant.person.userName,
          },
        }),
      randomBytes,
    },
    session: {
      clock,
      log: silentLog,
      journal: new MemoryJournal(),
      sessions: new SessionRegistry(),
      backends: { note: () => {}, forget: () => {} },
      onLeft: () => {},
      authorities: [],
      taskARN: "",
      passwordOf: () => ({ get: () => Promise.reject(new Error("not asked")) }),
      randomBytes,
      randomUUID,
      refusalOf: () => undefined,
      warningOf: () => undefined,
      onHealth: () => {},
    },
  });
});

const settle = async (): Promise<void> => {
  for (let turns = 0; turns < 6; turns += 1) {
    await new Promise((resolve) => setImmediate(resolve));
  }
};

/** A stream at the gate, and what it has been told. */
async function arrive(first?: unknown): Promise<{ far: Duplex; near: Duplex; told: FromProxy[] }> {
  const { near, far } = duplexPair();
  const frames = new FrameReader();
  const told: FromProxy[] = [];
  far.on("data", (chunk: Buffer) => {
    frames.push(chunk);
    for (let message = frames.next(); message !== undefined; message = frames.next()) {
      told.push(message as FromProxy);
    }
  });
  void gate.handle(near);
  if (first !== undefined) {
    far.write(encodeFrame(first));
  }
  await settle();
  return { far, near, told };
}

const prove = { type: "prove", grantID: grant.grantID, proof: {}, client: "c" };

describe("the gate", () => {
  it("closes a stream that says nothing, at the handshake's time-out", async () => {
    const { near } = await arrive();

    clock.advance(handshakeTimeoutMs - 1);
    const before = near.destroyed;
    clock.advance(1);

    expect([before, near.destroyed]).toEqual([false, true]);
  });

  it("closes a stream that drips one byte at a time, at the same time-out", async () => {
    const { near, far } = await arrive();
    const drip = encodeFrame(prove);

    for (let n = 0; n < 9; n += 1) {
      clock.advance(handshakeTimeoutMs / 10);
      far.write(drip.subarray(n, n + 1));
      await settle();
    }
    const before = near.destroyed;
    clock.advance(handshakeTimeoutMs / 10);

    expect([before, near.destroyed]).toEqual([false, true]);
  });

  it("refuses a stream beyond the limit of strangers, and takes one again when one has left", async () => {
    const strangers = await Promise.all(Array.from({ length: unauthenticatedMax }, () => arrive()));

    const beyond = await arrive(prove);
    strangers[0]?.far.destroy();
    await settle();
    const after = await arrive(prove);

    expect(beyond.told).toMatchObject([{ type: "refuse", code: "too-many" }]);
    expect(after.told.map((message) => message.type)).toEqual(["hello", "welcome"]);
  });

  it("serves a data stream with a ticket, and refuses one beyond the grant's limit in the database's own protocol", async () => {
    const { ticket } = tickets.issue(grant.grantID, "c", 1_000_000);

    const streams = [];
    for (let n = 0; n <= dataStreamsPerGrantMax; n += 1) {
      streams.push(await arrive({ type: "open", ticket }));
    }
    const beyond = asked.at(-1);
    streams[0]?.near.destroy();
    await settle();
    await arrive({ type: "open", ticket });

    expect(asked.slice(0, dataStreamsPerGrantMax).every((what) => what === "serve")).toBe(true);
    expect(beyond).toContain("connections already");
    expect(asked.at(-1)).toBe("serve");
  });

  it("does not keep a stream whose client never reads its refusal", async () => {
    const { near, far } = await arrive();
    far.pause();
    far.write(encodeFrame({ type: "nonsense" }));
    await settle();
    const before = near.destroyed;

    clock.advance(lingerMs);

    expect([before, near.destroyed]).toEqual([false, true]);
  });

  it("refuses a control stream beyond the grant's limit", async () => {
    for (let n = 0; n < controlStreamsPerGrantMax; n += 1) {
      await arrive(prove);
    }

    const beyond = await arrive(prove);

    expect(beyond.told.at(-1)).toMatchObject({ type: "refuse", code: "too-many" });
  });

  it("ends the control streams of one grant with the reason, or all", async () => {
    const { told } = await arrive(prove);

    gate.endControls({ type: "end", reason: "revoked", message: "x" }, "gother");
    await settle();
    const before = told.length;
    gate.endControls({ type: "end", reason: "revoked", message: "done" }, grant.grantID);
    await settle();

    expect(before).toBe(2);
    expect(told.at(-1)).toEqual({ type: "end", reason: "revoked", message: "done" });
  });

  it("counts those who are being told a reason among the strangers: a wrong ticket buys nobody more streams", async () => {
    engineHolds = true;
    for (let n = 0; n < unauthenticatedMax; n += 1) {
      await arrive({ type: "open", ticket: "C".repeat(43) });
    }

    const beyond = await arrive(prove);

    expect(beyond.told).toMatchObject([{ type: "refuse", code: "too-many" }]);
  });

  it("drops strangers silently when as many again do not take their refusal", async () => {
    for (let n = 0; n < 2 * unauthenticatedMax; n += 1) {
      // Nobody reads at the far end.
      void gate.handle(duplexPair().near);
    }

    const beyond = await arrive(prove);

    expect([beyond.told, beyond.near.destroyed]).toEqual([[], true]);
  });

  it("does not keep a control stream whose client takes no notice of the end", async () => {
    const { near, far } = await arrive(prove);
    far.removeAllListeners("end");

    gate.endControls({ type: "end", reason: "revoked", message: "done" });
    clock.advance(endLingerMs);

    expect(near.destroyed).toBe(true);
  });

  it("does not tell a stranger's ticket from a wrong one, and repeats the reason in the database's protocol", async () => {
    const { told } = await arrive({ type: "open", ticket: "C".repeat(43) });

    expect(told.at(-1)).toMatchObject({ code: "ticket-unknown", spoken: true });
    expect(asked).toEqual(["refuse: the tunnel is no longer known to this proxy; connect again"]);
  });
});
