/**
 * What to do about the way to the database as it comes and goes: a pure state machine. `serve.ts` carries out its actions and tells it
 * what happened.
 */

/** A try that failed: its code decides whether the next one may succeed. */
export interface DialFailure {
  readonly code: string;
  readonly message: string;
}

/** How serving ended. `failed`: the way cannot be found again though the grant may be live; the error of the last try says why. */
export type Outcome =
  | { readonly kind: "stopped" }
  | { readonly kind: "over"; readonly message: string }
  | { readonly kind: "failed" };

export type WayEvent =
  | { readonly kind: "connected"; readonly expiryMs: number }
  | { readonly kind: "dial-failed"; readonly failure: DialFailure }
  /** The open way is over. `final`: so is the grant. */
  | { readonly kind: "lost"; readonly final: boolean; readonly message: string }
  /** The proxy takes nobody new; what is open goes on. */
  | { readonly kind: "draining"; readonly message: string }
  /** The control API's word on the grant: the reason of its end, or undefined where it is live or cannot be asked. */
  | { readonly kind: "told"; readonly end: string | undefined }
  /** The pause between two tries is over. */
  | { readonly kind: "rested" }
  /** A database client waits for a way. */
  | { readonly kind: "wanted" }
  /** The grant now ends at another time. */
  | { readonly kind: "extended"; readonly expiryMs: number }
  | { readonly kind: "stopped" };

export type WayAction =
  | { readonly kind: "dial" }
  /** One pause at a time: a new one takes the place of the last. */
  | { readonly kind: "rest"; readonly delayMs: number }
  | { readonly kind: "wake" }
  /** Ask the control API how the grant stands. */
  | { readonly kind: "ask" }
  /** The connection that has just been made is the way from now on. */
  | { readonly kind: "use"; readonly as: "first" | "again" | "successor" }
  /** The connection before goes on for what is open through it. */
  | { readonly kind: "retire" }
  /** The connection is over; its resources can go. */
  | { readonly kind: "release" }
  /** Database clients that come now wait for a way. */
  | { readonly kind: "hold"; readonly reason: string }
  | { readonly kind: "tell-lost"; readonly message: string }
  | { readonly kind: "tell-moving"; readonly message: string }
  | { readonly kind: "tell-trying"; readonly message: string; readonly delayMs: number }
  | { readonly kind: "finish"; readonly outcome: Outcome };

export interface WayState {
  /** The connection that is in use. */
  readonly way: "none" | "open" | "draining";
  /** What is being done about the next one. */
  readonly task: "idle" | "dialing" | "resting" | "asking" | "over";
  /** Whether there has been no way yet. */
  readonly isFirst: boolean;
  /** Tries that failed in a row. */
  readonly failures: number;
  /** The failure that was told last, so that each is told once. */
  readonly said: string;
  /** End of the grant, as far as it is known. */
  readonly expiryMs: number;
  readonly startedMs: number;
  /** When the last try began. */
  readonly dialedMs: number;
}

/** The moment, and a number from 0 to 1 that spreads the pauses of many people whose proxy went at once. */
export interface Moment {
  readonly nowMs: number;
  readonly monotonicMs: number;
  readonly chance: number;
}

/** Right after its activation a grant needs some seconds to reach the proxy and the account, and a new task up to a minute. */
export const firstWaitMs = 60_000;
/** Pause before the second try. A new proxy task takes some 10 s to be reachable. */
export const restFirstMs = 1_000;
/**
 * Longest pause: a laptop that finds its network again, or a controller that is back, is noticed within it. A proxy serves some hundred people
 * at most, so that all of them together are a few tens of tries a second.
 */
export const restMaxMs = 10_000;
/** Longest pause while the person waits for the first connection. */
const restMaxAtFirstMs = 2_000;
/** A client that asks for a way brings the next try forward, but no closer to the last than this. */
export const wantedGapMs = 1_000;

/** Codes of the control API that say that the grant is no longer live. */
export const overCodes: ReadonlySet<string> = new Set(["GrantNotLive", "GrantNotFound"]);
/** What passes by itself right after an activation. */
const passingCodes: ReadonlySet<string> = new Set([
  "ProxyRefusedForNow",
  "TargetNotConnected",
  "ProxyNotReady",
  "AccessDenied",
]);
/** What does not pass by itself while the grant is live: it is over, or a person must act. */
const lastingCodes: ReadonlySet<string> = new Set([...overCodes, "ProxyRefused", "SignInNeeded", "SignedOut"]);

const lostReason = "the way to the proxy was lost and is being looked for again; try again in a moment";
const movingReason = "the proxy is being replaced, and its successor cannot be reached yet; try again in a moment";

interface Step {
  readonly state: WayState;
  readonly actions: readonly WayAction[];
}

/** The state before anything happened, and the first try. */
export function begin({ monotonicMs }: Moment): Step {
  return {
    state: {
      way: "none",
      task: "dialing",
      isFirst: true,
      failures: 0,
      said: "",
      expiryMs: Infinity,
      startedMs: monotonicMs,
      dialedMs: monotonicMs,
    },
    actions: [{ kind: "dial" }],
  };
}

/** What follows from an event. What comes after the end changes nothing. */
export function next(state: WayState, event: WayEvent, moment: Moment): Step {
  if (state.task === "over") {
    return { state, actions: [] };
  }
  switch (event.kind) {
    case "connected":
      return connected(state, event.expiryMs);
    case "dial-failed":
      return failed(state, event.failure, moment);
    case "lost":
      return lost(state, event, moment);
    case "draining":
      return draining(state, event.message, moment);
    case "told":
      return state.task === "asking"
        ? finish(state, event.end === undefined ? { kind: "failed" } : { kind: "over", message: event.end })
        : { state, actions: [] };
    case "rested":
      return state.task === "resting" ? dial(state, [], moment) : { state, actions: [] };
    case "wanted":
      return state.task === "resting" && moment.monotonicMs - state.dialedMs >= wantedGapMs
        ? dial(state, [{ kind: "wake" }], moment)
        : { state, actions: [] };
    case "extended":
      return { state: { ...state, expiryMs: event.expiryMs }, actions: [] };
    case "stopped":
      return finish(state, { kind: "stopped" });
    default:
      return event satisfies never;
  }
}

function connected(state: WayState, expiryMs: number): Step {
  const before: WayAction[] = state.way === "draining" ? [{ kind: "retire" }] : [];
  const as = state.isFirst ? "first" : state.way === "draining" ? "successor" : "again";
  return {
    state: { ...state, way: "open", task: "idle", isFirst: false, failures: 0, said: "", expiryMs },
    actions: [...before, { kind: "use", as }],
  };
}

function failed(state: WayState, { code, message }: DialFailure, moment: Moment): Step {
  const passes = state.isFirst
    ? passingCodes.has(code) && moment.monotonicMs < state.startedMs + firstWaitMs
    : !lastingCodes.has(code) && moment.nowMs < state.expiryMs;
  if (passes) {
    return rest(state, message, moment);
  }
  if (state.way === "draining") {
    // What is open still works. How it ends will say more.
    return { state: { ...state, task: "idle" }, actions: [] };
  }
  // It may just be how the grant's end looks from here, and then its reason is the better answer.
  return state.isFirst
    ? finish(state, { kind: "failed" })
    : { state: { ...state, task: "asking" }, actions: [{ kind: "ask" }] };
}

function rest(state: WayState, message: string, { chance }: Moment): Step {
  const longestMs = state.isFirst ? restMaxAtFirstMs : restMaxMs;
  const delayMs = Math.round(Math.min(longestMs, restFirstMs * 2 ** Math.min(state.failures, 10)) * (1 - chance / 2));
  const tell: WayAction[] = message === state.said ? [] : [{ kind: "tell-trying", message, delayMs }];
  return {
    state: { ...state, task: "resting", failures: state.failures + 1, said: message },
    actions: [...tell, { kind: "rest", delayMs }],
  };
}

function lost(state: WayState, { final, message }: { final: boolean; message: string }, moment: Moment): Step {
  if (state.way === "none") {
    return { state, actions: [] };
  }
  if (final) {
    return finish(state, { kind: "over", message });
  }
  const gone: WayState = { ...state, way: "none" };
  const actions: WayAction[] = [
    { kind: "hold", reason: lostReason },
    { kind: "release" },
    { kind: "tell-lost", message },
  ];
  // A successor may be on its way already.
  return gone.task === "idle" ? dial(gone, actions, moment) : { state: gone, actions };
}

function draining(state: WayState, message: string, moment: Moment): Step {
  if (state.way !== "open") {
    return { state, actions: [] };
  }
  const actions: WayAction[] = [
    { kind: "hold", reason: movingReason },
    { kind: "tell-moving", message },
  ];
  return dial({ ...state, way: "draining" }, actions, moment);
}

function dial(state: WayState, before: readonly WayAction[], { monotonicMs }: Moment): Step {
  return {
    state: { ...state, task: "dialing", dialedMs: monotonicMs },
    actions: [...before, { kind: "dial" }],
  };
}

function finish(state: WayState, outcome: Outcome): Step {
  return { state: { ...state, task: "over" }, actions: [{ kind: "finish", outcome }] };
}
