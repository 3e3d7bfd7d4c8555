import { defined } from "#lib/defined.ts";
import { UserError } from "#lib/errors.ts";
import { type Invocation, isSet, valueOf } from "../command.ts";
import { parseDuration } from "../output/duration.ts";
import type { Wanted } from "./choose.ts";
import { printKinds, type PrintKind } from "#wire/connection-strings.ts";
import type { RequestOptions } from "./request.ts";

/** Which local port: a number for this database from now on, or any that is free, this once. */
export type WantedPort = number | "free";

/** What was typed after `sallyport rds proxy`. */
export interface ProxyArguments {
  /** One at least; empty words mean a pick list. */
  readonly targets: readonly Wanted[];
  readonly request: RequestOptions;
  readonly port?: WantedPort;
  readonly waitForApproval: boolean;
  readonly print: readonly PrintKind[];
  readonly showPassword: boolean;
  /** The command to run once the databases can be used, with its arguments. */
  readonly command?: readonly string[];
  readonly revokeAfter: boolean;
  readonly autoExtend: boolean;
  readonly localPassword: boolean;
  /** Whether other users of this machine may use the port. */
  readonly allowOtherUsers: boolean;
}

/** Reads what was typed, before anything is asked of anybody. Throws a `UserError` for what makes no sense. */
export function readArguments(invocation: Invocation): ProxyArguments {
  const duration = valueOf(invocation, "duration");
  const targets = readTargets(invocation);
  const port = readPort(valueOf(invocation, "port"));
  if (typeof port === "number" && targets.length > 1) {
    throw new UserError("InvalidPort", "one port cannot serve several databases", {
      next: "Leave --port out: each database has a port of its own, which stays the same. Or --port free.",
    });
  }
  const command = readCommand(invocation);
  const print = readKinds(valueOf(invocation, "print"));
  if (command !== undefined && print.length > 0) {
    throw new UserError("InvalidPrint", "--print prints nothing beside --exec", {
      why: "standard output is the command's alone; it finds the connection in its environment",
      next: "Leave --print out, or run the command yourself in another terminal instead of --exec.",
    });
  }
  return {
    targets,
    request: {
      ...defined({
        durationSeconds: duration === undefined ? undefined : parseDuration(duration),
        reason: valueOf(invocation, "reason"),
      }),
      yes: isSet(invocation, "yes") || isSet(invocation, "confirm"),
    },
    ...defined({ port, command }),
    waitForApproval: !isSet(invocation, "no-wait"),
    print,
    showPassword: isSet(invocation, "show-password"),
    revokeAfter: isSet(invocation, "revoke-after"),
    autoExtend: isSet(invocation, "auto-extend"),
    localPassword: isSet(invocation, "local-password"),
    allowOtherUsers: isSet(invocation, "allow-other-users"),
  };
}

function readTargets(invocation: Invocation): readonly Wanted[] {
  const role = valueOf(invocation, "role");
  const namespace = valueOf(invocation, "namespace");
  const database = valueOf(invocation, "database");
  const typed = valueOf(invocation, "target")?.split(",") ?? [];
  if (typed.length > 0 && database !== undefined) {
    throw new UserError("InvalidTarget", "--database and --target say the same", {
      next: "Use --target alone, once for each database: --target orders:read_only --target billing:read_only",
    });
  }
  const targets = typed.map((text) => ({ ...defined({ role, namespace }), ...readTarget(text) }));
  return targets.length > 0 ? targets : [defined({ database, role, namespace })];
}

/** `[NAMESPACE/]DATABASE[:ROLE]` */
function readTarget(text: string): Wanted {
  const { namespace, database, role } =
    /^(?:(?<namespace>[^/:]+)\/)?(?<database>[^/:]+)(?::(?<role>[^/:]+))?$/.exec(text)?.groups ?? {};
  if (database === undefined) {
    throw new UserError("InvalidTarget", `"${text}" names no database`, {
      next: "Write DATABASE, DATABASE:ROLE or NAMESPACE/DATABASE:ROLE: --target orders:read_only",
    });
  }
  return defined({ namespace, database, role });
}

function readPort(text: string | undefined): WantedPort | undefined {
  if (text === undefined || text === "free") {
    return text;
  }
  const port = Number(text);
  if (!/^\d+$/.test(text) || port < 1 || port > 65_535) {
    throw new UserError("InvalidPort", `"${text}" is not a port`, {
      next: "Give a number from 1 to 65535, or free for any that is not in use.",
    });
  }
  return port;
}

function readCommand(invocation: Invocation): readonly string[] | undefined {
  const { positionals } = invocation;
  if (isSet(invocation, "exec")) {
    if (positionals.length === 0) {
      throw new UserError("NoCommand", "--exec needs a command", {
        next: "Put it last, after --: sallyport rds proxy --database orders --exec -- psql",
      });
    }
    return positionals;
  }
  if (positionals.length > 0) {
    throw new UserError("UnexpectedArgument", `"${positionals[0]}" is not understood here`, {
      why: "a database is named by --database or --target, and a command is run by --exec",
      next: "sallyport rds proxy --database orders, or sallyport rds proxy --database orders --exec -- psql",
    });
  }
  return undefined;
}

function readKinds(text: string | undefined): readonly PrintKind[] {
  return (text?.split(",") ?? []).map((word) => {
    const kind = printKinds.find((one) => one === word);
    if (kind === undefined) {
      throw new UserError("InvalidPrint", `"${word}" is nothing that can be printed`, {
        next: `Choose from: ${printKinds.join(", ")}`,
      });
    }
    return kind;
  });
}
