import { defined } from "#lib/defined.ts";
import { coerceError, UserError } from "#lib/errors.ts";
import type { Secret } from "#lib/secret.ts";
import type { ConnectInfo, Entitlement, GrantView } from "#wire/control-api.ts";
import type { World } from "../command.ts";
import type { Session } from "../signin/session.ts";
import { announcePassword, announceReady } from "./announce.ts";
import type { ProxyArguments } from "./arguments.ts";
import { Expiry } from "./expiry.ts";
import { environmentOf, type LocalDatabase } from "#wire/connection-strings.ts";
import type { Front } from "./front.ts";
import { giveBack } from "./give-back.ts";
import type { LiveLine } from "./live-line.ts";
import { type AccessPlan, obtainAccess } from "./request.ts";
import { addressVariable } from "./labels.ts";
import { Serving } from "./serve.ts";

/** One database that is to be served: its local port is taken. */
export interface Target {
  readonly entitlement: Entitlement;
  readonly front: Front;
  /** `database:role`, with the namespace before it where another one is called the same. */
  readonly label: string;
  /** Demanded at the port; absent: any password is right. */
  readonly password?: Secret;
  /** Whose output says which database it is about. */
  readonly world: World;
}

/** How serving one database ended. `interrupted`: stopped before it could be used. */
export type Ended = { readonly kind: "stopped" | "interrupted" | "over" | "failed" };

export interface TargetOptions {
  readonly typed: ProxyArguments;
  readonly line: LiveLine;
  /** Whether it is the only database of this command. */
  readonly isOne: boolean;
}

/** One database from the request to the end. What goes wrong is told here, and does not reach the others. */
export class TargetRun {
  /** Resolves when the database can be used, if ever. */
  readonly ready: Promise<LocalDatabase>;
  /** Never rejects. */
  readonly ended: Promise<Ended>;
  readonly #session: Session;
  readonly #target: Target;
  readonly #plan: AccessPlan;
  readonly #options: TargetOptions;
  readonly #world: World;
  readonly #ready = Promise.withResolvers<LocalDatabase>();
  #grant: GrantView | undefined;
  #expiry: Expiry | undefined;

  constructor(session: Session, target: Target, plan: AccessPlan, options: TargetOptions, world: World) {
    this.#session = session;
    this.#target = target;
    this.#plan = plan;
    this.#options = options;
    this.#world = world;
    this.ready = this.#ready.promise;
    this.ended = this.#run();
  }

  get label(): string {
    return this.#target.label;
  }

  /** Whether it can be used now. */
  get isLive(): boolean {
    return this.#expiry !== undefined;
  }

  /** Whether the end of its grant has been announced. */
  get hasWarned(): boolean {
    return this.#expiry?.hasWarned ?? false;
  }

  /** Extends its grant, and says how that went. */
  async extend(): Promise<void> {
    await this.#expiry?.extend();
  }

  async #run(): Promise<Ended> {
    const ended = await this.#serve()
      .catch((error: unknown) => this.#failed(coerceError(error)))
      .finally(() => {
        this.#expiry?.stop();
        this.#expiry = undefined;
      });
    if (ended.kind !== "over" && this.#options.typed.revokeAfter && this.#grant !== undefined) {
      const isBack = await giveBack(this.#session.control, this.#grant, this.#world);
      return isBack ? ended : { kind: "failed" };
    }
    return ended;
  }

  async #serve(): Promise<Ended> {
    const { control } = this.#session;
    const { front } = this.#target;
    const grant = await obtainAccess(
      control,
      this.#plan,
      {
        forApproval: this.#options.typed.waitForApproval,
        line: this.#options.line,
        onGrant: (asked) => (this.#grant = asked),
      },
      this.#world,
    );
    this.#grant = grant;
    const serving = new Serving(this.#session, grant, front, this.#world, {
      onReady: (info) => this.#onReady(info),
      onInfo: ({ expiryTime }) => this.#expiry?.seen(expiryTime),
      onWarning: (warning) => this.#expiry?.proxyWarned(warning),
      onWoke: () => this.#expiry?.woke(),
    });
    const { typed } = this.#options;
    this.#expiry = new Expiry({
      control,
      grant,
      name: this.#plan.name,
      world: this.#world,
      autoExtend: typed.autoExtend,
      onExtended: (expiryMs) => serving.extended(expiryMs),
      ...this.#askHere(),
    });
    const served = await serving.run();
    if (served.kind === "over") {
      const { grantID } = grant;
      const message = `The connection to the proxy server has ended: ${served.message}`;
      this.#world.output.event("ENDED", message, { grantID, message: served.message });
      this.#world.output.note(
        `Your grant may have expired, you can check the status here: sallyport grants get ${grantID} and retry connecting`,
      );
    }
    return served;
  }

  /** With another program at the terminal, or none, nobody can type here. */
  #askHere(): { askHere?: string } {
    const { typed, isOne } = this.#options;
    const canType = this.#world.interactive && this.#world.output.format === "text" && typed.command === undefined;
    return canType ? { askHere: `type e${isOne ? "" : ` ${this.label}`} and press Enter` } : {};
  }

  #onReady(info: ConnectInfo): void {
    const { password, front } = this.#target;
    const { typed } = this.#options;
    const local = {
      engine: info.engine,
      database: info.database,
      role: info.role,
      databaseName: info.databaseName,
      username: info.username,
      port: front.port,
    };
    if (typed.command === undefined) {
      const shown = password === undefined ? "password" : typed.showPassword ? password.reveal() : undefined;
      announceReady(info, { ...local, ...defined({ password: shown }) }, typed.print, this.#world);
      if (password !== undefined) {
        announcePassword(local, password, this.#world);
      }
    }
    // A command of the person's own gets it where only they can read it: in its environment.
    this.#ready.resolve({ ...local, password: password?.reveal() ?? "password" });
  }

  #failed(error: Error): Ended {
    if (this.#world.signal.aborted && !(error instanceof UserError)) {
      if (this.#grant !== undefined && !this.#options.typed.revokeAfter) {
        this.#world.output.note(
          `Your request stays: run the same command again to use it, or sallyport grants revoke ${this.#grant.grantID || "GRANT-ID"} --reason TEXT to take it back`,
        );
      }
      return { kind: "interrupted" };
    }
    this.#world.output.error(inTermsOf(this.#target.label, error));
    return { kind: "failed" };
  }
}

/** A defect is one for whoever reads it, too. */
function inTermsOf(label: string, error: Error): UserError {
  return error instanceof UserError
    ? error
    : new UserError("Unexpected", `unexpected error with ${label}: ${error.message}`, {
        next: "This is a defect. Please report it with the command you ran.",
        cause: error,
      });
}

/**
 * What a command finds in its environment: the first PostgreSQL database in libpq's variables, the first of MySQL or MariaDB in
 * MySQL's, and each as `DATABASE_URL_<DATABASE>_<ROLE>`.
 */
export function targetEnvironment(
  targets: readonly Target[],
  locals: readonly LocalDatabase[],
): Readonly<Record<string, string>> {
  const environment: Record<string, string> = {};
  for (const [index, local] of locals.entries()) {
    const own = environmentOf(local);
    for (const [name, value] of Object.entries(own)) {
      environment[name] ??= value;
    }
    environment[addressVariable(targets[index]?.label ?? "")] = own["DATABASE_URL"] ?? "";
  }
  return environment;
}
