import { UserError } from "#lib/errors.ts";
import { Secret } from "#lib/secret.ts";
import type { LoginNonce, LoginResponse, Person, SignInInfo } from "#wire/control-api.ts";
import { createProof } from "#wire/proof.ts";
import type { World } from "../command.ts";
import { loadConfig } from "../config/config.ts";
import { ControlClient } from "../control/client.ts";
import { signInByDevice } from "./device-flow.ts";
import { roleCredentials } from "./role-credentials.ts";
import { findToken, type PortalToken } from "./token-cache.ts";

/** A person signed in to the access portal and to the control API. */
export interface Session {
  readonly control: ControlClient;
  readonly person: Person;
  readonly portal: PortalToken;
  readonly signIn: SignInInfo;
  close(): void;
}

/**
 * Signs in: portal token from the cache or by the device flow, credentials of the identity permission set, and a proof of
 * them for the control API. `fresh` ignores the cache. Without anybody to ask, a missing token is an error, never a wait.
 */
export async function openSession(world: World, options: { readonly fresh?: boolean } = {}): Promise<Session> {
  const control = new ControlClient(loadConfig(world));
  try {
    const signIn = await control.get<SignInInfo>("/v1/sign-in", world.signal);
    const portal = await portalToken(signIn, world, options.fresh ?? false);
    const credentials = await roleCredentials(
      portal,
      { accountID: signIn.identityAccountID, permissionSet: signIn.identityPermissionSet },
      world,
      { patient: false },
    );
    const nonce = await control.post<LoginNonce>("/v1/login/nonce", {}, world.signal);
    const audience = { purpose: "login", installation: nonce.installation, nonce: nonce.nonce } as const;
    const proof = await createProof(audience, credentials, nonce.sts, new Date(world.clock.now()));
    const login = await control.post<LoginResponse>("/v1/login", { nonce: nonce.nonce, proof }, world.signal);
    control.signIn(new Secret(login.token));
    return { control, person: login.person, portal, signIn, close: () => control.close() };
  } catch (error) {
    control.close();
    throw error;
  }
}

async function portalToken(signIn: SignInInfo, world: World, fresh: boolean): Promise<PortalToken> {
  const cached = fresh ? undefined : findToken(signIn.startURL, signIn.ssoRegion, world);
  if (cached !== undefined) {
    return cached;
  }
  // The device flow only prints and waits; it needs somebody at a browser, not at this terminal. A pipeline has neither.
  if (!fresh && !world.interactive) {
    throw new UserError("SignInNeeded", "you are not signed in to the AWS access portal", {
      why: "this is not a terminal, so nobody can be asked",
      next: "sallyport login",
    });
  }
  return signInByDevice(signIn.startURL, signIn.ssoRegion, world);
}
