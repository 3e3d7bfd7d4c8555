import type { Configuration } from "openid-client";
import { pause } from "#lib/clock.ts";
import { UserError } from "#lib/errors.ts";
import { Secret } from "#lib/secret.ts";
import type { LoginResponse, SignInInfo } from "#wire/control-api.ts";
import type { OidcNonce, OidcSignIn } from "#wire/sign-in.ts";
import type { World } from "../../command.ts";
import type { ControlClient } from "../../control/client.ts";
import { ControlFailure } from "../../control/failure.ts";
import { openerFor } from "../browser.ts";
import { leewayMs } from "../token-cache.ts";
import { discoverIssuer, type IssuerTokens, refreshTokens, signInByCode, signInByIssuerDevice } from "./flow.ts";
import { findOidcLogin, type OidcLogin, storeOidcLogin } from "./login-cache.ts";

/** Times in tokens are whole seconds (RFC 7519 2). */
const sameTokenMs = 1_000;
/** The control API takes no refreshed token, but a new sign-in: it was restarted, or the sign-in is a day old. */
const startAnew: ReadonlySet<string> = new Set(["NonceUnknown", "TokenUsed", "TokenRefused"]);

/** A token of the control API and whose it is. */
export type LoggedIn = Pick<OidcLogin, "token" | "person">;

export interface OidcPersonOptions {
  readonly control: ControlClient;
  /** Address of the control API, under which the sign-in is kept. */
  readonly url: string;
  readonly world: World;
  readonly fresh?: boolean;
  readonly device?: boolean;
}

/** A person who signs in at the control API by an OIDC issuer; the sign-in is kept between commands, and renewed as it runs out. */
export class OidcPerson {
  readonly #signInInfo: SignInInfo;
  readonly #oidc: OidcSignIn;
  readonly #options: OidcPersonOptions;

  /** Throws a `UserError` where the installation trusts no issuer. */
  constructor(signIn: SignInInfo, options: OidcPersonOptions) {
    const { oidc, installation } = signIn;
    if (oidc === undefined) {
      throw new UserError("NoOidc", `${installation} does not sign people in by OIDC`, { next: "sallyport login" });
    }
    this.#signInInfo = signIn;
    this.#oidc = oidc;
    this.#options = options;
  }

  /** With what is kept, else renewed, else by a sign-in. */
  async login(): Promise<LoggedIn> {
    const { world, fresh } = this.#options;
    const kept = fresh === true ? undefined : this.#kept();
    if (kept !== undefined && Date.parse(kept.expiryTime) - world.clock.now() > leewayMs) {
      return kept;
    }
    return this.#renewOrSignIn(kept);
  }

  /** The control API does not take its token any more: the next one. */
  async renew(): Promise<Secret> {
    return (await this.#renewOrSignIn(this.#kept())).token;
  }

  /** What is kept, if it is of this issuer and client. */
  #kept(): OidcLogin | undefined {
    const kept = findOidcLogin(this.#options.url, this.#options.world);
    return kept?.issuer === this.#oidc.issuer && kept.clientID === this.#oidc.clientID ? kept : undefined;
  }

  async #renewOrSignIn(kept: OidcLogin | undefined): Promise<LoggedIn> {
    const config = await discoverIssuer(this.#oidc);
    const renewed = kept === undefined ? undefined : await this.#renewed(kept, config, true);
    return renewed ?? this.#exchange(await this.#signIn(config));
  }

  /** With the refresh token; undefined where that takes a new sign-in. */
  async #renewed(kept: OidcLogin, config: Configuration, mayRepeat: boolean): Promise<LoggedIn | undefined> {
    const tokens = kept.refreshToken === undefined ? undefined : await refreshTokens(config, kept.refreshToken);
    // Another command may have used the refresh token at the same moment, and have stored what came of it.
    const now = tokens === undefined ? this.#kept() : undefined;
    if (tokens === undefined) {
      return now?.token.reveal() === kept.token.reveal() ? undefined : now;
    }
    try {
      return await this.#exchange(tokens);
    } catch (error) {
      if (!(error instanceof ControlFailure) || !startAnew.has(error.code)) {
        throw error;
      }
      if (error.code !== "TokenUsed" || !mayRepeat) {
        return undefined;
      }
      // Issuers tell seconds: two commands that ask within one may get the same token, which signs in once.
      await pause(this.#options.world.clock, sameTokenMs, this.#options.world.signal);
      const refreshToken = tokens.refreshToken ?? kept.refreshToken;
      return this.#renewed({ ...kept, refreshToken }, config, false);
    }
  }

  async #signIn(config: Configuration): Promise<IssuerTokens> {
    const { control, world, device } = this.#options;
    if (!world.interactive) {
      throw new UserError("SignInNeeded", "you are not signed in at the identity provider", {
        why: "this is not a terminal, so nobody can be asked",
        next: "sallyport login --oidc",
      });
    }
    const opener = device === true ? undefined : openerFor(world.environment, process.platform);
    if (opener === undefined) {
      return signInByIssuerDevice(config, this.#oidc, world);
    }
    const { nonce } = await control.post<OidcNonce>(
      "/v1/login/oidc/nonce",
      {},
      { signal: world.signal, anonymous: true },
    );
    return signInByCode(config, { ...this.#oidc, nonce }, opener, world);
  }

  async #exchange({ idToken, refreshToken }: IssuerTokens): Promise<LoggedIn> {
    const { control, url, world } = this.#options;
    const body = { idToken: idToken.reveal() };
    const answer = await control.post<LoginResponse>("/v1/login/oidc", body, { signal: world.signal, anonymous: true });
    const { issuer, clientID } = this.#oidc;
    const { expiryTime, person } = answer;
    const signIn = this.#signInInfo;
    const login = { url, issuer, clientID, refreshToken, token: new Secret(answer.token), expiryTime, person, signIn };
    storeOidcLogin(login, world);
    return login;
  }
}
