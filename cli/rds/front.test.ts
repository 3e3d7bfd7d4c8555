import { once } from "node:events";
import { connect } from "node:net";
import { type Duplex, duplexPair } from "node:stream";
import { text } from "node:stream/consumers";
import { expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { testComputer } from "#test/cli/world.ts";
import type { GrantTunnel } from "../tunnel/grant-tunnel.ts";
import { heldMs, openFront } from "./front.ts";

it("keeps its port while the way behind it comes and goes, and tells database clients how it stands", async () => {
  using computer = testComputer();
  const front = await openFront({ port: 0, engine: "MySQL" }, computer.world);
  const dial = async (): Promise<string> => text(connect(front.port, "127.0.0.1"));
  const far = Promise.withResolvers<Duplex>();
  const tunnel = {
    openData: async () => {
      const [stream, other] = duplexPair();
      far.resolve(other);
      return { stream };
    },
  } as unknown as GrantTunnel;

  expect(await dial()).toContain("access is still being set up");
  front.open(tunnel);
  const client = connect(front.port, "127.0.0.1");
  (await far.promise).end("hello");
  expect(await text(client)).toBe("hello");
  front.shut("failed to accept connection for client because the proxy server connection has ended");
  expect(await dial()).toContain("the proxy server connection has ended");
  await front.close();

  expect(computer.err().split("\n")).toEqual([
    "[i] Connection refused for session [1]: access is still being set up; try again in a moment",
    "[i] Connection accepted for session [2]",
    "[i] Connection ended for session [2]",
    expect.stringContaining("[i] Connection refused for session [3]: failed to accept connection"),
    "",
  ]);
  await expect(once(connect(front.port, "127.0.0.1"), "connect")).rejects.toMatchObject({ code: "ECONNREFUSED" });
});

/** A tunnel whose far end says its name; with `draining`, one whose proxy takes nobody any more. */
function naming(name: string, draining = false): GrantTunnel {
  const refused = { code: "draining", message: "this proxy is being replaced" };
  return {
    openData: async () => {
      const [stream, other] = duplexPair();
      other.end(name);
      return { stream, ...(draining ? { refused } : {}) };
    },
  } as unknown as GrantTunnel;
}

it("has new connections wait while another way is on its way, and none is lost in between", async () => {
  using computer = testComputer();
  const front = await openFront({ port: 0, engine: "PostgreSQL" }, computer.world);
  front.open(naming("old", true));

  const met = text(connect(front.port, "127.0.0.1"));
  const accepted = new Promise<void>((resolve) => {
    const second = connect(front.port, "127.0.0.1", () => resolve());
    void text(second).then((heard) => heldHeard.resolve(heard));
  });
  const heldHeard = Promise.withResolvers<string>();
  await accepted;
  front.hold("not yet");
  front.open(naming("new"));

  expect([await met, await heldHeard.promise]).toEqual(["new", "new"]);
  await front.close();
});

it("tries the next way for a client that came as the one before it died", async () => {
  using computer = testComputer();
  const front = await openFront({ port: 0, engine: "PostgreSQL" }, computer.world);
  const dead = {
    openData: async () => {
      front.hold("looking for another way");
      throw new Error("the tunnel is over");
    },
  } as unknown as GrantTunnel;
  front.open(dead);
  front.onWanted(() => front.open(naming("new")));
  let came = 0;
  front.onClient(() => (came += 1));

  const heard = await text(connect(front.port, "127.0.0.1"));

  expect([heard, came]).toEqual(["new", 1]);
  await front.close();
});

it("tells those who wait when there is no way after all", async () => {
  const clock = manualClock();
  using computer = testComputer({ clock });
  const front = await openFront({ port: 0, engine: "MySQL" }, computer.world);
  front.hold("the successor cannot be reached yet");

  const heard = text(connect(front.port, "127.0.0.1"));
  while (clock.pendingCount() === 0) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  clock.advance(heldMs);

  expect(await heard).toContain("the successor cannot be reached yet");
  await front.close();
});
