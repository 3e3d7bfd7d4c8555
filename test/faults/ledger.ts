import type { EventLog, SandboxEvent } from "#sandbox/events.ts";
import { type Book, type BookSet, newBook } from "./book.ts";
import { CallRate } from "./call-rate.ts";

/**
 * An independent account of what AWS holds. It knows what people wanted (told by the test) and what happened (the sandbox's
 * events), and nothing of the controller: no code, no status, no decision of it. It is right for any number of controller
 * processes, since it looks from the side of AWS.
 */
export interface LedgerOptions {
  readonly events: Pick<EventLog, "list" | "subscribe">;
  /** Name of the installation, as the sets' tags carry it. */
  readonly installation: string;
  /** Ends of the ARNs by which the controllers call. Absent: the sandbox's controller. */
  readonly controllers?: readonly string[];
  /** How long access may outlive what justifies it while AWS takes calls, in milliseconds. */
  readonly lagMs: number;
  /** Milliseconds since the epoch, by the sandbox's clock. Absent: the machine's. */
  readonly now?: () => number;
}

/** A Grant as a person wants it. */
export interface WantedGrant {
  readonly name: string;
  /** Absent: `default`. */
  readonly namespace?: string;
  /** Identity Store user ID. */
  readonly principalID: string;
  readonly accountID: string;
  readonly durationSeconds: number;
  /** RFC 3339. */
  readonly notAfterTime: string;
}

interface Justification {
  readonly wanted: WantedGrant;
  readonly wantedAt: number;
  /** When the assignment was first in force. */
  givenAt: number | undefined;
  /** When access first became live, by the tags of its set. */
  activeAt: number | undefined;
  endedAt: number | undefined;
  /** Whether a controller has taken something of it away again: nothing may be given after that. */
  isTakenBack: boolean;
}

/** Lines of history that a violation shows. */
const historyShown = 60;

/** Watches from its making on. */
export class Ledger {
  readonly #options: LedgerOptions;
  readonly #grants = new Map<string, Justification>();
  readonly #book: Book = newBook();
  readonly #rate = new CallRate();
  readonly #violations: string[] = [];
  readonly #notes: { readonly at: number; readonly text: string }[] = [];
  readonly #outages: { readonly from: number; to: number }[] = [];
  readonly #inFlight = new Map<string, string>();
  readonly #calls = new Map<string, number>();
  readonly #answers = new Map<string, number>();
  readonly stop: () => void;

  constructor(options: LedgerOptions) {
    this.#options = options;
    for (const event of options.events.list) {
      this.#book.follow(event);
    }
    this.stop = options.events.subscribe((event) => this.#follow(event));
  }

  /** A person wants this from now on. */
  want(...grants: readonly WantedGrant[]): void {
    for (const wanted of grants) {
      const key = keyOf(wanted);
      this.#note(`wanted: ${key}`);
      const wantedAt = this.#now();
      this.#grants.set(key, {
        wanted,
        wantedAt,
        givenAt: undefined,
        activeAt: undefined,
        endedAt: undefined,
        isTakenBack: false,
      });
    }
  }

  /** From now on nothing justifies it: deleted, revoked, its person gone. */
  end(name: string, namespace = "default"): void {
    const grant = this.#grants.get(`${namespace}/${name}`);
    if (grant !== undefined) {
      grant.endedAt ??= this.#now();
      this.#note(`ended: ${namespace}/${name}`);
    }
  }

  /** AWS takes no calls, or the controller is down, until the function that is answered is called: such time is no lag. */
  outage(why: string): () => void {
    const outage = { from: this.#now(), to: Infinity };
    this.#outages.push(outage);
    this.#note(`outage begins: ${why}`);
    return () => {
      outage.to = this.#now();
      this.#note(`outage ends: ${why}`);
    };
  }

  /** Everything that was found so far; empty in a good run. */
  violations(): readonly string[] {
    for (const set of this.#book.sets()) {
      for (const assignment of set.assignments.values()) {
        this.#judgeLag(set, assignment, this.#now());
      }
    }
    return [...new Set(this.#violations)];
  }

  /** Throws with the history where anything was found. */
  assertHolds(context = ""): void {
    const found = this.violations();
    if (found.length > 0) {
      throw new Error(`the ledger does not balance ${context}\n- ${found.join("\n- ")}\n\nHistory:\n${this.history()}`);
    }
  }

  /** As `assertHolds`, once everything that was wanted has ended: nothing of the installation may be left. */
  assertNothingLeft(context = ""): void {
    for (const set of this.#book.sets()) {
      if (this.#isOurs(set)) {
        this.#violations.push(`left behind: ${set.name}, with ${set.assignments.size} assignments`);
      }
    }
    this.assertHolds(context);
  }

  /** Calls of the controllers so far, by `service:Operation`. */
  calls(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#calls].toSorted(([one], [other]) => (one < other ? -1 : 1)));
  }

  /** Answers to the controllers' calls, by `Operation outcome`. */
  answers(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#answers);
  }

  /** Names of the installation's sets that AWS holds now. */
  setsHeld(): string[] {
    return [...this.#book.sets()].filter((set) => this.#isOurs(set)).map(({ name }) => name);
  }

  /** The last of what happened, one line each. */
  history(): string {
    const events = this.#options.events.list.flatMap((event) => {
      const text = this.#book.describe(event);
      return text === undefined ? [] : [{ at: event.at, text: `${text}  [${actorOf(event)}]` }];
    });
    return [...events, ...this.#notes.map(({ at, text }) => ({ at, text: `* ${text}` }))]
      .toSorted((one, other) => one.at - other.at)
      .slice(-historyShown)
      .map(({ at, text }) => `${new Date(at).toISOString().slice(11, 23)} ${text}`)
      .join("\n");
  }

  #follow(event: SandboxEvent): void {
    if (this.#isController(event.by)) {
      this.#judge(event);
    }
    this.#book.follow(event);
    if (event.kind === "assigned" && this.#isController(event.by)) {
      this.#judgeAssigned(event);
    }
  }

  #judge(event: SandboxEvent): void {
    switch (event.kind) {
      case "call":
        this.#judgeCall(event);
        return;
      case "answer":
        count(this.#answers, `${event.operation} ${event.outcome}`);
        return;
      case "operation-started":
      case "operation-ended":
        this.#judgeOperation(event);
        return;
      case "set-created":
        this.#judgeCreated(event);
        return;
      case "set-deleted":
        this.#judgeTakenBack(event.arn, "the set was deleted");
        return;
      case "tagged":
        this.#judgeTagged(event);
        return;
      case "policy":
        this.#mustBeOurs(event.arn, "its policy was changed");
        return;
      case "unassigned":
        this.#judgeUnassigned(event);
        return;
      default:
    }
  }

  #judgeCall({ service, operation, monotonicMs }: Extract<SandboxEvent, { kind: "call" }>): void {
    count(this.#calls, `${service}:${operation}`);
    if (service === "sso" && !this.#rate.take(monotonicMs)) {
      this.#violation(`more than ${this.#rate.perSecond} calls a second to Identity Center`);
    }
  }

  #judgeOperation(event: Extract<SandboxEvent, { kind: "operation-started" | "operation-ended" }>): void {
    const { accountIDs, requestID } = event.operation;
    for (const accountID of accountIDs) {
      const other = this.#inFlight.get(accountID);
      if (event.kind === "operation-started") {
        if (other !== undefined) {
          this.#violation(`two role updates of account ${accountID} at a time`);
        }
        this.#inFlight.set(accountID, requestID);
      } else if (other === requestID) {
        this.#inFlight.delete(accountID);
      }
    }
  }

  #judgeCreated(event: Extract<SandboxEvent, { kind: "set-created" }>): void {
    const grant = this.#grantOf(event.tags);
    if (grant === undefined) {
      this.#violation(`a set was made that no Grant wants: ${event.name}`);
      return;
    }
    const others = [...this.#book.sets()].filter((set) => this.#grantOf(set.tags) === grant);
    if (others.length > 0) {
      this.#violation(`a second set was made for ${keyOf(grant.wanted)}`);
    }
    if (grant.isTakenBack) {
      this.#violation(`a set was made again for ${keyOf(grant.wanted)}, after it had been taken back`);
    }
    this.#noteWindow(grant, event.tags, event.at);
  }

  #judgeTagged({ arn, tags, at }: Extract<SandboxEvent, { kind: "tagged" }>): void {
    const set = this.#mustBeOurs(arn, "its tags were changed");
    const grant = set === undefined ? undefined : this.#grantOf(tags);
    if (grant === undefined || set === undefined) {
      return;
    }
    const before = set.tags["sallyport.dev/activation"];
    if (before !== undefined && before !== tags["sallyport.dev/activation"]) {
      this.#violation(`the window of ${keyOf(grant.wanted)} was opened a second time`);
    }
    this.#noteWindow(grant, tags, at);
  }

  /** A window begins when its tag says so, which is after the access was given and before the tag was written. */
  #noteWindow(grant: Justification, tags: BookSet["tags"], at: number): void {
    const activation = tags["sallyport.dev/activation"];
    if (activation === undefined || grant.activeAt !== undefined) {
      return;
    }
    const named = Date.parse(activation);
    if (!(named >= (grant.givenAt ?? Infinity) && named <= at)) {
      this.#violation(`the window of ${keyOf(grant.wanted)} begins at ${activation}, when there was no access`);
    }
    grant.activeAt = Math.min(named, at);
  }

  #judgeAssigned(event: Extract<SandboxEvent, { kind: "assigned" }>): void {
    const set = this.#book.set(event.permissionSetARN);
    const grant = set === undefined ? undefined : this.#grantOf(set.tags);
    const what = `${event.principalID} in ${event.accountID} by ${set?.name ?? event.permissionSetARN}`;
    if (grant === undefined || set === undefined) {
      this.#violation(`access that no Grant wants: ${what}`);
      return;
    }
    const { wanted } = grant;
    if (wanted.principalID !== event.principalID || wanted.accountID !== event.accountID) {
      this.#violation(`access for somebody or somewhere else than ${keyOf(wanted)} wants: ${what}`);
    }
    grant.givenAt ??= event.at;
    if (grant.isTakenBack) {
      this.#violation(`access was given again after it had been taken back: ${keyOf(wanted)}`);
    }
    this.#judgeLag(set, event, event.at);
  }

  #judgeUnassigned(event: Extract<SandboxEvent, { kind: "unassigned" }>): void {
    const set = this.#book.set(event.permissionSetARN);
    const held = set?.assignments.get(event.principalID);
    if (set === undefined || held === undefined) {
      return;
    }
    const grant = this.#grantOf(set.tags);
    if (!held.isByController || (grant !== undefined && grant.wanted.principalID !== event.principalID)) {
      this.#violation(`somebody else's assignment was taken away: ${event.principalID} by ${set.name}`);
    }
    this.#judgeLag(set, held, event.at);
    this.#judgeTakenBack(event.permissionSetARN, "an assignment was taken away");
  }

  /** Only what has ended may be taken away, and not given again. */
  #judgeTakenBack(arn: string, what: string): void {
    const set = this.#mustBeOurs(arn, what);
    const grant = set === undefined ? undefined : this.#grantOf(set.tags);
    // A set that nobody was assigned to gave nothing: where there was no room for it, it may be made anew.
    if (grant === undefined || grant.givenAt === undefined) {
      return;
    }
    grant.isTakenBack = true;
    if (this.#now() < justifiedUntil(grant) && grant.activeAt !== undefined) {
      this.#violation(`${keyOf(grant.wanted)} is still wanted, but ${what}`);
    }
  }

  #judgeLag(set: BookSet, assignment: { readonly principalID: string }, at: number): void {
    const grant = this.#grantOf(set.tags);
    if (grant === undefined || grant.wanted.principalID !== assignment.principalID) {
      return;
    }
    const until = justifiedUntil(grant);
    const lateMs = at - until - this.#outageMs(until, at);
    if (lateMs > this.#options.lagMs) {
      this.#violation(`the access of ${keyOf(grant.wanted)} outlived its justification by more than the stated lag`);
    }
  }

  #outageMs(from: number, to: number): number {
    // Outages may overlap: each instant counts once.
    let covered = from;
    let total = 0;
    for (const outage of this.#outages.toSorted((one, other) => one.from - other.from)) {
      const begins = Math.max(outage.from, covered);
      const ends = Math.min(outage.to, to);
      total += Math.max(0, ends - begins);
      covered = Math.max(covered, ends);
    }
    return total;
  }

  #mustBeOurs(arn: string, what: string): BookSet | undefined {
    const set = this.#book.set(arn);
    if (set !== undefined && !(set.isByController || this.#isOurs(set))) {
      this.#violation(`a foreign set was touched: ${set.name}: ${what}`);
      return undefined;
    }
    return set;
  }

  #isOurs({ tags }: BookSet): boolean {
    return tags["sallyport.dev/installation"] === this.#options.installation;
  }

  #grantOf(tags: BookSet["tags"]): Justification | undefined {
    return this.#grants.get(`${tags["sallyport.dev/namespace"]}/${tags["sallyport.dev/name"]}`);
  }

  #isController(by: string | undefined): boolean {
    const ends = this.#options.controllers ?? [":user/sallyport-controller"];
    return by !== undefined && ends.some((end) => by.endsWith(end));
  }

  #violation(text: string): void {
    this.#violations.push(text);
    this.#note(`VIOLATION ${text}`);
  }

  #note(text: string): void {
    this.#notes.push({ at: this.#now(), text });
  }

  #now(): number {
    return (this.#options.now ?? Date.now)();
  }
}

function keyOf({ namespace = "default", name }: WantedGrant): string {
  return `${namespace}/${name}`;
}

/** `min(activation + duration, notAfterTime, end)`, worked out here and not read from anybody. */
function justifiedUntil({ wanted, activeAt, endedAt }: Justification): number {
  const windowEnd = activeAt === undefined ? Infinity : activeAt + wanted.durationSeconds * 1_000;
  return Math.min(windowEnd, Date.parse(wanted.notAfterTime), endedAt ?? Infinity);
}

function actorOf({ by }: SandboxEvent): string {
  return by?.split("/").at(-1) ?? "by hand";
}

function count(map: Map<string, number>, key: string): void {
  map.set(key, (map.get(key) ?? 0) + 1);
}
