import type { Grant } from "#kinds/index.ts";
import type { Clock } from "#lib/clock.ts";
import { phaseOf } from "./phase.ts";

/**
 * How often one Grant of those that wait tries whether there is room, in milliseconds: sets are also freed by others, and quotas
 * are raised. First, and at most after doubling with each refusal. A try that fails costs five calls.
 */
export const quotaProbeMinMs = 10_000;
export const quotaProbeMaxMs = 60_000;

/** What has no room: the instance for a set, or the account for a role of one. */
export type FullPlace = "instance" | "account";

interface Place {
  /** Who waits, in order, with how to wake them. */
  readonly line: Map<string, () => void>;
  /** How many of them may try now: sets that were freed. */
  room: number;
  nextProbeMs: number;
  probeMs: number;
}

/**
 * The Grants that wait for room among the permission sets of an account or an instance (quotas, aws-and-ssm.md B3). While a place
 * is full nobody asks AWS in vain: one tries now and then, and one for each set that this controller takes away.
 */
export class QuotaLine {
  readonly #clock: Clock;
  readonly #places = new Map<string, Place>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What the Grant must wait for room in; undefined: it may go on. Only one that nothing was made for yet waits, and none that must end. */
  waitsFor(grant: Grant, mustEnd: boolean, wake: () => void): FullPlace | undefined {
    const uid = uidOf(grant);
    if (mustEnd || phaseOf(grant) !== "Provisioning" || grant.status?.external?.permissionSetARN !== undefined) {
      this.#leave(uid);
      return undefined;
    }
    return placesOf(grant).find(({ key }) => {
      const place = this.#places.get(key);
      return place !== undefined && !this.#mayTry(place, uid, wake);
    })?.what;
  }

  /** AWS refused: the place is full. The Grant goes to the end of the line. */
  reached(grant: Grant, wake: () => void): void {
    const full = fullPlaceOf(grant);
    const key = placesOf(grant).find(({ what }) => what === full)?.key ?? "";
    const place = this.#places.get(key) ?? {
      line: new Map<string, () => void>(),
      room: 0,
      nextProbeMs: 0,
      probeMs: quotaProbeMinMs / 2,
    };
    place.line.set(uidOf(grant), wake);
    place.room = 0;
    place.probeMs = Math.min(quotaProbeMaxMs, place.probeMs * 2);
    place.nextProbeMs = this.#clock.monotonicMs() + place.probeMs;
    this.#places.set(key, place);
  }

  /** The Grant has got its place: where there was room for one there may be for the next. */
  began(grant: Grant): void {
    for (const { key } of placesOf(grant)) {
      const place = this.#places.get(key);
      if (place !== undefined) {
        place.line.delete(uidOf(grant));
        this.#free(key, place);
      }
    }
  }

  /** A set was taken away. */
  freed(grant: Grant): void {
    for (const { key } of placesOf(grant)) {
      const place = this.#places.get(key);
      if (place !== undefined) {
        this.#free(key, place);
      }
    }
  }

  #free(key: string, place: Place): void {
    place.room += 1;
    const [next] = place.line.values();
    if (next === undefined) {
      this.#places.delete(key);
    } else {
      next();
    }
  }

  #mayTry(place: Place, uid: string, wake: () => void): boolean {
    place.line.set(uid, wake);
    const [first] = place.line.keys();
    const nowMs = this.#clock.monotonicMs();
    if (first !== uid || (place.room === 0 && nowMs < place.nextProbeMs)) {
      return false;
    }
    place.room = Math.max(0, place.room - 1);
    place.nextProbeMs = nowMs + place.probeMs;
    // It has had its try: where that fails it is the last in the line.
    place.line.delete(uid);
    return true;
  }

  #leave(uid: string): void {
    for (const [key, { line }] of this.#places) {
      if (line.delete(uid) && line.size === 0) {
        this.#places.delete(key);
      }
    }
  }
}

/** What a person may do about a full place. */
export function quotaMessage(full: FullPlace, { status }: Grant): string {
  return full === "instance"
    ? "IAM Identity Center holds as many permission sets as its quota allows. The access is set up as soon as there is room. End grants that are no longer needed, or ask AWS for a higher quota of permission sets."
    : `The account ${status?.external?.accountID} holds as many permission sets as its quota allows (500 unless raised). The access is set up as soon as there is room. End grants that are no longer needed, or ask AWS for a higher quota of provisioned permission sets per account.`;
}

/** Without a set it was the instance that refused to make one; with one, the account to take it. */
export function fullPlaceOf({ status }: Grant): FullPlace {
  return status?.external?.permissionSetARN === undefined ? "instance" : "account";
}

function placesOf({ status }: Grant): { readonly what: FullPlace; readonly key: string }[] {
  const { instanceARN = "", accountID = "" } = status?.external ?? {};
  return [
    { what: "instance", key: instanceARN },
    { what: "account", key: `${instanceARN} ${accountID}` },
  ];
}

function uidOf({ metadata }: Grant): string {
  return metadata.uid ?? "";
}
