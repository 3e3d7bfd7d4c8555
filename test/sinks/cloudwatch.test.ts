import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  GetLogEventsCommand,
  type OutputLogEvent,
} from "@aws-sdk/client-cloudwatch-logs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CloudWatchSink } from "#audit/sinks/cloudwatch.ts";
import { systemClock } from "#lib/clock.ts";
import { eventually } from "#test/harness/process.ts";
import { isMissing } from "#tools/parts/part.ts";
import { sinkServers } from "#tools/parts/sinks.ts";
import { type DoorFault, startDoor } from "./faulty-door.ts";
import { type Moto, motoCredentials, startMoto } from "./moto.ts";
import { asExported, openTrail } from "./trail.ts";

const part = sinkServers();
const missing = isMissing(part) ? part.missing : undefined;
const region = "eu-central-1";
const logStreamName = "trail";

describe.skipIf(missing !== undefined)(`CloudWatch Logs, as moto speaks it${missing ? `: ${missing}` : ""}`, () => {
  let moto: Moto;
  let client: CloudWatchLogsClient;
  let groups = 0;

  beforeAll(async () => {
    if (!isMissing(part)) {
      Object.assign(process.env, motoCredentials);
      moto = await startMoto(part.file);
      client = new CloudWatchLogsClient({ region, endpoint: moto.url });
    }
  });
  afterAll(async () => {
    await moto?.stop();
  });

  async function stand({ withGroup = true } = {}) {
    groups += 1;
    const logGroupName = `/sallyport/audit-${groups}`;
    if (withGroup) {
      await client.send(new CreateLogGroupCommand({ logGroupName }));
    }
    const door = await startDoor(moto.url);
    const trail = await openTrail();
    const sinkTo = (): CloudWatchSink =>
      new CloudWatchSink({
        logGroup: logGroupName,
        logStream: logStreamName,
        region,
        endpoint: door.url,
        clock: systemClock,
      });
    return {
      door,
      trail,
      sink: sinkTo(),
      headSink: sinkTo(),
      logGroupName,
      async [Symbol.asyncDispose]() {
        await door.stop();
        await trail[Symbol.asyncDispose]();
      },
    };
  }

  async function eventsIn(logGroupName: string): Promise<OutputLogEvent[]> {
    const found: OutputLogEvent[] = [];
    for (let nextToken: string | undefined; ;) {
      const page = await client.send(
        new GetLogEventsCommand({ logGroupName, logStreamName, startFromHead: true, nextToken }),
      );
      if ((page.events ?? []).length === 0) {
        return found;
      }
      found.push(...(page.events ?? []));
      nextToken = page.nextForwardToken;
    }
  }

  const linesOf = (events: readonly OutputLogEvent[]): string[] =>
    [...new Set(events.map(({ message = "" }) => message))].map(asExported).toSorted(byPosition);

  it("gets every record once, in a stream that is made for it", async () => {
    await using stage = await stand();
    const { trail, sink, logGroupName } = stage;
    await trail.add("s1", 60);

    await trail.delivered(trail.runner(sink));

    const events = await eventsIn(logGroupName);
    expect(events.map(({ message = "" }) => asExported(message)).toSorted(byPosition)).toEqual(await trail.exported());
  });

  it("gets the signed heads as events of their own, and what it answers verifies by itself, also where some came twice", async () => {
    await using stage = await stand();
    const { door, trail, sink, headSink, logGroupName } = stage;
    await trail.add("s1", 3);
    await trail.add("s2", 3);
    const records = trail.runner(sink);
    await trail.delivered(records);
    door.faults.push("lost-answer");

    await trail.delivered(trail.headRunner(headSink, records));

    const events = await eventsIn(logGroupName);
    // As `aws logs get-log-events` prints it.
    const printed = (shown: OutputLogEvent[]) => JSON.stringify({ events: shown }, undefined, 4).split("\n");
    expect(await trail.verified(printed(events))).toMatchObject({
      verdict: "complete",
      repeated: 2,
      otherLines: 0,
      lastHeads: [{ line: 2 }],
      counts: { sessions: 2 },
    });
    const close = events.findLastIndex(({ message = "" }) => message.includes('"session.close"'));
    expect((await trail.verified(printed(events.toSpliced(close, 1)))).verdict).toBe("broken");
  });

  const faults: [string, DoorFault][] = [
    ["the connection is reset in the middle of the body", "reset"],
    ["the answer is lost", "lost-answer"],
    ["the answer is 500", { status: 500 }],
    ["it is throttled", { status: 400, body: JSON.stringify({ __type: "ThrottlingException", message: "slower" }) }],
    ["the answer is 429", { status: 429, headers: { "retry-after": "0" } }],
  ];
  it.each(faults)("loses nothing when %s; what comes twice has the same id", async (_, fault) => {
    await using stage = await stand();
    const { door, trail, sink, logGroupName } = stage;
    await trail.add("s1", 60);
    door.faults.push(fault, fault);

    await trail.delivered(trail.runner(sink));

    expect(linesOf(await eventsIn(logGroupName))).toEqual(await trail.exported());
  });

  it("takes an answer that rejects events for no confirmation: they come again as of now", async () => {
    await using stage = await stand();
    const { door, trail, sink, logGroupName } = stage;
    await trail.add("s1", 2);
    const rejected = JSON.stringify({ nextSequenceToken: "1", rejectedLogEventsInfo: { tooOldLogEventEndIndex: 6 } });
    // The stream is made first: its absence is the first answer.
    await trail.delivered(trail.runner(sink, { name: "first" }));
    door.faults.push({ status: 200, headers: { "content-type": "application/x-amz-json-1.1" }, body: rejected });
    const before = Date.now();

    await trail.delivered(trail.runner(sink, { name: "second" }));

    const events = await eventsIn(logGroupName);
    expect(events.filter(({ timestamp = 0 }) => timestamp >= before)).toHaveLength(6);
  });

  it("holds back and says why when events are rejected again", async () => {
    await using stage = await stand();
    const { door, trail, sink } = stage;
    await trail.add("s1", 1);
    const rejected = JSON.stringify({ rejectedLogEventsInfo: { expiredLogEventEndIndex: 4 } });
    const answer = { status: 200, headers: { "content-type": "application/x-amz-json-1.1" }, body: rejected };
    // More than it tries while this looks.
    door.faults.push(...Array.from({ length: 500 }, () => answer));

    const runner = trail.runner(sink);
    const status = await eventually("it fails", () => (runner.status().failure ? runner.status() : undefined));

    expect(status).toMatchObject({ position: 0, failure: { kind: "refused" } });
    expect(status.failure?.message).toContain("rejected");
  });

  it("says that a person must act, and drops nothing, while there is no group", async () => {
    await using stage = await stand({ withGroup: false });
    const { trail, sink } = stage;
    await trail.add("s1", 1);

    const runner = trail.runner(sink);
    const status = await eventually("it fails", () => (runner.status().failure ? runner.status() : undefined));

    expect(status).toMatchObject({ position: 0, behind: 4, failure: { kind: "refused" } });
    expect(status.failure?.message).toContain("ResourceNotFoundException");
  });
});

/** Lines of an export by their positions: events with one timestamp have no order of their own. */
function byPosition(one: string, other: string): number {
  const position = (line: string): number => (JSON.parse(line) as { storeSeq: number }).storeSeq;
  return position(one) - position(other);
}
