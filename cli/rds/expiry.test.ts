import { describe, expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import type { ExtendRequest } from "#wire/approval.ts";
import type { GrantView } from "#wire/control-api.ts";
import { testComputer } from "#test/cli/world.ts";
import type { ControlClient } from "../control/client.ts";
import { Expiry, nextWarning, sameWarningMs, warnBeforeMs } from "./expiry.ts";

const minuteMs = 60_000;

it("the end is announced five minutes and one minute before it, and each once", () => {
  expect(warnBeforeMs).toEqual([5 * minuteMs, minuteMs]);
  expect(nextWarning(60 * minuteMs, Infinity)).toBe(5 * minuteMs);
  expect(nextWarning(5 * minuteMs, 5 * minuteMs)).toBe(minuteMs);
  expect(nextWarning(minuteMs, minuteMs)).toBeUndefined();
});

it("a grant that is shorter than that is not announced at its beginning", () => {
  expect(nextWarning(4 * minuteMs, Infinity)).toBe(minuteMs);
  expect(nextWarning(30_000, Infinity)).toBeUndefined();
});

it("one warning is enough where the proxy has just given one", () => {
  expect(nextWarning(5 * minuteMs + 1, 5 * minuteMs + sameWarningMs)).toBe(minuteMs);
  expect(nextWarning(5 * minuteMs + 1, 5 * minuteMs + sameWarningMs + 1)).toBe(5 * minuteMs);
});

/** A live grant that ends an hour from the beginning; the control API extends it at once, unless it is `slow`. */
function stand(
  options: { autoExtend?: boolean; maxCount?: number; slow?: boolean; unreachable?: boolean; askHere?: string } = {},
) {
  const clock = manualClock();
  const computer = testComputer({ clock });
  const extended: number[] = [];
  let grant = {
    grantID: "g1",
    state: "Active",
    expiryTime: new Date(clock.now() + 60 * minuteMs).toISOString(),
    extension: { count: 0, maxCount: options.maxCount ?? 1, durationSeconds: 1_800 },
    actions: ["extend"],
  } as unknown as GrantView;
  const asked: number[] = [];
  const lengthen = (): void => {
    const { extension, expiryTime = "" } = grant;
    grant = {
      ...grant,
      expiryTime: new Date(Date.parse(expiryTime) + 30 * minuteMs).toISOString(),
      ...(extension === undefined ? {} : { extension: { ...extension, count: extension.count + 1 } }),
    };
  };
  const control = {
    get: async () => {
      if (options.unreachable === true) {
        throw new Error("away");
      }
      return grant;
    },
    post: async (_: string, { count }: ExtendRequest) => {
      asked.push(count);
      if (options.slow !== true) {
        lengthen();
      }
      return grant;
    },
  } as unknown as ControlClient;
  const expiry = new Expiry({
    control,
    grant,
    name: "read_only access to orders",
    world: computer.world,
    autoExtend: options.autoExtend ?? false,
    ...(options.askHere === undefined ? {} : { askHere: options.askHere }),
    onExtended: (expiryMs) => extended.push(expiryMs),
  });
  return {
    clock,
    expiry,
    asked,
    extended,
    lengthen,
    said: () => computer.err(),
    pass: async (ms: number): Promise<void> => {
      for (let left = ms; left > 0; left -= 1_000) {
        clock.advance(Math.min(left, 1_000));
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
  };
}

describe("a live grant", () => {
  it("is announced to end, with how to extend it", async () => {
    const { pass, said, expiry } = stand();

    await pass(59.5 * minuteMs);

    expect(said()).toBe(
      [
        "[WARNING] read_only access to orders ends in 5m, at 2026-01-01T01:00:00.000Z. To extend it by 30m, run: sallyport extend g1.",
        "[WARNING] read_only access to orders ends in 1m, at 2026-01-01T01:00:00.000Z. To extend it by 30m, run: sallyport extend g1.",
        "",
      ].join("\n"),
    );
    expiry.stop();
  });

  it("is announced at a terminal with the key that extends it", async () => {
    const { pass, said } = stand({ askHere: "type e and press Enter" });

    await pass(56 * minuteMs);

    expect(said()).toMatch(/ends in 5m, .* To extend it by 30m, type e and press Enter\./);
  });

  it("that cannot be extended is announced with what to do instead", async () => {
    const { pass, said } = stand({ maxCount: 0 });

    await pass(56 * minuteMs);

    expect(said()).toContain("It cannot be extended: finish what you are doing");
  });

  it("is announced as it was known last where the control API cannot be asked", async () => {
    const { pass, said } = stand({ unreachable: true });

    await pass(56 * minuteMs);

    expect(said()).toContain("ends in 5m");
  });

  it("that somebody extended elsewhere is not announced to end before that", async () => {
    const { pass, said, lengthen, extended } = stand();
    lengthen();

    await pass(80 * minuteMs);
    expect(said()).toBe("");
    await pass(5 * minuteMs);

    expect(said()).toContain("ends in 5m, at 2026-01-01T01:30:00.000Z");
    expect(extended).toEqual([Date.parse("2026-01-01T01:30:00.000Z")]);
  });

  it("is announced once when the proxy warns too", async () => {
    const { pass, said, expiry } = stand();
    await pass(55 * minuteMs);

    expiry.proxyWarned({ type: "warning", message: "", remainingMs: 5 * minuteMs - 200 });
    await pass(1_000);

    expect(said().split("[WARNING]")).toHaveLength(2);
  });

  it("is announced when the proxy warns at a moment of its own", async () => {
    const { pass, said, expiry } = stand();
    await pass(50 * minuteMs);

    expiry.proxyWarned({ type: "warning", message: "", remainingMs: 10 * minuteMs });
    await pass(1_000);

    expect(said()).toContain("ends in 9m59s");
  });

  it("is extended once, however often that is asked for at the same time", async () => {
    const { expiry, asked, said, extended, pass } = stand();

    await Promise.all([expiry.extend(), expiry.extend()]);

    expect(asked).toEqual([0]);
    expect(said()).toBe("[EXTENDED] read_only access to orders will now expire in 1h30m\n");
    expect(extended).toEqual([Date.parse("2026-01-01T01:30:00.000Z")]);
    await pass(1_000);
    await expiry.extend();
    expect(said()).toContain("it has been extended 1 of 1 times");
  });

  it("is extended by itself as often as the workflow allows, and then announced", async () => {
    const { pass, said, asked } = stand({ autoExtend: true, maxCount: 2 });

    await pass(116 * minuteMs);

    expect(asked).toEqual([0, 1]);
    expect(
      said()
        .split("\n")
        .map((line) => line.slice(0, 10)),
    ).toEqual(["[EXTENDED]", "[EXTENDED]", "[WARNING] ", ""]);
  });

  it("whose extension does not show is told with where to look", async () => {
    const { expiry, pass, said } = stand({ slow: true });

    const extending = expiry.extend();
    await pass(40_000);
    await extending;

    expect(said()).toContain("was accepted, and has not taken effect yet");
    expect(said()).toContain("next: sallyport grants get g1");
  });

  it("is announced on waking up, where its warning fell due in a sleep; once, and in good time for the next", async () => {
    const { clock, expiry, pass, said } = stand();
    clock.jump(30 * minuteMs);
    expiry.woke();
    await pass(1_000);
    expect(said()).toBe("");

    clock.jump(27 * minuteMs);
    expiry.woke();
    expiry.woke();
    await pass(1_000);
    expect(said().match(/ends in/g)).toHaveLength(1);
    await pass(2 * minuteMs);

    expect(said()).toMatch(/ends in 2m[^]*ends in 1m/);
  });

  it("leaves no timer behind when it is not followed any more", async () => {
    const { clock, expiry } = stand();

    expiry.stop();

    expect(clock.pendingCount()).toBe(0);
  });
});
