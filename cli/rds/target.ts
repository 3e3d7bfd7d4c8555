import { coerceError, UserError } from "#lib/errors.ts";
import type { ConnectInfo, Entitlement, GrantView } from "#wire/control-api.ts";
import type { World } from "../command.ts";
import type { Session } from "../signin/session.ts";
import { announceReady } from "./announce.ts";
import type { ProxyArguments } from "./arguments.ts";
import { environmentOf, type LocalDatabase } from "./connection-strings.ts";
import type { Front } from "./front.ts";
import { giveBack } from "./give-back.ts";
import type { LiveLine } from "./live-line.ts";
import { type AccessPlan, obtainAccess } from "./request.ts";
import { serveGrant } from "./serve.ts";

/** One database that is to be served: its local port is taken. */
export interface Target {
  readonly entitlement: Entitlement;
  readonly front: Front;
  /** `database:role` */
  readonly label: string;
  /** Whose output says which database it is about. */
  readonly world: World;
}

/** How serving one database ended. `interrupted`: stopped before it could be used. */
export type Ended = { readonly kind: "stopped" | "interrupted" | "over" | "failed" };

/** One database from the request to the end. What goes wrong is told here, and does not reach the others. */
export class TargetRun {
  /** Resolves when the database can be used, if ever. */
  readonly ready: Promise<LocalDatabase>;
  /** Never rejects. */
  readonly ended: Promise<Ended>;
  readonly #session: Session;
  readonly #target: Target;
  readonly #plan: AccessPlan;
  readonly #typed: ProxyArguments;
  readonly #line: LiveLine;
  readonly #world: World;
  readonly #ready = Promise.withResolvers<LocalDatabase>();
  #grant: GrantView | undefined;

  constructor(
    session: Session,
    target: Target,
    plan: AccessPlan,
    { typed, line }: { readonly typed: ProxyArguments; readonly line: LiveLine },
    world: World,
  ) {
    this.#session = session;
    this.#target = target;
    this.#plan = plan;
    this.#typed = typed;
    this.#line = line;
    this.#world = world;
    this.ready = this.#ready.promise;
    this.ended = this.#run();
  }

  async #run(): Promise<Ended> {
    const ended = await this.#serve().catch((error: unknown) => this.#failed(coerceError(error)));
    if (ended.kind !== "over" && this.#typed.revokeAfter && this.#grant !== undefined) {
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
        forApproval: this.#typed.waitForApproval,
        line: this.#line,
        onGrant: (asked) => (this.#grant = asked),
      },
      this.#world,
    );
    this.#grant = grant;
    const served = await serveGrant(this.#session, grant, front, this.#world, {
      onReady: (info) => this.#onReady(info),
      onWarning: ({ message, remainingMs }) => this.#world.output.event("WARNING", message, { remainingMs }),
    });
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

  #onReady(info: ConnectInfo): void {
    const local: LocalDatabase = {
      engine: info.engine,
      database: info.database,
      role: info.role,
      databaseName: info.databaseName,
      username: info.username,
      port: this.#target.front.port,
      password: "password",
    };
    if (this.#typed.command === undefined) {
      announceReady(info, local, this.#typed.print, this.#world);
    }
    this.#ready.resolve(local);
  }

  #failed(error: Error): Ended {
    if (this.#world.signal.aborted && !(error instanceof UserError)) {
      if (this.#grant !== undefined && !this.#typed.revokeAfter) {
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
    const name = (targets[index]?.label ?? "").toUpperCase().replaceAll(/[^A-Z0-9]/g, "_");
    environment[`DATABASE_URL_${name}`] = own["DATABASE_URL"] ?? "";
  }
  return environment;
}
