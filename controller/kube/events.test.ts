import { describe, expect, it } from "vitest";
import { type ManualClock, manualClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import { aGrant, uidOf } from "../reconcile/testing.ts";
import type { EventText } from "./event-texts.ts";
import { closeTimeoutMs, EventRecorder, eventsQueuedMax, seriesFinishMs, seriesRefreshMs } from "./events.ts";
import { KubeFailure } from "./failure.ts";
import type { KubeRequest, KubeTransport } from "./transport.ts";

const activated: EventText = { type: "Normal", reason: "GrantActivated", action: "Activate", note: "Access is live." };
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const unavailable = (): Promise<never> => Promise.reject(new KubeFailure("unavailable", "no answer"));

interface Stand {
  readonly recorder: EventRecorder;
  readonly clock: ManualClock;
  readonly sent: KubeRequest[];
  readonly warnings: string[];
  answer: (request: KubeRequest) => Promise<unknown>;
}

function stand(instance = "pod_1"): Stand {
  const clock = manualClock();
  const sent: KubeRequest[] = [];
  const warnings: string[] = [];
  let ids = 0;
  const made: Stand = {
    clock,
    sent,
    warnings,
    answer: async () => ({}),
    recorder: new EventRecorder({
      transport: {
        request: (request: KubeRequest) => {
          sent.push(request);
          return made.answer(request);
        },
      } as Pick<KubeTransport, "request">,
      instance,
      clock,
      newID: () => `0000000${(ids += 1)}-0000-4000-8000-000000000000`,
      log: { ...silentLog, warn: (message) => void warnings.push(message) },
    }),
  };
  return made;
}

describe("an Event", () => {
  it("is of events.k8s.io/v1, beside its object, and names who tells and whom it is about", async () => {
    const { recorder, sent } = stand("p".repeat(200));

    recorder.record(aGrant(), activated);
    await settle();

    expect(sent).toMatchObject([
      {
        method: "POST",
        path: "/apis/events.k8s.io/v1/namespaces/default/events",
        body: {
          apiVersion: "events.k8s.io/v1",
          kind: "Event",
          metadata: { name: "ada-orders.0000000100004000", namespace: "default" },
          eventTime: "2026-01-01T00:00:00.000000Z",
          reportingController: "sallyport.dev/controller",
          reportingInstance: "p".repeat(128),
          ...activated,
          regarding: { kind: "Grant", namespace: "default", name: "ada-orders", uid: uidOf(1) },
        },
      },
    ]);
  });

  it("has a note of at most 1,024 bytes and whole characters", async () => {
    const { recorder, sent } = stand();

    recorder.record(aGrant(), { ...activated, note: "ä".repeat(2_000) });
    await settle();

    const [first] = sent.map(({ body }) => body as EventText);
    const note = first?.note ?? "";
    expect(Buffer.byteLength(note)).toBeLessThanOrEqual(1_024);
    expect(note).toMatch(/^ä+…?$/);
  });
});

describe("repetitions", () => {
  it("are one Event with a count: the second is told at once, the others when the series is over", async () => {
    const { recorder, sent, clock } = stand();

    for (let count = 0; count < 50; count += 1) {
      recorder.record(aGrant(), activated);
    }
    await settle();
    expect(sent.map(({ method }) => method)).toEqual(["POST", "PATCH"]);
    clock.advance(seriesFinishMs + 60_000);
    await settle();

    expect(sent[1]).toMatchObject({ contentType: "application/merge-patch+json", body: { series: { count: 50 } } });
    expect(sent).toHaveLength(2);
  });

  it("that go on are told of every half hour", async () => {
    const { recorder, sent, clock } = stand();

    for (let passed = 0; passed <= seriesRefreshMs + 60_000; passed += 60_000) {
      recorder.record(aGrant(), activated);
      clock.advance(60_000);
      await settle();
    }

    expect(sent.map(({ method }) => method)).toEqual(["POST", "PATCH", "PATCH"]);
  });

  it("after the end of a series begin a new one", async () => {
    const { recorder, sent, clock } = stand();

    recorder.record(aGrant(), activated);
    await settle();
    clock.advance(seriesFinishMs + 60_000);
    recorder.record(aGrant(), activated);
    await settle();

    expect(sent.map(({ method }) => method)).toEqual(["POST", "POST"]);
    expect(clock.pendingCount()).toBe(1);
  });

  it("of another object or another reason are Events of their own", async () => {
    const { recorder, sent } = stand();

    recorder.record(aGrant(), activated);
    recorder.record(aGrant({ metadata: { uid: uidOf(2) } }), activated);
    recorder.record(aGrant(), { ...activated, reason: "AccessRevoked" });
    await settle();

    expect(sent.map(({ method }) => method)).toEqual(["POST", "POST", "POST"]);
  });
});

describe("a server that does not take Events", () => {
  it("is tried again, and the Event is not lost", async () => {
    const made = stand();
    let tries = 0;
    made.answer = () => ((tries += 1) < 3 ? unavailable() : Promise.resolve({}));

    made.recorder.record(aGrant(), activated);
    for (let seconds = 0; seconds < 10; seconds += 1) {
      await settle();
      made.clock.advance(1_000);
    }

    expect(tries).toBe(3);
    expect(made.recorder.stats()).toEqual({ queued: 0, written: 1, dropped: 0, failed: 0 });
  });

  it("costs a bounded queue, a count of what was dropped, and one line of the log", async () => {
    const made = stand();
    made.answer = () => new Promise(() => {});

    for (let count = 0; count < eventsQueuedMax + 11; count += 1) {
      made.recorder.record(aGrant({ metadata: { uid: `uid-${count}` } }), activated);
    }

    // One is on its way, the rest waits.
    expect(made.recorder.stats()).toMatchObject({ queued: eventsQueuedMax, dropped: 10 });
    expect(made.warnings).toHaveLength(1);
  });

  it("that refuses costs no more tries", async () => {
    const made = stand();
    made.answer = () => Promise.reject(new KubeFailure("forbidden", "no"));

    made.recorder.record(aGrant(), activated);
    await settle();

    expect(made.sent).toHaveLength(1);
    expect(made.recorder.stats().failed).toBe(1);
  });

  it("does not keep the controller from stopping", async () => {
    const made = stand();
    made.answer = ({ signal }) =>
      new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason as Error)));
    made.recorder.record(aGrant(), activated);
    made.recorder.record(aGrant({ metadata: { uid: uidOf(2) } }), activated);

    const closed = made.recorder.close();
    made.clock.advance(closeTimeoutMs);
    await closed;

    expect(made.recorder.stats().failed).toBe(2);
    made.recorder.record(aGrant(), activated);
    expect(made.recorder.stats().queued).toBe(0);
  });
});

it("writes what waits before it stops", async () => {
  const { recorder, sent } = stand();
  recorder.record(aGrant(), activated);
  recorder.record(aGrant({ metadata: { uid: uidOf(2) } }), activated);

  await recorder.close();

  expect(sent).toHaveLength(2);
});
