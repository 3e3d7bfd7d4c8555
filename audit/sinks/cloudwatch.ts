import {
  CloudWatchLogsClient,
  CreateLogStreamCommand,
  PutLogEventsCommand,
  type RejectedLogEventsInfo,
} from "@aws-sdk/client-cloudwatch-logs";
import { awsHttp } from "#lib/aws-http.ts";
import type { Clock } from "#lib/clock.ts";
import { awsFailure } from "./aws-failure.ts";
import { type LogEvent, logCalls } from "./cloudwatch-events.ts";
import { SinkFailure } from "./failure.ts";
import type { RecordLine } from "./record-line.ts";
import type { DeliveryContext, Sink, SinkItem } from "./sink.ts";

export interface CloudWatchOptions {
  readonly logGroup: string;
  /** Made where it is missing; the group is not, since its retention and its key are a person's to choose. */
  readonly logStream: string;
  readonly region: string;
  /** Absent: AWS itself, or what `AWS_ENDPOINT_URL_CLOUDWATCH_LOGS` says. */
  readonly endpoint?: string | undefined;
  readonly clock: Clock;
}

/** A call carries a mebibyte at most. */
const requestTimeoutMs = 30_000;

/** One log event for each record, or for each part of a record that is larger than an event may be. */
export class CloudWatchSink implements Sink<RecordLine> {
  readonly #options: CloudWatchOptions;
  readonly #client: CloudWatchLogsClient;

  constructor(options: CloudWatchOptions) {
    this.#options = options;
    const { region, endpoint } = options;
    this.#client = new CloudWatchLogsClient({
      region,
      maxAttempts: 1,
      ...(endpoint === undefined ? {} : { endpoint }),
      requestHandler: awsHttp(requestTimeoutMs),
    });
  }

  async deliver(items: readonly SinkItem<RecordLine>[], { signal, confirmed }: DeliveryContext): Promise<void> {
    for (const { events, upTo } of logCalls(items, this.#options.clock.now())) {
      await this.#deliverEvents(events, signal);
      if (upTo !== undefined) {
        confirmed(upTo);
      }
    }
  }

  close(): Promise<void> {
    this.#client.destroy();
    return Promise.resolve();
  }

  async #deliverEvents(events: readonly LogEvent[], signal: AbortSignal): Promise<void> {
    const rejected = await this.#put(events, signal);
    if (rejected === undefined) {
      return;
    }
    // A group may keep events for a day only, and refuses what is older: it gets them as of now, since the record says its own time.
    const again = rejectedOf(events, rejected).map(({ message }) => ({
      message,
      timestamp: this.#options.clock.now(),
    }));
    const still = again.length === 0 ? undefined : await this.#put(again, signal);
    if (still !== undefined) {
      throw new SinkFailure("refused", `logs:PutLogEvents: events were rejected: ${JSON.stringify(still)}`);
    }
  }

  /** What the group does not take of it, although it answers 200; undefined where it takes everything. */
  async #put(events: readonly LogEvent[], signal: AbortSignal): Promise<RejectedLogEventsInfo | undefined> {
    const { logGroup: logGroupName, logStream: logStreamName, clock } = this.#options;
    const command = new PutLogEventsCommand({ logGroupName, logStreamName, logEvents: [...events] });
    for (let isFirst = true; ; isFirst = false) {
      try {
        const { rejectedLogEventsInfo } = await this.#client.send(command, { abortSignal: signal });
        return rejectedLogEventsInfo;
      } catch (thrown) {
        if (!isFirst || (thrown as { name?: string }).name !== "ResourceNotFoundException") {
          throw awsFailure(thrown, "logs:PutLogEvents", clock.now());
        }
        await this.#createStream(signal);
      }
    }
  }

  async #createStream(signal: AbortSignal): Promise<void> {
    const { logGroup: logGroupName, logStream: logStreamName, clock } = this.#options;
    try {
      await this.#client.send(new CreateLogStreamCommand({ logGroupName, logStreamName }), { abortSignal: signal });
    } catch (thrown) {
      if ((thrown as { name?: string }).name !== "ResourceAlreadyExistsException") {
        throw awsFailure(thrown, "logs:CreateLogStream", clock.now());
      }
    }
  }
}

/**
 * The events that were rejected. Where an end or a start is one event off, as the API reference leaves open, one event is delivered twice
 * rather than not at all.
 */
function rejectedOf(events: readonly LogEvent[], info: RejectedLogEventsInfo): LogEvent[] {
  const { tooOldLogEventEndIndex = -1, expiredLogEventEndIndex = -1 } = info;
  const end = Math.max(tooOldLogEventEndIndex, expiredLogEventEndIndex);
  const start = info.tooNewLogEventStartIndex ?? events.length;
  return events.filter((_, index) => index <= end || index >= start);
}
