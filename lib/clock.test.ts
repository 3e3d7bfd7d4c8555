import { describe, expect, it } from "vitest";
import { manualClock, pause } from "./clock.ts";

describe("manualClock", () => {
  it("fires timers in order of time, with both clocks at the moment each was due", () => {
    const clock = manualClock(1_000);
    const seen: string[] = [];
    clock.after(20, () => seen.push(`b@${clock.now()}`));
    clock.after(10, () => {
      seen.push(`a@${clock.now()}`);
      clock.after(5, () => seen.push(`nested@${clock.now()}`));
    });

    clock.advance(25);

    expect(seen).toEqual(["a@1010", "nested@1015", "b@1020"]);
    expect(clock.pendingCount()).toBe(0);
  });

  it("leaves timers alone when only the wall clock jumps", () => {
    const clock = manualClock(0);
    let fired = false;
    clock.after(1_000, () => {
      fired = true;
    });

    clock.jump(1_000_000);

    expect(fired).toBe(false);
    expect(clock.monotonicMs()).toBe(0);
  });
});

describe("pause", () => {
  it("rejects at once when its signal is aborted, and leaves no timer", async () => {
    const clock = manualClock();
    const controller = new AbortController();
    const paused = pause(clock, 1_000, controller.signal);

    controller.abort(new Error("stop"));

    await expect(paused).rejects.toThrow("stop");
    expect(clock.pendingCount()).toBe(0);
  });
});
