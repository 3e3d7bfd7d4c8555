import { describe, expect, it } from "vitest";
import { type ManualClock, manualClock } from "#lib/clock.ts";
import type { ConnectInfo } from "#wire/control-api.ts";
import type { FromProxy, Warning } from "#wire/handshake.ts";
import { createProof } from "#wire/proof.ts";
import { hello, type ProxySide, proxySide } from "#test/cli/proxy-side.ts";
import {
  answerTimeoutMs,
  type GrantTunnel,
  openGrantTunnel,
  pingPeriodMs,
  pongTimeoutMs,
  probeTimeoutMs,
} from "./grant-tunnel.ts";

const sts = { url: "https://sts.eu-west-1.amazonaws.com", region: "eu-west-1" };
const info = { installation: "test", proxy: "default/main", grantID: "g1", sts } as ConnectInfo;
const credentials = { accessKeyId: "ASIAEXAMPLE0000000", secretAccessKey: "secret", sessionToken: "token" };
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

interface Stand {
  readonly clock: ManualClock;
  readonly control: ProxySide;
  readonly tunnel: GrantTunnel;
  readonly warnings: Warning[];
  /** The far end of the next data stream. */
  readonly data: () => ProxySide;
}

/** Opens a tunnel whose proxy side greets and answers the proof with `answer`. */
async function stand(
  answer: FromProxy,
  engine: ConnectInfo["engine"] = "PostgreSQL",
  heardMs: () => number = () => -Infinity,
): Promise<Stand> {
  const clock = manualClock();
  const control = proxySide();
  const sides = [control];
  const warnings: Warning[] = [];
  control.say(hello);
  const opening = openGrantTunnel({
    open: async () => (sides.shift() as ProxySide).client,
    info: { ...info, engine },
    credentials,
    clock,
    client: "sallyport/test",
    onWarning: (warning) => warnings.push(warning),
    heardMs,
  });
  const prove = await control.hear();
  const audience = { purpose: "connect", installation: "test", proxy: "default/main", grantID: "g1" } as const;
  const proof = await createProof({ ...audience, nonce: "nonce-1" }, credentials, sts, new Date(clock.now()));
  // Bound to the proxy as the control API named it, to this grant and to this stream's nonce.
  expect(prove).toEqual({ type: "prove", grantID: "g1", proof, client: "sallyport/test" });
  control.say(answer);
  const tunnel = await opening;
  return {
    clock,
    control,
    tunnel,
    warnings,
    data: () => {
      const side = proxySide();
      sides.push(side);
      return side;
    },
  };
}

const welcome: FromProxy = { type: "welcome", ticket: "ticket-1", ticketLifeMs: 900_000, remainingMs: 3_600_000 };

describe("a grant's tunnel", () => {
  it("opens data streams with its ticket, and the database's first bytes come through", async () => {
    const { tunnel, data } = await stand(welcome);
    const side = data();
    side.say(hello);

    const opening = tunnel.openData();
    expect(await side.hear()).toEqual({ type: "open", ticket: "ticket-1" });
    side.say({ type: "welcome", remainingMs: 1 });
    side.stream.write("MySQL speaks first");
    const { stream, refused } = await opening;
    stream.write("then the client");

    expect(refused).toBeUndefined();
    expect((await stream.iterator().next()).value).toEqual(Buffer.from("MySQL speaks first"));
    expect((await side.rest(15)).toString()).toBe("then the client");
  });

  it("uses the newest ticket that it was given", async () => {
    const { tunnel, control, data } = await stand(welcome);
    control.say({ type: "ticket", ticket: "ticket-2", ticketLifeMs: 900_000 });
    await settle();
    const side = data();
    side.say(hello);

    const opening = tunnel.openData();

    expect(await side.hear()).toEqual({ type: "open", ticket: "ticket-2" });
    side.say({ type: "welcome", remainingMs: 1 });
    await opening;
  });

  it("hands over a refusal that will be spoken in the database's protocol, and fails for one that will not", async () => {
    const { tunnel, data } = await stand(welcome);
    const refuse = { type: "refuse", code: "grant-ended", message: "it is over", retryable: false } as const;
    const [spoken, silent] = [data(), data()];
    spoken.say(hello, { ...refuse, spoken: true });
    spoken.stream.write("E…FATAL");
    silent.say(hello, { ...refuse, spoken: false });

    const first = await tunnel.openData();

    expect(first.refused?.message).toBe("it is over");
    expect((await first.stream.iterator().next()).value).toEqual(Buffer.from("E…FATAL"));
    await expect(tunnel.openData()).rejects.toMatchObject({ code: "ProxyRefused", why: "it is over" });
    expect(silent.client.destroyed).toBe(true);
  });

  it("fails by itself where the proxy knows neither ticket nor engine, and would wait for a client of MySQL to speak", async () => {
    const { tunnel, data } = await stand(welcome, "MySQL");
    const refuse = { type: "refuse", message: "connect again", retryable: true, spoken: true } as const;
    const [unknown, ended] = [data(), data()];
    unknown.say(hello, { ...refuse, code: "ticket-unknown" });
    ended.say(hello, { ...refuse, code: "grant-ended" });

    await expect(tunnel.openData()).rejects.toMatchObject({ code: "ProxyRefusedForNow", why: "connect again" });
    expect((await tunnel.openData()).refused?.code).toBe("grant-ended");
  });

  it("gives up a data stream whose far end says nothing", async () => {
    const { tunnel, data, clock } = await stand(welcome);
    const side = data();

    const opening = tunnel.openData();
    opening.catch(() => {});
    await settle();
    clock.advance(answerTimeoutMs);

    await expect(opening).rejects.toMatchObject({ code: "ProxySilent" });
    expect(side.client.destroyed).toBe(true);
  });

  it("ends with the proxy's reason", async () => {
    const { tunnel, control } = await stand(welcome);
    const end = { type: "end", reason: "expired", message: "this access has expired" } as const;

    control.say(end);
    control.stream.end();

    expect(await tunnel.ended).toEqual({ end });
    expect(control.client.destroyed).toBe(true);
  });

  it.each<[string, (control: ProxySide) => void]>([
    ["is closed", (control) => control.stream.end()],
    ["breaks", (control) => control.client.destroy(new Error("reset"))],
    ["says what does not belong", (control) => control.say(hello)],
    ["speaks another protocol", (control) => void control.stream.write("HTTP/1.1 200 OK")],
  ])("is broken when its control stream %s", async (_, disturb) => {
    const { tunnel, control, clock } = await stand(welcome);

    disturb(control);

    expect(await tunnel.ended).toHaveProperty("broken");
    expect(clock.pendingCount()).toBe(0);
  });

  it("answers pings, passes warnings on, and stays while its own pings are answered", async () => {
    const { tunnel, control, clock, warnings } = await stand(welcome);
    control.say({ type: "ping", id: 7 }, { type: "warning", message: "5 minutes", remainingMs: 300_000 });
    expect(await control.hear()).toEqual({ type: "pong", id: 7 });

    for (let id = 1; id <= 3; id += 1) {
      clock.advance(pingPeriodMs);
      expect(await control.hear()).toEqual({ type: "ping", id });
      control.say({ type: "pong", id });
      await settle();
      clock.advance(pongTimeoutMs);
    }

    expect(warnings).toEqual([{ type: "warning", message: "5 minutes", remainingMs: 300_000 }]);
    expect(control.client.destroyed).toBe(false);
    tunnel.close();
    expect(clock.pendingCount()).toBe(0);
  });

  it("is broken within seconds where somebody doubts it and the proxy does not answer, however often it is asked", async () => {
    const { tunnel, control, clock } = await stand(welcome);
    tunnel.probe();
    expect(await control.hear()).toEqual({ type: "ping", id: 1 });
    control.say({ type: "pong", id: 1 });
    await settle();
    clock.advance(probeTimeoutMs);
    expect(control.client.destroyed).toBe(false);

    tunnel.probe();
    clock.advance(probeTimeoutMs - 1);
    tunnel.probe();
    expect(control.client.destroyed).toBe(false);
    clock.advance(1);

    expect(await tunnel.ended).toMatchObject({ broken: { message: "the proxy does not answer" } });
    tunnel.probe();
    expect(clock.pendingCount()).toBe(0);
  });

  it("is not given up by a probe while something still arrives through the SSM session", async () => {
    const { tunnel, control, clock } = await stand(welcome, "PostgreSQL", () => clock.monotonicMs());

    tunnel.probe();
    clock.advance(probeTimeoutMs);
    expect(control.client.destroyed).toBe(false);
    clock.advance(pongTimeoutMs);

    expect(await tunnel.ended).toHaveProperty("broken");
  });

  it("is broken when a ping is not answered in time", async () => {
    const { tunnel, clock } = await stand(welcome);

    clock.advance(pingPeriodMs + pongTimeoutMs);

    expect(await tunnel.ended).toMatchObject({ broken: { message: "the proxy does not answer" } });
  });
});

describe("a proxy that does not let the person in", () => {
  async function refusedWith(...messages: FromProxy[]): Promise<{ error: unknown; side: ProxySide }> {
    const side = proxySide();
    side.say(...messages);
    const options = { info, credentials, clock: manualClock(), client: "test", onWarning: () => {} };
    const error = await openGrantTunnel({ ...options, open: async () => side.client }).catch(
      (failure: unknown) => failure,
    );
    return { error, side };
  }
  const refuse = { type: "refuse", code: "wrong-role", message: "not your role", spoken: false } as const;

  it.each<[string, FromProxy[], Record<string, string>]>([
    [
      "says why",
      [hello, { ...refuse, retryable: false }],
      { code: "ProxyRefused", why: "not your role", next: "sallyport grants list" },
    ],
    [
      "says that it may pass",
      [hello, { ...refuse, retryable: true }],
      { code: "ProxyRefusedForNow", next: "Run the same command again in a few seconds." },
    ],
    [
      "refuses before its greeting",
      [{ ...refuse, retryable: true }],
      { code: "ProxyRefusedForNow", why: "not your role" },
    ],
    ["forgets the ticket", [hello, { type: "welcome", remainingMs: 1 }], { code: "ProxyRefused" }],
    ["is another installation's", [{ ...hello, installation: "other" } as FromProxy], { code: "ProxyUnexpected" }],
    ["speaks another version", [{ ...hello, version: 2 } as FromProxy], { code: "ProxyUnexpected" }],
    ["does not greet", [{ type: "ping", id: 1 }], { code: "ProxyUnexpected" }],
  ])("%s", async (_, messages, expected) => {
    const { error, side } = await refusedWith(...messages);

    expect(error).toMatchObject(expected);
    expect(side.client.destroyed).toBe(true);
  });

  it("leaves no stream open when the proof cannot be signed", async () => {
    const side = proxySide();
    side.say(hello);
    const broken = { ...info, sts: { url: "not a url", region: "" } };
    const options = { credentials, clock: manualClock(), client: "test", onWarning: () => {} };

    await expect(openGrantTunnel({ ...options, info: broken, open: async () => side.client })).rejects.toThrow();

    expect(side.client.destroyed).toBe(true);
  });
});
