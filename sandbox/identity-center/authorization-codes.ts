import type { Clock, EpochMs } from "#lib/clock.ts";
import { hex, type Random } from "../ids.ts";

/** What an authorization code is bound to (RFC 7636: `challenge` is the base64url SHA-256 of the verifier). */
export interface CodeBinding {
  readonly clientID: string;
  readonly redirectURI: string;
  readonly challenge: string;
}

/** Authorization codes on their way from the browser to the client. */
export interface AuthorizationCodes {
  issue(userID: string, binding: CodeBinding): string;
  /** The user ID; undefined when the code is unknown, used, older than a minute, or bound to something else. */
  redeem(code: string, binding: CodeBinding): string | undefined;
}

/** RFC 6749 section 4.1.2 recommends ten minutes at most; a browser needs seconds. */
export const codeMs = 60_000;

/** Starts with none. */
export function createAuthorizationCodes(clock: Clock, random: Random): AuthorizationCodes {
  const codes = new Map<string, CodeBinding & { userID: string; expiresAt: EpochMs }>();
  return {
    issue(userID, binding) {
      const code = hex(random, 32);
      codes.set(code, { ...binding, userID, expiresAt: clock.now() + codeMs });
      return code;
    },
    redeem(code, binding) {
      const known = codes.get(code);
      codes.delete(code);
      const matches =
        known !== undefined &&
        known.expiresAt > clock.now() &&
        known.clientID === binding.clientID &&
        known.redirectURI === binding.redirectURI &&
        known.challenge === binding.challenge;
      return matches ? known.userID : undefined;
    },
  };
}
