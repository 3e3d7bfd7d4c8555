import type { CursorStore } from "#audit/sinks/cursor.ts";
import { SinkRunner } from "#audit/sinks/runner.ts";
import type { BatchLimits, Sink } from "#audit/sinks/sink.ts";
import type { StoreWatch } from "#audit/sinks/store-watch.ts";
import type { TrailEventName, TrailEventView } from "#wire/trail-event.ts";
import type { ControllerWorld } from "../world.ts";
import { type EventStore, eventSource } from "./event-source.ts";
import type { SlackDesk } from "./slack/desk.ts";
import { slackEvents, SlackSink } from "./slack/sink.ts";
import { WebhookSink } from "./webhook.ts";

/** Where notifications read, and where they write down how far they are. */
export interface NotifyOptions {
  readonly store: EventStore;
  readonly cursors: CursorStore;
  readonly watch: StoreWatch;
  readonly pass?: (() => void) | undefined;
  /** Absent: Slack is told nothing. */
  readonly slack?: SlackDesk | undefined;
}

/** Nothing waits for others to come along; a receiver that was away gets what has gathered a hundred at a time. */
const limits: BatchLimits = { items: 100, bytes: 1_048_576, ageMs: 0 };

/** A runner for each receiver of notifications. They begin with what comes: nobody wants to hear of last year. */
export function notifyRunners(world: ControllerWorld, options: NotifyOptions): SinkRunner<TrailEventView>[] {
  const { clock, options: chosen } = world;
  const { installation, publicURL } = chosen;
  const receivers = chosen.webhooks.map(({ name, url, secretFile, events }): Receiver => {
    const sink = new WebhookSink({ url, secretFile, installation, publicURL, clock });
    return { name, events, sink };
  });
  if (options.slack !== undefined) {
    receivers.push({ name: "slack", events: slackEvents, sink: new SlackSink(options.slack) });
  }
  return receivers.map((receiver) => runnerOf(world, options, receiver));
}

interface Receiver {
  readonly name: string;
  readonly events: readonly TrailEventName[];
  readonly sink: Sink<TrailEventView>;
}

function runnerOf(
  { clock, log, newID, telemetry, options }: ControllerWorld,
  { store, cursors, watch, pass }: NotifyOptions,
  { name, events, sink }: Receiver,
): SinkRunner<TrailEventView> {
  return new SinkRunner({
    name,
    source: eventSource({ store, watch, installation: options.installation, names: events }),
    sink,
    cursors,
    limits,
    from: "now",
    clock,
    random: Math.random,
    newID,
    log,
    recorder: telemetry?.sinks,
    pass,
  });
}
