import type { Clock, EpochMs } from "#lib/clock.ts";
import type { Random } from "../ids.ts";

/** A person's sign-in to the access portal. Access tokens and refresh tokens of one sign-in end with it. */
export interface PortalSession {
  readonly userID: string;
  /** The sign-in ends then, whatever tokens say. */
  readonly endsAt: EpochMs;
}

/** Bearer tokens of the access portal. */
export interface PortalSessions {
  /** Begins a sign-in of `portalSessionMs`. */
  begin(userID: string): PortalSession;
  /** An access token of a sign-in, for `lifeMs` or until the sign-in ends. */
  accessToken(session: PortalSession, lifeMs: number): string;
  refreshToken(session: PortalSession, clientID: string): string;
  /** Whose access token it is; undefined when unknown, expired or signed out. */
  find(accessToken: string): PortalSession | undefined;
  /** The sign-in of a refresh token of that client. */
  refresh(refreshToken: string, clientID: string): PortalSession | undefined;
  /** Signs out: all tokens of the sign-in end. */
  end(session: PortalSession): void;
}

/** How long a sign-in lasts: 8 hours, Identity Center's default. */
export const portalSessionMs = 8 * 3_600_000;

interface Token {
  readonly session: PortalSession;
  readonly expiresAt: EpochMs;
  readonly clientID: string | undefined;
}

/** Starts with nobody signed in. */
export function createPortalSessions(clock: Clock, random: Random): PortalSessions {
  const tokens = new Map<string, Token>();
  const live = (token: Token | undefined): Token | undefined =>
    token !== undefined && clock.now() < Math.min(token.expiresAt, token.session.endsAt) ? token : undefined;
  const issue = (prefix: string, token: Token): string => {
    for (const [text, old] of tokens) {
      if (live(old) === undefined) {
        tokens.delete(text);
      }
    }
    const text = prefix + Buffer.from(random(96)).toString("base64url");
    tokens.set(text, token);
    return text;
  };
  return {
    begin: (userID) => ({ userID, endsAt: clock.now() + portalSessionMs }),
    accessToken: (session, lifeMs) =>
      issue("aoaAAAAA", { session, expiresAt: clock.now() + lifeMs, clientID: undefined }),
    refreshToken: (session, clientID) => issue("aorAAAAA", { session, expiresAt: session.endsAt, clientID }),
    find(accessToken) {
      const token = live(tokens.get(accessToken));
      return token?.clientID === undefined ? token?.session : undefined;
    },
    refresh(refreshToken, clientID) {
      const token = live(tokens.get(refreshToken));
      return token?.clientID === clientID ? token.session : undefined;
    },
    end(session) {
      for (const [text, token] of tokens) {
        if (token.session === session) {
          tokens.delete(text);
        }
      }
    },
  };
}
