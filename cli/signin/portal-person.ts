import { Secret } from "#lib/secret.ts";
import type { LoginNonce, LoginResponse, SignInInfo } from "#wire/control-api.ts";
import { createProof } from "#wire/proof.ts";
import type { World } from "../command.ts";
import type { Config } from "../config/config.ts";
import type { ControlClient } from "../control/client.ts";
import { ControlFailure } from "../control/failure.ts";
import { type KeptLogin, keepLogin } from "./kept-login.ts";
import type { Portal } from "./portal.ts";
import { roleCredentials } from "./role-credentials.ts";

export interface PortalPersonOptions {
  readonly control: ControlClient;
  /** Where the control API is, for which the sign-in is kept. */
  readonly config: Config;
  readonly portal: Portal;
  readonly world: World;
}

/** A person who signs in at the control API with a proof of the role that the access portal gives them. */
export class PortalPerson {
  readonly #signIn: SignInInfo;
  readonly #options: PortalPersonOptions;

  constructor(signIn: SignInInfo, options: PortalPersonOptions) {
    this.#signIn = signIn;
    this.#options = options;
  }

  /** Proves who they are, and keeps the token for the commands that follow. */
  async login(): Promise<Pick<KeptLogin, "token" | "person">> {
    const login = await this.#prove().catch((error: unknown) => {
      // A controller that restarted in between has forgotten its nonce; the next one is its own.
      if (error instanceof ControlFailure && error.code === "NonceUnknown") {
        return this.#prove();
      }
      throw error;
    });
    const { config, portal, world } = this.#options;
    keepLogin(config, this.#signIn, login, await portal.token(), world);
    return { token: new Secret(login.token), person: login.person };
  }

  /** The control API does not take its token any more: the next one. */
  async renew(): Promise<Secret> {
    return (await this.login()).token;
  }

  async #prove(): Promise<LoginResponse> {
    const { control, portal, world } = this.#options;
    const { installation, identityAccountID, identityPermissionSet } = this.#signIn;
    const options = { signal: world.signal, anonymous: true };
    const role = { accountID: identityAccountID, permissionSet: identityPermissionSet };
    // A nonce lives for a minute: whoever must sign in to the portal first may take longer.
    await portal.token();
    const [credentials, nonce] = await Promise.all([
      roleCredentials(portal, role, world, { patient: false }),
      control.post<LoginNonce>("/v1/login/nonce", {}, options),
    ]);
    const audience = { purpose: "login", installation, nonce: nonce.nonce } as const;
    const proof = await createProof(audience, credentials, nonce.sts, new Date(world.clock.now()));
    return control.post<LoginResponse>("/v1/login", { nonce: nonce.nonce, proof }, options);
  }
}
