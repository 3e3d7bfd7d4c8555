import { defined } from "#lib/defined.ts";
import { UserError } from "#lib/errors.ts";
import { Secret } from "#lib/secret.ts";
import type { LoginNonce, LoginResponse, Person, SignInInfo } from "#wire/control-api.ts";
import type { World } from "../command.ts";
import { type Config, loadConfig } from "../config/config.ts";
import { ControlClient } from "../control/client.ts";
import { ControlFailure } from "../control/failure.ts";
import { findOidcLogin } from "./oidc/login-cache.ts";
import { Portal } from "./portal.ts";

/** A person signed in to the access portal and to the control API; both sign-ins are renewed as they run out. */
export interface Session {
  readonly control: ControlClient;
  readonly person: Person;
  readonly portal: Portal;
  readonly signIn: SignInInfo;
  close(): void;
}

export interface SessionOptions {
  /** Signs in to the portal anew, whatever the cache holds. */
  readonly fresh?: boolean;
  /** Signs in by a code that is confirmed in any browser, also where this computer has one. */
  readonly device?: boolean;
  /** At the OIDC issuer, or at the access portal. Absent: as the person signed in last. */
  readonly oidc?: boolean;
  /** Where Sallyport is; absent: as configured. */
  readonly config?: Config;
}

/**
 * Signs in: portal token from the cache or by a sign-in, credentials of the identity permission set, and a proof of
 * them for the control API. Without anybody to ask, a missing token is an error, never a wait.
 */
export async function openSession(world: World, options: SessionOptions = {}): Promise<Session> {
  const config = options.config ?? loadConfig(world);
  const control = new ControlClient(config, world.clock);
  try {
    const signIn = await control.get<SignInInfo>("/v1/sign-in", { signal: world.signal, anonymous: true });
    if (signIn.identityAccountID === "") {
      throw new UserError("NoProxyYet", `${signIn.installation} is not set up yet, so nobody can sign in`, {
        why: "it has no Proxy, which says where its Identity Center is",
        next: "Ask whoever operates Sallyport to apply a Proxy.",
      });
    }
    if (options.oidc ?? findOidcLogin(config.url, world) !== undefined) {
      return await openByOidc(control, signIn, config.url, world, options);
    }
    const portal = new Portal(signIn.startURL, signIn.ssoRegion, world, options);
    const prove = (): Promise<LoginResponse> =>
      // A controller that restarted in between has forgotten its nonce; the next one is its own.
      proveOnce(control, portal, signIn, world).catch((error: unknown) => {
        if (error instanceof ControlFailure && error.code === "NonceUnknown") {
          return proveOnce(control, portal, signIn, world);
        }
        throw error;
      });
    const login = await prove();
    control.signIn(new Secret(login.token), async () => new Secret((await prove()).token));
    return { control, person: login.person, portal, signIn, close: () => control.close() };
  } catch (error) {
    control.close();
    throw error;
  }
}

async function openByOidc(
  control: ControlClient,
  signIn: SignInInfo,
  url: string,
  world: World,
  options: SessionOptions,
): Promise<Session> {
  // Loaded only now: whoever signs in at the portal needs none of it.
  const { OidcPerson } = await import("./oidc/oidc-person.ts");
  const oidc = new OidcPerson(signIn, {
    control,
    url,
    world,
    ...defined({ fresh: options.fresh, device: options.device }),
  });
  const { token, person } = await oidc.login();
  control.signIn(token, () => oidc.renew());
  // Databases are reached through AWS: the portal is asked when a command needs it.
  const portal = new Portal(signIn.startURL, signIn.ssoRegion, world);
  return { control, person, portal, signIn, close: () => control.close() };
}

async function proveOnce(
  control: ControlClient,
  portal: Portal,
  signIn: SignInInfo,
  world: World,
): Promise<LoginResponse> {
  // AWS's client is loaded while nothing else is to be done, and by nobody who signs in at an OIDC issuer.
  const [{ roleCredentials }, { createProof }] = await Promise.all([
    import("./role-credentials.ts"),
    import("#wire/proof.ts"),
  ]);
  const options = { signal: world.signal, anonymous: true };
  const role = { accountID: signIn.identityAccountID, permissionSet: signIn.identityPermissionSet };
  const credentials = await roleCredentials(portal, role, world, { patient: false });
  const nonce = await control.post<LoginNonce>("/v1/login/nonce", {}, options);
  const audience = { purpose: "login", installation: signIn.installation, nonce: nonce.nonce } as const;
  const proof = await createProof(audience, credentials, nonce.sts, new Date(world.clock.now()));
  return control.post<LoginResponse>("/v1/login", { nonce: nonce.nonce, proof }, options);
}
