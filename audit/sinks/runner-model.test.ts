import fc from "fast-check";
import { expect, it } from "vitest";
import { fuzzSeed } from "#test/harness/fuzz-seed.ts";
import { type RunnerOptions, SinkRunner } from "./runner.ts";
import { type Fault, settle, stand } from "./testing.ts";

type Step =
  | { readonly add: number }
  | { readonly fault: Fault }
  | { readonly waitMs: number }
  | "crash"
  | "crash-later"
  | "restart";

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ add: fc.integer({ min: 1, max: 8 }) }),
  fc.record({ fault: fc.constantFrom<Fault>("refused", "unreachable", "throttled", "lost-answer", "half") }),
  fc.record({ waitMs: fc.integer({ min: 1, max: 400_000 }) }),
  fc.constantFrom<Step>("crash", "crash-later", "restart"),
);

/** A process with a runner. Once it has crashed nothing that it does has an effect, nor an end. */
function process(options: RunnerOptions<string>) {
  let isDead = false;
  let diesAfterDelivery = false;
  const never = new Promise<never>(() => {});
  const runner = new SinkRunner({
    ...options,
    sink: {
      async deliver(items, context) {
        if (isDead) {
          return never;
        }
        await options.sink.deliver(items, context);
        isDead ||= diesAfterDelivery;
        return isDead ? never : undefined;
      },
      close: () => options.sink.close(),
    },
    cursors: {
      read: (name) => (isDead ? never : options.cursors.read(name)),
      write: (name, cursor) => (isDead ? never : options.cursors.write(name, cursor)),
    },
  });
  runner.start();
  return {
    runner,
    crash: () => {
      isDead = true;
    },
    crashAfterDelivery: () => {
      diesAfterDelivery = true;
    },
    hasCrashed: () => isDead,
  };
}

it("leaves no gap and changes no order, whatever fails and whenever the process dies; the cursor is never ahead of the destination", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const { clock, source, sink, cursors, options } = stand();
      let running = process(options);
      for (const next of steps) {
        if (next === "crash-later") {
          running.crashAfterDelivery();
        } else if (next === "crash") {
          running.crash();
        } else if (next === "restart") {
          const stopped = running.hasCrashed() ? undefined : running.runner.stop();
          await settle();
          clock.advance(5_000);
          await (running.hasCrashed() ? undefined : stopped);
          running = process(options);
        } else if ("add" in next) {
          source.add(next.add, clock.now());
        } else if ("fault" in next) {
          sink.faults.push(next.fault);
        } else {
          clock.advance(next.waitMs);
        }
        await settle();
        if (running.hasCrashed()) {
          running = process(options);
          await settle();
        }
        const seen = new Set(sink.arrived.flat());
        const { position = 0 } = cursors.cursors.get("test") ?? {};
        expect([...Array(position).keys()].filter((index) => !seen.has(index + 1))).toEqual([]);
      }
      running.crash();
      sink.faults.length = 0;
      running = process(options);
      for (let turn = 0; turn < 8; turn += 1) {
        await settle();
        clock.advance(300_000);
      }
      await settle();

      const firsts = [...new Set(sink.arrived.flat())];
      expect(firsts).toEqual(Array.from({ length: source.latest() }, (_, index) => index + 1));
      expect(sink.arrived.every((batch) => batch.length <= 3)).toBe(true);
      expect(cursors.cursors.get("test")?.position ?? 0).toBe(source.latest());
    }),
    { seed: fuzzSeed, numRuns: 60 },
  );
});
