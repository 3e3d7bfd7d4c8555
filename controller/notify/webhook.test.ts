import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { Webhook } from "standardwebhooks";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { SinkFailure } from "#audit/sinks/failure.ts";
import type { SinkItem } from "#audit/sinks/sink.ts";
import { systemClock } from "#lib/clock.ts";
import type { TrailEventView } from "#wire/trail-event.ts";
import { eventID } from "./event-source.ts";
import { anEvent, type Arrived, type Said, type TestServer, testServer } from "./testing.ts";
import { WebhookSink } from "./webhook.ts";

const secret = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
const former = `whsec_${Buffer.alloc(24, 9).toString("base64")}`;
let directory: string;
let secretFile: string;
let server: TestServer | undefined;

beforeEach(() => {
  directory = mkdtempSync(`${tmpdir()}/webhook-`);
  secretFile = `${directory}/secrets`;
  writeFileSync(secretFile, `# newest first\n${secret}\n${former}\n`);
});

afterEach(async () => {
  await server?.close();
  server = undefined;
  rmSync(directory, { recursive: true });
});

const itemOf = (value: TrailEventView): SinkItem<TrailEventView> => ({
  position: value.storeSeq,
  id: eventID(value, "test"),
  receivedMs: 0,
  bytes: 100,
  value,
});

/** A receiver, and a try to deliver these positions to it. */
async function receiver(answer: (request: Arrived, count: number) => Said | undefined, timeoutMs = 10_000) {
  let count = 0;
  server = await testServer((request) => answer(request, (count += 1)));
  const sink = new WebhookSink({
    url: new URL(`${server.url}/hook?token=x`),
    secretFile,
    installation: "test",
    publicURL: "https://sallyport.test",
    clock: systemClock,
    timeoutMs,
  });
  const confirmed: number[] = [];
  const deliver = (...positions: number[]): Promise<void> =>
    sink.deliver(
      positions.map((position) => itemOf(anEvent(position))),
      {
        signal: new AbortController().signal,
        epoch: "e",
        confirmed: (position) => confirmed.push(position),
      },
    );
  const failureOf = (...positions: number[]): Promise<SinkFailure> =>
    deliver(...positions).then(
      () => expect.fail("it was delivered"),
      (error: unknown) => error as SinkFailure,
    );
  return { server, confirmed, deliver, failureOf };
}

const headersOf = ({ headers }: Arrived): Record<string, string> =>
  Object.fromEntries(
    ["webhook-id", "webhook-timestamp", "webhook-signature"].map((name) => [name, String(headers[name])]),
  );

describe("a webhook", () => {
  it("is what the library of Standard Webhooks accepts, by the new secret and by the old one", async () => {
    const { server: got, deliver } = await receiver(() => ({ status: 204 }));

    await deliver(4);

    const [request] = got.arrived as [Arrived];
    const { storeSeq, detail, grantID } = anEvent(4);
    for (const key of [secret, former]) {
      expect(new Webhook(key).verify(request.body, headersOf(request))).toMatchObject({
        type: "grant.requested",
        timestamp: "2026-01-01T00:00:00.000Z",
        data: {
          installation: "test",
          storeSeq,
          detail,
          links: { console: `https://sallyport.test/console/grants/${grantID}` },
        },
      });
    }
    expect(request.path).toBe("/hook?token=x");
  });

  it("that was changed, is old, has another id or another key's signature is refused by that library", async () => {
    const { server: got, deliver } = await receiver(() => ({ status: 200 }));

    await deliver(4);

    const [request] = got.arrived as [Arrived];
    const headers = headersOf(request);
    const verify = (body: string, change: Record<string, string> = {}, key = secret): unknown =>
      new Webhook(key).verify(body, { ...headers, ...change });
    const old = String(Number(headers["webhook-timestamp"]) - 301);
    expect(() => verify(request.body.replace("ada", "eve"))).toThrow("No matching signature");
    expect(() => verify(request.body, { "webhook-timestamp": old })).toThrow("too old");
    expect(() => verify(request.body, { "webhook-id": "evt_other" })).toThrow("No matching signature");
    expect(() => verify(request.body, {}, `whsec_${Buffer.alloc(32, 8).toString("base64")}`)).toThrow("No matching");
  });

  it("keeps its id at every try, and only what was not taken is tried again", async () => {
    const {
      server: got,
      confirmed,
      deliver,
      failureOf,
    } = await receiver((_, count) => ({
      status: count === 2 ? 500 : 200,
    }));

    const failure = await failureOf(1, 2, 3);
    await deliver(2, 3);

    expect(failure).toMatchObject({ kind: "unreachable" });
    expect(confirmed).toEqual([1, 2, 3]);
    const ids = got.arrived.map(({ headers }) => headers["webhook-id"]);
    expect(ids[1]).toBe(ids[2]);
    expect(new Set(ids).size).toBe(3);
  });

  it.each([
    [429, { "retry-after": "7" }, "throttled", 7_000],
    [410, {}, "refused", undefined],
    [302, { location: "http://127.0.0.1:1/" }, "refused", undefined],
    [503, {}, "throttled", undefined],
  ])("answered with %i waits as it must and follows nobody", async (status, headers, kind, retryAfterMs) => {
    const { server: got, failureOf } = await receiver(() => ({ status, headers }));

    const failure = await failureOf(1);

    expect(failure).toMatchObject({ kind, retryAfterMs });
    expect(failure.message).not.toContain("token");
    expect(got.arrived).toHaveLength(1);
  });

  it("gives up on who says nothing, and on an answer without end", async () => {
    const silent = await receiver(() => undefined, 50);
    const endless = { status: 200, body: "x".repeat(70_000) };

    expect(await silent.failureOf(1)).toMatchObject({ kind: "unreachable" });
    await silent.server.close();
    expect((await (await receiver(() => endless)).failureOf(1)).message).toContain("too long");
  });

  it("takes a changed secret at the next delivery, and none while the file holds something else", async () => {
    const { server: got, deliver, failureOf } = await receiver(() => ({ status: 200 }));
    const third = `whsec_${Buffer.alloc(32, 3).toString("base64")}`;

    writeFileSync(secretFile, `${third}\n`);
    await deliver(1);
    writeFileSync(secretFile, `${third}\nhunter2\n`);
    const failure = await failureOf(2);

    const [request] = got.arrived as [Arrived];
    expect(() => new Webhook(third).verify(request.body, headersOf(request))).not.toThrow();
    expect(failure.kind).toBe("refused");
    expect(failure.message).not.toContain("hunter2");
    expect(got.arrived).toHaveLength(1);
  });
});
