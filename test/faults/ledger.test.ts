import { createEventLog, actingAs, type EventLog } from "#sandbox/events.ts";
import { describe, expect, it } from "vitest";
import { type ManualClock, manualClock } from "#lib/clock.ts";
import { Ledger } from "./ledger.ts";

const controller = "arn:aws:iam::111122223333:user/sallyport-controller";
const accountID = "111122223333";
const ada = "ada-id";
const grace = "grace-id";
const arn = (name: string): string => `arn:aws:sso:::permissionSet/ssoins-1/${name}`;
const lagMs = 1_000;

/** Somebody who does to AWS what a controller does, rightly or wrongly; the ledger sees the events only. */
class Actor {
  readonly clock: ManualClock = manualClock();
  readonly events: EventLog = createEventLog(this.clock);
  readonly ledger: Ledger;
  readonly by: string | undefined;

  constructor(who: "controller" | "by hand" = "controller") {
    this.by = who === "controller" ? controller : undefined;
    const now = (): number => this.clock.now();
    this.ledger = new Ledger({ events: this.events, installation: "test", lagMs, now });
  }

  want(name: string, durationSeconds = 60): void {
    const notAfterTime = new Date(this.clock.now() + 3_600_000).toISOString();
    this.ledger.want({ name, principalID: ada, accountID, durationSeconds, notAfterTime });
  }

  tags(name: string, more: Record<string, string> = {}): Record<string, string> {
    const own = { installation: "test", namespace: "default", name };
    const entries = Object.entries({ ...own, ...more }).map(([key, value]) => [`sallyport.dev/${key}`, value] as const);
    return Object.fromEntries(entries);
  }

  create(name: string, set = name): void {
    this.#do({ kind: "set-created", arn: arn(set), name: set, tags: this.by === undefined ? {} : this.tags(name) });
  }

  assign(set: string, principalID = ada): void {
    const assignment = { accountID, permissionSetARN: arn(set), principalType: "USER", principalID } as const;
    this.#do({ kind: "assigned", again: false, ...assignment });
  }

  unassign(set: string, principalID = ada): void {
    const assignment = { accountID, permissionSetARN: arn(set), principalType: "USER", principalID } as const;
    this.#do({ kind: "unassigned", ...assignment });
  }

  activate(name: string, activation = new Date(this.clock.now()).toISOString()): void {
    this.#do({ kind: "tagged", arn: arn(name), tags: this.tags(name, { activation }) });
  }

  remove(set: string): void {
    this.#do({ kind: "set-deleted", arn: arn(set), name: set, tags: {} });
  }

  policy(set: string): void {
    this.#do({ kind: "policy", arn: arn(set), policy: "{}" });
  }

  start(requestID: string): void {
    const operation = { requestID, kind: "creation", accountIDs: [accountID], permissionSetARN: arn("x") } as const;
    this.#do({ kind: "operation-started", operation });
  }

  end(requestID: string): void {
    const operation = { requestID, kind: "creation", accountIDs: [accountID], permissionSetARN: arn("x") } as const;
    this.#do({ kind: "operation-ended", operation, failureReason: undefined });
  }

  call(): void {
    this.#do({ kind: "call", service: "sso", operation: "ListPermissionSets", mutating: false });
  }

  /** Grants as it should be done. */
  grant(name: string): void {
    this.create(name);
    this.policy(name);
    this.assign(name);
    this.activate(name);
  }

  /** Takes away as it should be done. */
  takeAway(name: string): void {
    this.unassign(name);
    this.remove(name);
  }

  #do(happening: Parameters<EventLog["record"]>[0]): void {
    this.clock.advance(1);
    actingAs(this.by, () => this.events.record(happening));
  }
}

/** An actor beside which somebody works by hand. */
function withHands() {
  const actor = new Actor();
  const hands = new Actor("by hand");
  return { actor, byHand: (run: (hands: Actor) => void) => run(Object.assign(hands, { events: actor.events })) };
}

describe("an actor that does everything right", () => {
  it("balances: given, lived, ended in time, nothing left, foreign things untouched", () => {
    const { actor, byHand } = withHands();
    byHand((hands) => hands.create("foreign", "foreign"));
    actor.want("a");
    actor.want("b", 10);

    actor.grant("a");
    actor.grant("b");
    byHand((hands) => hands.assign("a", grace));
    actor.clock.advance(10_000);
    actor.takeAway("b");
    actor.ledger.end("a");
    actor.unassign("a");
    byHand((hands) => hands.unassign("a", grace));
    actor.remove("a");

    expect(() => actor.ledger.assertHolds()).not.toThrow();
    byHand((hands) => hands.remove("foreign"));
    expect(() => actor.ledger.assertNothingLeft()).not.toThrow();
  });

  it("may be late by as long as AWS took no calls", () => {
    const actor = new Actor();
    actor.want("a");
    actor.grant("a");
    const over = actor.ledger.outage("AWS is down");
    actor.ledger.end("a");
    actor.clock.advance(60_000);
    over();

    actor.takeAway("a");

    expect(actor.ledger.violations()).toEqual([]);
  });
});

/** One wrong act each, and the words by which the ledger must find it. */
const wrongs: readonly [string, (actor: Actor, byHand: ReturnType<typeof withHands>["byHand"]) => void, RegExp][] = [
  ["gives what nobody wants", (actor) => actor.grant("stray"), /no Grant wants/],
  [
    "gives it to somebody else",
    (actor) => {
      actor.want("a");
      actor.create("a");
      actor.assign("a", grace);
    },
    /somebody or somewhere else/,
  ],
  [
    "forgets to take it away",
    (actor) => {
      actor.want("a");
      actor.grant("a");
      actor.ledger.end("a");
      actor.clock.advance(lagMs + 1);
    },
    /outlived its justification/,
  ],
  [
    "takes it away too late",
    (actor) => {
      actor.want("a", 5);
      actor.grant("a");
      actor.clock.advance(5_000 + lagMs + 1);
      actor.takeAway("a");
    },
    /outlived its justification/,
  ],
  [
    "gives it after its end",
    (actor) => {
      actor.want("a");
      actor.create("a");
      actor.ledger.end("a");
      actor.clock.advance(lagMs + 1);
      actor.assign("a");
    },
    /outlived its justification/,
  ],
  [
    "makes a second set",
    (actor) => {
      actor.want("a");
      actor.create("a");
      actor.create("a", "a2");
    },
    /a second set was made/,
  ],
  [
    "gives it again after it was taken back",
    (actor) => {
      actor.want("a");
      actor.grant("a");
      actor.ledger.end("a");
      actor.takeAway("a");
      actor.grant("a");
    },
    /made again for default\/a, after it had been taken back/,
  ],
  [
    "opens the window a second time",
    (actor) => {
      actor.want("a");
      actor.grant("a");
      actor.clock.advance(1_000);
      actor.activate("a");
    },
    /opened a second time/,
  ],
  [
    "opens the window before there is access",
    (actor) => {
      actor.want("a");
      actor.create("a");
      actor.activate("a");
    },
    /when there was no access/,
  ],
  [
    "leaves a set behind",
    (actor) => {
      actor.want("a");
      actor.grant("a");
      actor.ledger.end("a");
      actor.unassign("a");
    },
    /left behind: a/,
  ],
  [
    "takes away what is still wanted",
    (actor) => {
      actor.want("a");
      actor.grant("a");
      actor.takeAway("a");
    },
    /is still wanted/,
  ],
  [
    "deletes a foreign set",
    (actor, byHand) => {
      byHand((hands) => hands.create("foreign"));
      actor.remove("foreign");
    },
    /a foreign set was touched: foreign/,
  ],
  [
    "takes a foreign assignment away",
    (actor, byHand) => {
      actor.want("a");
      actor.grant("a");
      byHand((hands) => hands.assign("a", grace));
      actor.unassign("a", grace);
    },
    /somebody else's assignment/,
  ],
  [
    "updates two roles of an account at a time",
    (actor) => {
      actor.start("one");
      actor.start("two");
    },
    /two role updates of account/,
  ],
  [
    "calls as often as it likes",
    (actor) => {
      for (let call = 0; call < 60; call += 1) {
        actor.call();
      }
    },
    /more than 20 calls a second/,
  ],
];

describe("an actor that", () => {
  it.each(wrongs)("%s is found, with what happened before", (_title, act, words) => {
    const { actor, byHand } = withHands();

    act(actor, byHand);

    expect(() => actor.ledger.assertNothingLeft("(seed 7)")).toThrow(words);
    expect(() => actor.ledger.assertHolds("(seed 7)")).toThrow(/History:\n.*\d\d:\d\d:\d\d/s);
  });

  it("ends one operation before the next, and keeps to the rate, is right", () => {
    const actor = new Actor();
    for (const request of ["one", "two", "three"]) {
      actor.start(request);
      actor.end(request);
    }
    for (let call = 0; call < 200; call += 1) {
      actor.clock.advance(50);
      actor.call();
    }

    expect(actor.ledger.violations()).toEqual([]);
    expect(actor.ledger.calls()).toEqual({ "sso:ListPermissionSets": 200 });
  });
});
