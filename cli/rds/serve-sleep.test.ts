import { describe, expect, it } from "vitest";
import { gone, stand } from "#test/cli/serve-stand.ts";
import { restMaxMs, wantedGapMs } from "./reconnect.ts";
import { lookEveryMs, silenceMaxMs } from "./sleep-watch.ts";

describe("serving a grant on a computer that sleeps", () => {
  it("tries the way when the computer has slept, and when a client comes after a silence; not whenever one comes", async () => {
    const { clock, came, until, log, end, served } = stand(["connection"]);
    await until(() => log.includes("open"));

    came();
    clock.jump(3_600_000);
    came();
    clock.jump(3_600_000);
    clock.advance(lookEveryMs);
    clock.advance(silenceMaxMs);
    came();
    end({ final: true, message: "over" });
    await served;

    expect(log.slice(2, 7)).toEqual(["forget", "probe 1", "forget", "probe 1", "probe 1"]);
  });

  it("does not wait out a pause when the computer has slept", async () => {
    const dials = ["connection" as const, gone, gone, gone, gone, gone, "connection" as const];
    const { clock, end, until, log, served } = stand(dials);
    await until(() => log.includes("open"));
    end({ final: false, message: "lost" });
    // After five failures the pause is at least half of the longest.
    await until(() => dials.length === 1);
    const pausedMs = clock.monotonicMs();
    await until(() => clock.monotonicMs() > pausedMs + wantedGapMs);

    clock.jump(60_000);
    await until(() => log.includes("connect 2"));
    end({ final: true, message: "over" });
    await served;

    expect(log).toContain("forget");
    expect(clock.monotonicMs() - pausedMs).toBeLessThan(restMaxMs / 2);
  });
});
