import { defined } from "#lib/defined.ts";
import { suggestedPort } from "#wire/connection-strings.ts";
import type { Entitlement } from "#wire/control-api.ts";
import type { World } from "../command.ts";
import { localPassword } from "../config/local-password.ts";
import { loadPorts, ownerOf, portOf, savePort } from "../config/local-ports.ts";
import type { ProxyArguments } from "./arguments.ts";
import { openFront } from "./front.ts";
import type { Target } from "./target.ts";
import { targetOutput } from "./target-output.ts";

export interface OpenTargetOptions {
  readonly entitlement: Entitlement;
  /** What messages call it, and what is typed to mean it. */
  readonly label: string;
  /** Address of the control API. */
  readonly url: string;
  /** Whether it is the only database of this command. */
  readonly isOne: boolean;
  readonly typed: ProxyArguments;
  readonly world: World;
}

/** Takes the local port of one database. A port that was typed, or found for the first time, is the database's own from now on. */
export async function openTarget(options: OpenTargetOptions): Promise<Target> {
  const { entitlement, label, url, isOne, typed } = options;
  const { namespace, database, role } = entitlement;
  const output = targetOutput(options.world.output, {
    ...(isOne ? {} : { label }),
    fields: { database, role },
    isQuiet: typed.command !== undefined,
  });
  const world = { ...options.world, output };
  const key = { url, namespace, database, role };
  const ports = loadPorts(world);
  const suggested = suggestedPort(entitlement);
  const port = typeof typed.port === "number" ? typed.port : portOf(ports, key, suggested);
  const password = typed.localPassword ? localPassword(world) : undefined;
  const { engine } = entitlement;
  const { allowOtherUsers } = typed;
  const front = await openFront(
    { port: typed.port === "free" ? 0 : port, engine, allowOtherUsers, ...defined({ password }) },
    world,
  );
  if (typed.port !== "free") {
    const owner = port === suggested || typed.port !== undefined ? undefined : ownerOf(ports, key, suggested);
    if (!savePort(key, port, world)) {
      world.output.note(
        `The port ${port} could not be remembered for ${label}: the configuration folder cannot be written`,
      );
    } else if (owner !== undefined && ports[url]?.[`${namespace}/${database}/${role}`] === undefined) {
      world.output.note(
        `Port ${suggested} is kept for ${owner}; ${label} has port ${port} from now on (change it with --port)`,
      );
    }
  }
  return { entitlement, front, world, label, ...defined({ password }) };
}
