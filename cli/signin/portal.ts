import { UserError } from "#lib/errors.ts";
import type { World } from "../command.ts";
import { openerFor } from "./browser.ts";
import { findTokens, holds, isRenewable, type PortalToken, storeToken } from "./token-cache.ts";

/** How a person signs in to the portal. */
export interface PortalSignIn {
  readonly fresh?: boolean;
  readonly device?: boolean;
}

/** The person's sign-in to one AWS access portal, kept alive for as long as a command runs. */
export class Portal {
  readonly #startURL: string;
  readonly #region: string;
  readonly #world: World;
  readonly #isFresh: boolean;
  readonly #byDevice: boolean;
  /** Access tokens that must not be used: the portal does not take them, or somebody wants a new sign-in. */
  readonly #refused = new Set<string>();
  #current: PortalToken | undefined;
  #getting: Promise<PortalToken> | undefined;

  /**
   * With `fresh`, what the cache holds at this moment does not count. With `device` the person confirms a code wherever they like;
   * otherwise in a browser of this computer, where it has one.
   */
  constructor(startURL: string, region: string, world: World, how: PortalSignIn = {}) {
    this.#startURL = startURL;
    this.#region = region;
    this.#world = world;
    this.#isFresh = how.fresh ?? false;
    this.#byDevice = how.device ?? false;
  }

  /**
   * A token that holds: from the cache, else renewed, else by a sign-in. Where nobody can be asked, the last is a
   * `UserError`, never a wait.
   */
  token(): Promise<PortalToken> {
    this.#getting ??= this.#get().finally(() => {
      this.#getting = undefined;
    });
    return this.#getting;
  }

  /** The portal did not take this token: it was signed out. The next `token` is another one. */
  refuse(token: PortalToken): void {
    this.#refused.add(token.accessToken.reveal());
    this.#current = undefined;
  }

  async #get(): Promise<PortalToken> {
    const nowMs = this.#world.clock.now();
    if (this.#current !== undefined && holds(this.#current, nowMs)) {
      return this.#current;
    }
    const cached = this.#isFresh && this.#current === undefined ? [] : this.#usable();
    const token =
      cached.find((one) => holds(one, nowMs)) ?? (await this.#renewed(cached, nowMs)) ?? (await this.#signIn());
    this.#current = token;
    return token;
  }

  #usable(): PortalToken[] {
    const found = findTokens(this.#startURL, this.#region, this.#world);
    return found.filter((token) => !this.#refused.has(token.accessToken.reveal()));
  }

  async #renewed(cached: readonly PortalToken[], nowMs: number): Promise<PortalToken | undefined> {
    const renewable = cached.filter((token) => isRenewable(token, nowMs));
    for (const token of renewable) {
      // What talks to the portal's sign-in is large, and most commands find a token that holds.
      const { renewToken } = await import("./device-flow.ts");
      const renewed = await renewToken(token, this.#world);
      if (renewed !== undefined) {
        storeToken(renewed, this.#world);
        return renewed;
      }
    }
    return undefined;
  }

  async #signIn(): Promise<PortalToken> {
    // It needs somebody at a browser, and somebody who reads its address here. A pipeline has neither.
    if (!this.#world.interactive) {
      throw new UserError("SignInNeeded", "you are not signed in to the AWS access portal", {
        why: "this is not a terminal, so nobody can be asked",
        next: "sallyport login",
      });
    }
    const opener = this.#byDevice ? undefined : openerFor(this.#world.environment, process.platform);
    const portal = { startURL: this.#startURL, region: this.#region };
    const token =
      opener === undefined
        ? await (await import("./device-flow.ts")).signInByDevice(this.#startURL, this.#region, this.#world)
        : await (await import("./code-flow.ts")).signInByBrowser(portal, opener, this.#world, this.#isFresh);
    storeToken(token, this.#world);
    return token;
  }
}
