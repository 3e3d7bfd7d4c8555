import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { headersInEnvironment } from "#audit/sinks/otlp-headers.ts";
import { OtlpSink } from "#audit/sinks/otlp.ts";
import { systemClock } from "#lib/clock.ts";
import { freePort } from "#test/harness/postgres.ts";
import { eventually } from "#test/harness/process.ts";
import { isMissing } from "#tools/parts/part.ts";
import { sinkServers } from "#tools/parts/sinks.ts";
import { type DoorFault, type FaultyDoor, startDoor } from "./faulty-door.ts";
import { type ServerProcess, startServer } from "./server-process.ts";
import { asExported, openTrail, type TrailStand } from "./trail.ts";

const part = sinkServers();
const missing = isMissing(part) ? part.missing : undefined;

interface Received {
  readonly received: readonly {
    readonly body: string;
    readonly time: number;
    readonly severity: number;
    readonly event: string;
    readonly attributes: Readonly<Record<string, string>>;
    readonly resource: Readonly<Record<string, string>>;
  }[];
  readonly headers: readonly Readonly<Record<string, string>>[];
}

describe.skipIf(missing !== undefined)(
  `OTLP, as OpenTelemetry's own messages read it${missing ? `: ${missing}` : ""}`,
  () => {
    let receiver: ServerProcess;
    let url: string;
    let door: FaultyDoor;
    let trail: TrailStand;

    beforeEach(async () => {
      const port = await freePort();
      url = `http://127.0.0.1:${port}`;
      const python = isMissing(part) ? "" : part.file;
      const program = path.join(import.meta.dirname, "otlp_receiver.py");
      receiver = await startServer(python, [program, String(port)], port, {
        folder: mkdtempSync(path.join(tmpdir(), "sallyport-otlp-")),
      });
      door = await startDoor(url);
      trail = await openTrail();
    });
    afterEach(async () => {
      await door.stop();
      await trail[Symbol.asyncDispose]();
      await receiver.stop();
    });

    function sinkOf(): OtlpSink {
      return new OtlpSink({
        url: new URL("/v1/logs", door.url),
        tls: {},
        headers: () =>
          Promise.resolve(headersInEnvironment({ OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20t0ken" })),
        installation: "acme",
        clock: systemClock,
      });
    }

    const received = async (): Promise<Received> => (await (await fetch(url)).json()) as Received;
    const reject = (what: object) => fetch(url, { method: "PUT", body: JSON.stringify(what) });

    async function expectAll(): Promise<void> {
      const all = (await received()).received;
      const firsts = new Map(all.map(({ attributes, body }) => [attributes["log.record.uid"], asExported(body)]));
      expect([...firsts.values()].toSorted(byPosition)).toEqual(await trail.exported());
    }

    it("gets every record once, with its time, its severity and whose it is, and the headers that the environment names", async () => {
      await trail.add("s1", 60);

      await trail.delivered(trail.runner(sinkOf()));

      const { received: all, headers } = await received();
      expect(all.map(({ body }) => asExported(body))).toEqual(await trail.exported());
      expect(headers[0]).toMatchObject({ authorization: "Bearer t0ken", "content-encoding": "gzip" });
      const start = all.find(({ event }) => event === "sallyport.statement.start");
      const { id, session, grantID, time } = JSON.parse(start?.body ?? "{}") as Record<string, string>;
      expect(start).toMatchObject({
        severity: 9,
        time: Date.parse(time ?? ""),
        attributes: { "log.record.uid": id, "sallyport.session": session, "sallyport.grant_id": grantID },
        resource: { "service.name": "sallyport", "sallyport.installation": "acme" },
      });
      expect(grantID).toMatch(/^g/);
    });

    it("gets the signed heads as an event of their own, and what arrived verifies by itself, also where some came twice", async () => {
      await trail.add("s1", 3);
      await trail.add("s2", 3);
      const records = trail.runner(sinkOf());
      await trail.delivered(records);
      door.faults.push("lost-answer");

      await trail.delivered(trail.headRunner(sinkOf(), records));

      const { received: all } = await received();
      const heads = all.filter(({ event }) => event === "sallyport.head");
      expect(heads).toHaveLength(4);
      expect(heads[0]).toMatchObject({ attributes: { "sallyport.kind": "head", "sallyport.head_line": "1" } });
      // As the collector's file exporter writes requests down.
      const logRecords = all.map(({ body }) => ({ body: { stringValue: body } }));
      const written = (kept: typeof logRecords) => [
        JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords: kept }] }] }),
      ];
      expect(await trail.verified(written(logRecords))).toMatchObject({
        verdict: "complete",
        repeated: 2,
        lastHeads: [{ line: 2 }],
      });
      const first = logRecords.findIndex(({ body }) => body.stringValue.includes('"headLine":1,'));
      const second = logRecords.findLastIndex(({ body }) => body.stringValue.includes('"headLine":1,'));
      const less = logRecords.filter((_, index) => index !== first && index !== second);
      expect((await trail.verified(written(less))).verdict).toBe("broken");
    });

    const faults: [string, DoorFault][] = [
      ["the connection is reset in the middle of the body", "reset"],
      ["the answer is lost", "lost-answer"],
      ["the answer is 500", { status: 500 }],
      ["the answer is 429", { status: 429, headers: { "retry-after": "0" } }],
      ["the answer is 503", { status: 503, headers: { "retry-after": "0" } }],
      ["the answer is no OTLP", { status: 200, body: "<html>" }],
      ["it is sent elsewhere", { status: 302, headers: { location: "http://127.0.0.1:1/" } }],
    ];
    it.each(faults)("loses nothing when %s; what comes twice has the same id", async (_, fault) => {
      await trail.add("s1", 60);
      door.faults.push(fault, fault);

      await trail.delivered(trail.runner(sinkOf()));

      await expectAll();
      expect(door.requests.length).toBeGreaterThan(3);
    });

    it("gets smaller requests where one is too large", async () => {
      await reject({ large: 7 });
      await trail.add("s1", 60);

      await trail.delivered(trail.runner(sinkOf()));

      await expectAll();
    });

    it("holds at the one record that is rejected, after all before it, says so, and goes on when it is taken", async () => {
      await trail.add("s1", 5);
      const lines = await trail.exported();
      const [poison = ""] = /"prev":"[0-9a-f]{64}"/.exec(lines[7] ?? "") ?? [];
      await reject({ poison });

      const runner = trail.runner(sinkOf());
      const held = await eventually("it fails", () => (runner.status().failure ? runner.status() : undefined));
      await reject({ poison: null });
      await trail.delivered(runner);

      expect(held).toMatchObject({ failure: { kind: "refused" } });
      expect(held.position).toBe(7);
      expect(held.failure?.message).toContain("poisoned");
      await expectAll();
    });

    it("says no secret where a delivery fails", async () => {
      await trail.add("s1", 1);
      door.faults.push(...Array.from({ length: 500 }, () => ({ status: 403, body: "no\u001b[31m entry" })));

      const runner = trail.runner(sinkOf());
      const { failure } = await eventually("it fails", () => (runner.status().failure ? runner.status() : undefined));

      expect(failure?.kind).toBe("refused");
      expect(failure?.message).toMatch(/^127\.0\.0\.1:\d+: 403: no \[31m entry$/);
    });
  },
);

function byPosition(one: string, other: string): number {
  const position = (line: string): number => (JSON.parse(line) as { storeSeq: number }).storeSeq;
  return position(one) - position(other);
}
