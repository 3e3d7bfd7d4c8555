import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { Duplex } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Secret } from "#lib/secret.ts";
import { startTunnelHarness, taskPort, type TunnelHarness } from "./harness.ts";

// The client of cli/ssm against the agent of sandbox/ssm: written apart from each other, from the same facts.

let harness: TunnelHarness;

beforeAll(async () => {
  harness = await startTunnelHarness();
});

afterAll(() => harness[Symbol.asyncDispose]());

/** Writes `sent` and resolves to the echo of it. */
async function echoOf(stream: Duplex, sent: Buffer): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  stream.write(sent);
  while (bytes < sent.length) {
    const chunk = (await once(stream, "data"))[0] as Buffer;
    chunks.push(chunk);
    bytes += chunk.length;
  }
  return Buffer.concat(chunks);
}

function sessionOf(sessionID: string) {
  return harness.sandbox.ssm.sessions().find((session) => session.sessionID === sessionID);
}

describe("tunnel through the simulated Session Manager", () => {
  it("carries many connections at once, unchanged, with a signed upgrade", async () => {
    const tunnel = await harness.open();
    const payloads = [1, 1017, 100_000, 1_000_000].map((size) => randomBytes(size));

    const streams = await Promise.all(payloads.map(() => tunnel.open()));
    const echoes = await Promise.all(payloads.map((payload, index) => echoOf(streams[index]!, payload)));

    expect(echoes.map((echo, index) => echo.equals(payloads[index]!))).toEqual([true, true, true, true]);
    expect(tunnel.stats()).toMatchObject({ streams: 4, invalidMessages: 0 });
  });

  it.each(["bounce", "cut"] as const)(
    "survives that the service does a %s in the middle of a transfer",
    async (loss) => {
      const tunnel = await harness.open();
      const stream = await tunnel.open();
      // More than both windows hold, so that much is still to come after the first of it has come back.
      const payload = randomBytes(8_000_000);

      const echoing = echoOf(stream, payload);
      for (let count = 0; count < 3; count += 1) {
        await once(stream, "data");
        harness.sandbox.ssm[loss]();
      }
      const echo = await echoing;

      expect(echo.equals(payload)).toBe(true);
      expect(tunnel.stats().resumed).toBeGreaterThan(0);
    },
  );

  it("says so when nothing listens on the port, and stays open", async () => {
    const tunnel = await harness.open({}, taskPort + 1);

    const stream = await tunnel.open();
    const [error] = (await once(stream, "error")) as [Error];

    expect(error).toMatchObject({ code: "ProxyPortUnreachable" });
    expect(tunnel.stats().streams).toBe(0);
  });

  it("gives the service's reason when the session is terminated", async () => {
    const tunnel = await harness.open();
    const stream = await tunnel.open();
    await echoOf(stream, Buffer.from("x"));

    const streamClosed = once(stream, "close");
    harness.sandbox.ssm.terminate(tunnel.sessionID, "Your grant has ended");

    expect(await tunnel.closed).toEqual({ reason: "ended-by-service", output: "Your grant has ended" });
    await streamClosed;
  });

  it("ends its session when closed, as the client's own act", async () => {
    const tunnel = await harness.open();

    await tunnel.close();

    expect(sessionOf(tunnel.sessionID)).toMatchObject({ status: "Terminated", endedBy: "Client" });
  });

  it("is lost, not hanging, when the service no longer knows the session", async () => {
    const started = await harness.start();
    const tunnel = await harness.open({ resume: started.resume });
    await started.terminate();

    harness.sandbox.ssm.cut();

    expect(await tunnel.closed).toMatchObject({ reason: "lost", error: { code: "SessionEnded" } });
  });

  it("is refused with a reason when its token is not the session's", async () => {
    const { session } = await harness.start();

    const opening = harness.open({ session: { ...session, token: new Secret("wrong") } });

    await expect(opening).rejects.toMatchObject({ code: "TunnelRefused" });
  });

  it("is refused with a reason when the upgrade's signature is wrong", async () => {
    const opening = harness.open({ signUpgrade: async () => ({ authorization: "AWS4-HMAC-SHA256 nonsense" }) });

    await expect(opening).rejects.toMatchObject({ code: "TunnelRefused", why: expect.stringContaining("40") });
  });
});
