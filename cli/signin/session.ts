import { defined } from "#lib/defined.ts";
import { UserError } from "#lib/errors.ts";
import type { Secret } from "#lib/secret.ts";
import type { Person, SignInInfo } from "#wire/control-api.ts";
import type { World } from "../command.ts";
import { type Config, loadConfig } from "../config/config.ts";
import { ControlClient } from "../control/client.ts";
import { createLiveLine } from "../rds/live-line.ts";
import { findLogin, type KeptLogin } from "./kept-login.ts";
import { findOidcLogin } from "./oidc/login-cache.ts";
import { Portal } from "./portal.ts";
import { leewayMs } from "./token-cache.ts";

/** A person signed in to the control API, who reaches databases through the access portal; both sign-ins are renewed as they run out. */
export interface Session {
  readonly control: ControlClient;
  readonly person: Person;
  /** Asked for a token when a command needs AWS. */
  readonly portal: Portal;
  readonly signIn: SignInInfo;
  close(): void;
}

export interface SessionOptions {
  /** Whether a sign-in that an earlier command kept will do; absent: it will. */
  readonly kept?: boolean;
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
 * Signs in: with what an earlier command kept, else by the portal (its token from the cache or by a sign-in, credentials of the identity
 * permission set, and a proof of them) or the OIDC issuer. Without anybody to ask, a missing token is an error, never a wait.
 */
export async function openSession(world: World, options: SessionOptions = {}): Promise<Session> {
  const config = options.config ?? loadConfig(world);
  const control = new ControlClient(config, world.clock);
  const close = (): void => control.close();
  try {
    const kept = options.kept === false ? undefined : findKept(config, world);
    if (kept !== undefined) {
      const { token, person, signIn } = kept;
      // How one signs in is asked anew: the installation may have changed since.
      control.signIn(token, async () => (await findWay(control, config, world)).renew());
      return { control, person, portal: portalOf(signIn, world), signIn, close };
    }
    return await whileShown(world, async (shown) => {
      const { signIn, portal, login, renew } = await findWay(control, config, shown, options);
      const { token, person } = await login();
      control.signIn(token, renew);
      return { control, person, portal, signIn, close };
    });
  } catch (error) {
    control.close();
    throw error;
  }
}

/** What an earlier command kept of the way in which the person signed in last, while it holds. */
function findKept(config: Config, world: World): KeptLogin | undefined {
  const oidc = findOidcLogin(config.url, world);
  if (oidc === undefined) {
    return findLogin(config, world);
  }
  const { signIn, ...login } = oidc;
  const isLive = Date.parse(login.expiryTime) - world.clock.now() > leewayMs;
  return isLive && signIn !== undefined ? { ...login, signIn } : undefined;
}

/** How a person signs in to this installation, and what opens AWS for them. */
interface Way {
  readonly signIn: SignInInfo;
  readonly portal: Portal;
  readonly login: () => Promise<Pick<KeptLogin, "token" | "person">>;
  readonly renew: () => Promise<Secret>;
}

async function findWay(
  control: ControlClient,
  config: Config,
  world: World,
  options: SessionOptions = {},
): Promise<Way> {
  const ask = async (): Promise<SignInInfo> => {
    const signIn = await control.get<SignInInfo>("/v1/sign-in", { signal: world.signal, anonymous: true });
    if (signIn.identityAccountID === "") {
      throw new UserError("NoProxyYet", `${signIn.installation} is not set up yet, so nobody can sign in`, {
        why: "it has no Proxy, which says where its Identity Center is",
        next: "Ask whoever operates Sallyport to apply a Proxy.",
      });
    }
    return signIn;
  };
  // What a way takes is loaded while the answer is awaited: AWS's client or that of issuers, which most commands need neither of.
  if (options.oidc ?? findOidcLogin(config.url, world) !== undefined) {
    const [signIn, { OidcPerson }] = await Promise.all([ask(), import("./oidc/oidc-person.ts")]);
    const { url } = config;
    const how = defined({ fresh: options.fresh, device: options.device });
    const person = new OidcPerson(signIn, { control, url, world, ...how });
    return { signIn, portal: portalOf(signIn, world), login: () => person.login(), renew: () => person.renew() };
  }
  const [signIn, { PortalPerson }] = await Promise.all([ask(), import("./portal-person.ts")]);
  const portal = portalOf(signIn, world, options);
  const person = new PortalPerson(signIn, { control, config, portal, world });
  return { signIn, portal, login: () => person.login(), renew: () => person.renew() };
}

/** Says at a terminal that the person is being signed in, for as long as that takes; what else is said meanwhile stands above it. */
async function whileShown<T>(world: World, run: (shown: World) => Promise<T>): Promise<T> {
  const { isTTY = false } = world.terminal.output as { readonly isTTY?: boolean };
  if (!isTTY) {
    // `login` asks anybody, also where nobody sees a line that is drawn again.
    return run(world);
  }
  const { line, output } = createLiveLine(world);
  line.show("sign-in", "Signing in");
  try {
    return await run({ ...world, output });
  } finally {
    line.clear("sign-in");
  }
}

function portalOf({ startURL, ssoRegion }: SignInInfo, world: World, options: SessionOptions = {}): Portal {
  return new Portal(startURL, ssoRegion, world, options);
}
