import { once } from "node:events";
import { connect } from "node:net";
import { type Duplex, duplexPair } from "node:stream";
import { text } from "node:stream/consumers";
import { expect, it } from "vitest";
import { testComputer } from "#test/cli/world.ts";
import type { GrantTunnel } from "../tunnel/grant-tunnel.ts";
import { openFront } from "./front.ts";

it("keeps its port while the way behind it comes and goes, and tells database clients how it stands", async () => {
  using computer = testComputer();
  const front = await openFront(0, "MySQL", computer.world);
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
