import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { archiveLines } from "#audit/archive/files.ts";
import type { SyslogFormat } from "#audit/sinks/syslog-message.ts";
import { type SyslogOptions, SyslogSink } from "#audit/sinks/syslog.ts";
import { systemClock } from "#lib/clock.ts";
import { freePort } from "#test/harness/postgres.ts";
import { eventually } from "#test/harness/process.ts";
import { isMissing } from "#tools/parts/part.ts";
import { rsyslogPart, type Rsyslog, startRsyslog, type SyslogEntry } from "./rsyslog.ts";
import { asExported, openTrail, type TrailStand } from "./trail.ts";

const part = rsyslogPart();
const missing = isMissing(part) ? part.missing : undefined;
/** A confirmation takes a second: everything goes in one delivery. */
const oneBatch = { limits: { items: 5_000, bytes: 50_000_000, ageMs: 0 } };
const format: SyslogFormat = { hostName: "controller-0", maxBytes: 8_192, bom: true };

function sinkTo(port: number, changes: Partial<SyslogOptions> = {}): SyslogSink {
  return new SyslogSink({ host: "127.0.0.1", port, format, confirm: "close", clock: systemClock, ...changes });
}

/** The lines that messages hold, each once, parts put together; rsyslog leaves the byte order mark where it is. */
function linesOf(entries: readonly SyslogEntry[]): string[] {
  const found = new Map<number, string | string[]>();
  for (const { message } of entries) {
    const text = message.replace(/^\uFEFF/, "");
    const value = JSON.parse(text) as { storeSeq: number; part?: number; data?: string };
    if (value.part === undefined) {
      found.set(value.storeSeq, text);
    } else {
      const pieces = found.get(value.storeSeq) ?? [];
      if (Array.isArray(pieces)) {
        pieces[value.part] = value.data ?? "";
        found.set(value.storeSeq, pieces);
      }
    }
  }
  return [...found.entries()]
    .toSorted(([one], [other]) => one - other)
    .map(([, text]) => (typeof text === "string" ? text : text.join("")));
}

/** rsyslog writes a little after it has read. */
async function expectAll(trail: TrailStand, server: Rsyslog): Promise<void> {
  const wanted = await trail.exported();
  await eventually("rsyslog has written everything", () =>
    new Set(linesOf(server.entries())).size >= wanted.length ? true : undefined,
  );
  expect(linesOf(server.entries()).map(asExported)).toEqual(wanted);
}

describe.skipIf(missing !== undefined)(`syslog, as rsyslog reads it${missing ? `: ${missing}` : ""}`, () => {
  async function stand(options: { tls?: boolean } = {}) {
    const server = await startRsyslog(await freePort(), options);
    const trail = await openTrail();
    return {
      server,
      trail,
      async [Symbol.asyncDispose]() {
        await trail[Symbol.asyncDispose]();
        await server.stop();
      },
    };
  }

  it("gets every record once, with its time, kind and severity", async () => {
    await using stage = await stand();
    const { server, trail } = stage;
    await trail.add("s1", 60);

    await trail.delivered(trail.runner(sinkTo(server.port), oneBatch));

    await expectAll(trail, server);
    const [first] = server.entries();
    expect(server.entries()).toHaveLength((await trail.exported()).length);
    expect(first).toMatchObject({
      priority: "110",
      host: "controller-0",
      app: "sallyport",
      procID: "-",
      msgID: "session.open",
    });
    expect(first?.data).toBe('[meta sequenceId="1"]');
    expect(Date.parse(first?.time ?? "")).toBe(Date.parse("2026-01-01T00:00:01Z"));
  });

  it("gets the signed heads as messages of their own, parts of them too: the file that it writes is an archive that verifies", async () => {
    await using stage = await stand();
    const { server, trail } = stage;
    await trail.add("s1", 3);
    await trail.add("s2", 3);
    const sink = (): SyslogSink => sinkTo(server.port, { format: { ...format, maxBytes: 512 } });

    const records = trail.runner(sink(), oneBatch);
    await trail.delivered(records);
    await trail.delivered(trail.headRunner(sink(), records, oneBatch));

    const report = await eventually("rsyslog has written everything", async () => {
      const found = await trail.verified(archiveLines([server.plainFile]));
      return found.verdict === "complete" && found.lastHeads[0]?.line === 2 ? found : undefined;
    });
    expect(report).toMatchObject({ notSigned: 0, installation: "acme", counts: { sessions: 2 } });
    expect(server.entries().find(({ msgID }) => msgID === "head")).toMatchObject({ priority: "110", data: "-" });
    const lines = readFileSync(server.plainFile, "utf8").split("\n");
    const gone = lines.findIndex((line) => line.includes('"kind":"statement.end"'));
    expect((await trail.verified(lines.toSpliced(gone, 1))).verdict).toBe("broken");
  });

  it("gets whose record it is as structured data too, where an enterprise number is given", async () => {
    await using stage = await stand();
    const { server, trail } = stage;
    await trail.add("s1", 1);

    await trail.delivered(trail.runner(sinkTo(server.port, { format: { ...format, enterprise: "32473" } })));

    await expectAll(trail, server);
    const [first] = server.entries();
    expect(first?.data).toMatch(/^\[meta sequenceId="1"\]\[sallyport@32473 id="[0-9a-f]{64}" session="s1" grantID="g/);
  });

  it("gets what is longer than a message in parts", async () => {
    await using stage = await stand();
    const { server, trail } = stage;
    await trail.add("s1", 20);

    await trail.delivered(trail.runner(sinkTo(server.port, { format: { ...format, maxBytes: 512 } })));

    await expectAll(trail, server);
    expect(server.entries().length).toBeGreaterThan((await trail.exported()).length);
  });

  it("gets everything over TLS, and is believed only with the authority that is named", async () => {
    await using stage = await stand({ tls: true });
    const { server, trail } = stage;
    await trail.add("s1", 60);

    const stranger = trail.runner(sinkTo(server.port, { tls: {} }), { name: "stranger" });
    const { failure } = await eventually("it fails", () => (stranger.status().failure ? stranger.status() : undefined));
    await trail.delivered(trail.runner(sinkTo(server.port, { tls: { caFile: server.caFile } }), oneBatch));

    expect(failure?.kind).toBe("refused");
    await expectAll(trail, server);
    await stranger.stop();
  });

  it("loses nothing when it is not there, comes, is killed and comes again", async () => {
    const port = await freePort();
    await using trail = await openTrail();
    await trail.add("s1", 60);
    const runner = trail.runner(sinkTo(port), oneBatch);
    await eventually("it fails", () => (runner.status().failure ? true : undefined));

    const first = await startRsyslog(port);
    await trail.delivered(runner);
    await expectAll(trail, first);
    await first.stop();
    const before = (await trail.exported()).length;
    await trail.add("s2", 60);
    await eventually("it fails", () => (runner.status().failure ? true : undefined));
    const second = await startRsyslog(port);
    await trail.delivered(runner);

    const wanted = (await trail.exported()).slice(before);
    await eventually("all is written", () => (linesOf(second.entries()).length >= wanted.length ? true : undefined));
    expect(linesOf(second.entries()).map(asExported)).toEqual(wanted);
    await second.stop();
  });
});

describe("a connection to a syslog receiver", () => {
  /** A receiver that does what is told with each connection. */
  async function receiver(serve: (socket: Socket, count: number) => void) {
    let count = 0;
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on("error", () => {});
      serve(socket, (count += 1));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    return {
      port: typeof address === "object" && address !== null ? address.port : 0,
      count: () => count,
      [Symbol.dispose]: () => void server.close(),
    };
  }

  const takeAll = (socket: Socket): void => void socket.resume().once("end", () => socket.end());

  it.each<[string, (socket: Socket) => void]>([
    ["reset at once", (socket) => socket.resetAndDestroy()],
    ["reset after a part", (socket) => void socket.once("data", () => socket.resetAndDestroy())],
    ["ended before ours", (socket) => void socket.once("data", () => socket.end())],
    ["closed with much unread", (socket) => void socket.once("data", () => socket.destroy())],
  ])("that is %s confirms nothing: the batch comes again", async (_, breaks) => {
    await using trail = await openTrail();
    await trail.add("s1", 2_000);
    using server = await receiver((socket, count) => (count <= 2 ? breaks(socket) : takeAll(socket)));

    const runner = trail.runner(sinkTo(server.port), oneBatch);
    await trail.delivered(runner);

    expect(server.count()).toBe(3);
  });

  it("counts as a confirmation after a second without objection, where the receiver never ends one", async () => {
    await using trail = await openTrail();
    await trail.add("s1", 1);
    let heard = 0;
    using server = await receiver((socket) => void socket.on("data", (chunk) => (heard += chunk.byteLength)));

    await trail.delivered(trail.runner(sinkTo(server.port, { confirm: "written" })));

    expect(heard).toBeGreaterThan(1_000);
  });
});
