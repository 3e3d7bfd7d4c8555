import type { Clock, EpochMs } from "#lib/clock.ts";
import { hex, type Random } from "../ids.ts";

/** One sign-in by device code that a person has been asked to confirm (RFC 8628). */
export interface DeviceGrant {
  readonly deviceCode: string;
  /** `ABCD-EFGH`. */
  readonly userCode: string;
  readonly clientID: string;
  readonly expiresAt: EpochMs;
  /** Who confirmed; `denied` when the person said no; undefined while nobody has decided. */
  decision: { readonly userID: string } | "denied" | undefined;
  lastPollAt: EpochMs | undefined;
  isUsed: boolean;
}

/** Device codes in the hands of clients. */
export interface DeviceGrants {
  start(clientID: string): DeviceGrant;
  byDeviceCode(deviceCode: string): DeviceGrant | undefined;
  /** Codes are compared without case and hyphen, as a person may type them. Expired ones are not found. */
  byUserCode(userCode: string): DeviceGrant | undefined;
}

/** How long a person has to confirm: 10 minutes, as AWS. */
export const deviceGrantMs = 600_000;

/** Letters of a user code: consonants only, so that no word appears (RFC 8628 section 6.1). */
const userCodeLetters = "BCDFGHJKLMNPQRSTVWXZ";

/** Starts with none. */
export function createDeviceGrants(clock: Clock, random: Random): DeviceGrants {
  const grants = new Map<string, DeviceGrant>();
  return {
    start(clientID) {
      const now = clock.now();
      for (const old of [...grants.values()].filter((one) => one.expiresAt + deviceGrantMs < now)) {
        grants.delete(old.deviceCode);
      }
      const letters = Array.from(random(8), (byte) => userCodeLetters[byte % userCodeLetters.length]).join("");
      const grant: DeviceGrant = {
        deviceCode: hex(random, 32),
        userCode: `${letters.slice(0, 4)}-${letters.slice(4)}`,
        clientID,
        expiresAt: now + deviceGrantMs,
        decision: undefined,
        lastPollAt: undefined,
        isUsed: false,
      };
      grants.set(grant.deviceCode, grant);
      return grant;
    },
    byDeviceCode: (deviceCode) => grants.get(deviceCode),
    byUserCode(userCode) {
      const wanted = plain(userCode);
      return [...grants.values()].find((one) => plain(one.userCode) === wanted && one.expiresAt > clock.now());
    },
  };
}

function plain(userCode: string): string {
  return userCode.toUpperCase().replaceAll(/[^A-Z]/g, "");
}
