import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fuzzSeed } from "#test/harness/fuzz-seed.ts";
import {
  begin,
  firstWaitMs,
  type Moment,
  next,
  restMaxMs,
  type WayAction,
  type WayEvent,
  type WayState,
  wantedGapMs,
} from "./reconnect.ts";

const expiryMs = 3_600_000;
const at = (ms: number, chance = 0): Moment => ({ nowMs: ms, monotonicMs: ms, chance });
const connected: WayEvent = { kind: "connected", expiryMs };
const lost: WayEvent = { kind: "lost", final: false, message: "lost" };
const failedWith = (code: string): WayEvent => ({ kind: "dial-failed", failure: { code, message: code } });

/** Runs the events one after the other, a millisecond apart; the last state and what the last event brought about. */
function after(...events: readonly WayEvent[]): { state: WayState; actions: readonly WayAction[]; kinds: string[] } {
  let step = begin(at(0));
  for (const [index, event] of events.entries()) {
    step = next(step.state, event, at(index + 1));
  }
  return { ...step, kinds: step.actions.map(({ kind }) => kind) };
}

describe("a lost way", () => {
  it("is looked for at once, while those who come wait", () => {
    expect(after(connected, lost).kinds).toEqual(["hold", "release", "tell-lost", "dial"]);
  });

  it("is looked for less and less often, and never less than every ten seconds", () => {
    let { state } = after(connected, lost);
    const delays: number[] = [];
    for (let tries = 0; tries < 8; tries += 1) {
      const failed = next(state, failedWith("TargetNotConnected"), at(tries));
      delays.push(...failed.actions.flatMap((action) => (action.kind === "rest" ? [action.delayMs] : [])));
      ({ state } = next(failed.state, { kind: "rested" }, at(tries)));
    }

    expect(delays).toEqual([1_000, 2_000, 4_000, 8_000, 10_000, 10_000, 10_000, 10_000]);
  });

  it("is looked for at different moments by different people", () => {
    const { state } = after(connected, lost);

    const [one, other] = [0, 1].map((chance) => next(state, failedWith("X"), at(5, chance)).actions.at(-1));

    expect([one, other]).toEqual([
      { kind: "rest", delayMs: 1_000 },
      { kind: "rest", delayMs: 500 },
    ]);
  });

  it("is looked for sooner when a database client waits for it, though not at once after a try", () => {
    const resting = after(connected, lost, failedWith("X")).state;

    expect(next(resting, { kind: "wanted" }, at(resting.dialedMs + wantedGapMs - 1)).actions).toEqual([]);
    expect(next(resting, { kind: "wanted" }, at(resting.dialedMs + wantedGapMs)).actions).toEqual([
      { kind: "wake" },
      { kind: "dial" },
    ]);
  });

  it.each(["GrantNotLive", "GrantNotFound", "ProxyRefused", "SignInNeeded", "SignedOut"])(
    "is given up at %s, once the control API was asked why",
    (code) => {
      const asking = after(connected, lost, failedWith(code));

      expect(asking.kinds).toEqual(["ask"]);
      expect(next(asking.state, { kind: "told", end: "revoked by ada" }, at(9)).actions).toEqual([
        { kind: "finish", outcome: { kind: "over", message: "revoked by ada" } },
      ]);
      expect(next(asking.state, { kind: "told", end: undefined }, at(9)).actions).toEqual([
        { kind: "finish", outcome: { kind: "failed" } },
      ]);
    },
  );

  it("is given up at the grant's end, and not before it where the grant was extended", () => {
    const dialing = after(connected, lost).state;
    const extended = next(dialing, { kind: "extended", expiryMs: expiryMs + 10 }, at(3)).state;

    expect(next(dialing, failedWith("X"), at(expiryMs)).actions).toEqual([{ kind: "ask" }]);
    expect(next(extended, failedWith("X"), at(expiryMs)).actions.at(-1)?.kind).toBe("rest");
  });
});

describe("the first way", () => {
  it("is waited for a minute where what is missing comes by itself, and no longer", () => {
    const { state } = begin(at(0));

    expect(next(state, failedWith("ProxyRefusedForNow"), at(firstWaitMs - 1)).actions.at(-1)?.kind).toBe("rest");
    expect(next(state, failedWith("ProxyRefusedForNow"), at(firstWaitMs)).actions.at(-1)?.kind).toBe("finish");
    expect(next(state, failedWith("SessionStartFailed"), at(1)).actions.at(-1)?.kind).toBe("finish");
  });
});

describe("a proxy that is being replaced", () => {
  const draining: WayEvent = { kind: "draining", message: "replaced" };

  it("is left for its successor without a cut", () => {
    expect(after(connected, draining).kinds).toEqual(["hold", "tell-moving", "dial"]);
    expect(after(connected, draining, connected).actions).toEqual([
      { kind: "retire" },
      { kind: "use", as: "successor" },
    ]);
  });

  it("that is gone before its successor is found is a lost way, and the search goes on", () => {
    expect(after(connected, draining, lost).kinds).toEqual(["hold", "release", "tell-lost"]);
    expect(after(connected, draining, lost, connected).actions).toEqual([{ kind: "use", as: "again" }]);
  });

  it("is used to its end where no successor takes the grant", () => {
    const stays = after(connected, draining, failedWith("ProxyRefused"));

    expect([stays.kinds, stays.state.way]).toEqual([[], "draining"]);
    expect(next(stays.state, lost, at(9)).actions.map(({ kind }) => kind)).toEqual([
      "hold",
      "release",
      "tell-lost",
      "dial",
    ]);
  });
});

/** The world around the machine: what can happen follows from what it asked for. */
interface Model {
  step: { state: WayState; actions: readonly WayAction[] };
  nowMs: number;
  dials: number;
  rests: number;
  asks: number;
  /** Connections in hand: fresh, current, retired, released. */
  current: boolean;
  fresh: number;
  retired: number;
  released: number;
  made: number;
  front: "shut" | "open" | "held";
  finished: number;
}

const events = ["connect", "fail", "fail for good", "lose", "end", "drain", "rest", "want", "tell", "stop"] as const;

it("whatever happens in whatever order, there is one try at a time, something always goes on until the end, and no connection is lost", () => {
  const run = fc.property(
    fc.array(fc.tuple(fc.constantFrom(...events), fc.nat(40_000)), { maxLength: 60 }),
    (story) => {
      const model = start();
      for (const [what, laterMs] of story) {
        model.nowMs += laterMs;
        const event = possible(model, what);
        if (event !== undefined) {
          take(model, event);
          check(model);
        }
      }
    },
  );

  fc.assert(run, { seed: fuzzSeed, numRuns: 500 });
});

function start(): Model {
  const model: Model = {
    step: begin(at(0)),
    nowMs: 0,
    dials: 0,
    rests: 0,
    asks: 0,
    current: false,
    fresh: 0,
    retired: 0,
    released: 0,
    made: 0,
    front: "shut",
    finished: 0,
  };
  perform(model);
  return model;
}

/** The event, where the world around can bring it about now. */
function possible(model: Model, what: (typeof events)[number]): WayEvent | undefined {
  switch (what) {
    case "connect":
      if (model.dials === 0) {
        return undefined;
      }
      model.dials -= 1;
      model.fresh += 1;
      model.made += 1;
      return connected;
    case "fail":
    case "fail for good":
      if (model.dials === 0) {
        return undefined;
      }
      model.dials -= 1;
      return failedWith(what === "fail" ? "TargetNotConnected" : "GrantNotLive");
    case "lose":
      return model.current ? lost : undefined;
    case "end":
      return model.current ? { kind: "lost", final: true, message: "over" } : undefined;
    case "drain":
      return model.current ? { kind: "draining", message: "replaced" } : undefined;
    case "rest":
      if (model.rests === 0) {
        return undefined;
      }
      model.rests = 0;
      return { kind: "rested" };
    case "want":
      return { kind: "wanted" };
    case "tell":
      if (model.asks === 0) {
        return undefined;
      }
      model.asks -= 1;
      return { kind: "told", end: model.nowMs % 2 === 0 ? "over" : undefined };
    case "stop":
      return { kind: "stopped" };
    default:
      return what satisfies never;
  }
}

function take(model: Model, event: WayEvent): void {
  const isOver = model.step.state.task === "over";
  model.step = next(model.step.state, event, at(model.nowMs, 0.5));
  if (isOver) {
    expect(model.step.actions).toEqual([]);
  }
  perform(model);
}

function perform(model: Model): void {
  for (const action of model.step.actions) {
    switch (action.kind) {
      case "dial":
        model.dials += 1;
        break;
      case "rest":
        expect(action.delayMs).toBeGreaterThan(0);
        expect(action.delayMs).toBeLessThanOrEqual(restMaxMs);
        model.rests = 1;
        break;
      case "wake":
        model.rests = 0;
        break;
      case "ask":
        model.asks += 1;
        break;
      case "use":
        expect(model.current).toBe(false);
        model.fresh -= 1;
        model.current = true;
        model.front = "open";
        break;
      case "retire":
        expect(model.current).toBe(true);
        model.current = false;
        model.retired += 1;
        break;
      case "release":
        expect(model.current).toBe(true);
        model.current = false;
        model.released += 1;
        break;
      case "hold":
        model.front = "held";
        break;
      case "finish":
        model.finished += 1;
        break;
      default:
    }
  }
}

function check(model: Model): void {
  const { state } = model.step;
  expect(model.finished).toBe(state.task === "over" ? 1 : 0);
  if (state.task === "over") {
    return;
  }
  expect(model.dials + model.rests + model.asks).toBe(state.task === "idle" ? 0 : 1);
  // Nothing to do, and no way: it would hang for ever.
  expect(state.task === "idle" && !model.current).toBe(false);
  expect(state.way === "none").toBe(!model.current);
  expect(model.front === "open").toBe(state.way === "open");
  expect(model.fresh).toBe(0);
  expect(model.made).toBe(model.retired + model.released + (model.current ? 1 : 0));
}
