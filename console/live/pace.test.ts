import { describe, expect, it } from "vitest";
import { drawEveryMs, Pace, type PaceWorld } from "./pace.ts";

describe("the pace of drawing", () => {
  it("draws what comes alone in the very next frame", () => {
    const { world, frame } = scriptedWorld();
    let drawn = 0;
    const pace = new Pace(world, () => (drawn += 1));

    pace.ask();
    frame();

    expect(drawn).toBe(1);
  });

  it("draws a flood once each 100 ms, and its last line in any case", () => {
    const { world, frame, pass } = scriptedWorld();
    let came = 0;
    const drawn: number[] = [];
    const pace = new Pace(world, () => drawn.push(came));

    for (let ms = 0; ms < 1_000; ms += 1) {
      came += 1;
      pace.ask();
      if (ms % 16 === 0) {
        frame();
      }
      pass(1);
    }
    pass(drawEveryMs);
    frame();

    expect(drawn.length).toBeGreaterThan(8);
    expect(drawn.length).toBeLessThanOrEqual(11);
    expect(drawn.at(-1)).toBe(came);
  });

  it("draws nothing any more once it is stopped, neither of a frame nor of a wait", () => {
    const { world, frame, pass } = scriptedWorld();
    let drawn = 0;
    const pace = new Pace(world, () => (drawn += 1));

    pace.ask();
    pace.stop();
    frame();
    pace.ask();
    frame();
    pace.ask();
    pace.stop();
    pass(drawEveryMs);
    frame();

    expect(drawn).toBe(1);
  });
});

/** A browser whose time and frames a test moves. */
function scriptedWorld(): {
  readonly world: PaceWorld;
  readonly frame: () => void;
  readonly pass: (ms: number) => void;
} {
  let nowMs = 0;
  const frames = new Set<() => void>();
  const timers = new Map<() => void, number>();
  return {
    world: {
      nowMs: () => nowMs,
      after(delayMs, callback) {
        timers.set(callback, nowMs + delayMs);
        return () => timers.delete(callback);
      },
      onFrame(callback) {
        frames.add(callback);
        return () => frames.delete(callback);
      },
    },
    frame() {
      for (const callback of frames) {
        frames.delete(callback);
        callback();
      }
    },
    pass(ms) {
      nowMs += ms;
      for (const [callback, atMs] of timers) {
        if (atMs <= nowMs) {
          timers.delete(callback);
          callback();
        }
      }
    },
  };
}
