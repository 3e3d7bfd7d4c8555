import { describe, expect, it } from "vitest";
import { gone, stand } from "#test/cli/serve-stand.ts";
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
    const { clock, end, until, log, served } = stand(["connection", gone, gone, gone, gone, gone, "connection"]);
    await until(() => log.includes("open"));
    end({ final: false, message: "lost" });
    await until(() => clock.monotonicMs() > 12_000);

    clock.jump(60_000);
    await until(() => log.includes("forget"));
    const before = clock.monotonicMs();
    await until(() => log.includes("connect 2"));
    end({ final: true, message: "over" });
    await served;

    expect(clock.monotonicMs() - before).toBeLessThan(1_000);
  });
});
