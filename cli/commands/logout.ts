import { coerceError, UserError } from "#lib/errors.ts";
import type { Secret } from "#lib/secret.ts";
import type { SignInInfo } from "#wire/control-api.ts";
import type { Command, World } from "../command.ts";
import { loadConfig } from "../config/config.ts";
import type { ControlClient } from "../control/client.ts";
import type { KeptLogin } from "../signin/kept-login.ts";
import type { OidcLogin } from "../signin/oidc/login-cache.ts";

/** `sallyport logout`: forgets the person's sign-ins on this computer, and ends them where they were made. */
export const logout: Command = {
  name: "logout",
  summary: "Sign out: of the AWS access portal, for the aws command line too, and at the OIDC issuer",
  options: [],
  examples: [{ run: "sallyport logout", does: "ends your sessions there, and forgets their tokens here" }],
  async run({ world }) {
    const config = loadConfig(world);
    // First what needs nobody's answer but the issuer's: it is done even where the control API cannot be reached.
    const { findLogin, forgetLogin } = await import("../signin/kept-login.ts");
    let kept: KeptLogin | undefined;
    try {
      kept = findLogin(config, world);
    } finally {
      forgetLogin(config.url, world);
    }
    const issuer = await signOutOfIssuer(config.url, world);
    const oidc = issuer === undefined ? 0 : 1;
    const { ControlClient } = await import("../control/client.ts");
    const { signOutOfPortal } = await import("../signin/forget.ts");
    const control = new ControlClient(config, world.clock);
    try {
      for (const token of [kept?.token, issuer?.token]) {
        await endToken(control, token, world);
      }
      const signIn = await control.get<SignInInfo>("/v1/sign-in", { signal: world.signal, anonymous: true });
      const portal = await signOutOfPortal(signIn.startURL, signIn.ssoRegion, world);
      world.output.result({ portal, oidc }, () => (portal + oidc === 0 ? "You were not signed in." : "Signed out."));
      return 0;
    } catch (error) {
      if (error instanceof UserError && oidc > 0) {
        world.output.note("Your sign-in at the OIDC issuer is forgotten.");
      }
      throw error;
    } finally {
      control.close();
    }
  },
};

/** Ends the token that was kept, where the API can be reached: by itself it would live for minutes. */
async function endToken(control: ControlClient, token: Secret | undefined, { signal }: World): Promise<void> {
  if (token !== undefined) {
    const isOver = new Error("the token is over");
    control.signIn(token, () => Promise.reject(isOver));
    await control.post("/v1/logout", {}, { signal }).catch(() => {});
  }
}

/** The sign-in that was forgotten, without its token where that may not be used any more; undefined where there was none. */
async function signOutOfIssuer(url: string, world: World): Promise<Partial<OidcLogin> | undefined> {
  const { findOidcLogin, forgetOidcLogin } = await import("../signin/oidc/login-cache.ts");
  let kept: OidcLogin | undefined;
  try {
    kept = findOidcLogin(url, world);
  } catch (error) {
    // Others may have read it, so it is used for nothing any more.
    forgetOidcLogin(url, world);
    world.output.note(`${coerceError(error).message}. It is forgotten here; end it at the issuer too.`);
    return {};
  }
  if (kept === undefined) {
    return undefined;
  }
  forgetOidcLogin(url, world);
  if (kept.refreshToken !== undefined) {
    const { discoverIssuer, revokeToken } = await import("../signin/oidc/flow.ts");
    const { refreshToken } = kept;
    const isRevoked = await discoverIssuer(kept)
      .then((config) => revokeToken(config, refreshToken))
      .catch(() => false);
    if (!isRevoked) {
      world.output.note("The OIDC issuer did not confirm the end of the session; it is forgotten on this computer.");
    }
  }
  return kept;
}
