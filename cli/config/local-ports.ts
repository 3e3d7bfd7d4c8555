import { readFileSync } from "node:fs";
import path from "node:path";
import { writePrivateFile } from "#lib/private-file.ts";
import type { World } from "../command.ts";
import { configFile } from "./config.ts";

/** A database and role of one installation. */
export interface LocalDatabaseKey {
  /** Address of the control API: names of two installations have nothing to do with each other. */
  readonly url: string;
  readonly namespace: string;
  readonly database: string;
  readonly role: string;
}

/** Local ports by `namespace/database/role`, by address. */
export type LocalPorts = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** Highest TCP port. */
const portMax = 65_535;

/**
 * The port that a database and role have on this computer: the one they had before, so that connections saved in other programs keep
 * working; else the suggested one, or the next that no other database or role has.
 */
export function portOf(ports: LocalPorts, key: LocalDatabaseKey, suggested: number): number {
  const own = ports[key.url] ?? {};
  const kept = own[nameOf(key)];
  if (kept !== undefined) {
    return kept;
  }
  const taken = new Set(Object.values(ports).flatMap((named) => Object.values(named)));
  for (let port = suggested; port <= portMax; port += 1) {
    if (!taken.has(port)) {
      return port;
    }
  }
  return suggested;
}

/** The other database and role that has `port`, for a message; undefined where none has. */
export function ownerOf(ports: LocalPorts, key: LocalDatabaseKey, port: number): string | undefined {
  const name = nameOf(key);
  for (const [url, named] of Object.entries(ports)) {
    const other = Object.entries(named).find(([one, kept]) => kept === port && (url !== key.url || one !== name));
    if (other !== undefined) {
      return other[0].split("/").slice(1).join(":");
    }
  }
  return undefined;
}

/** The remembered ports. A file that cannot be read or is not what was written counts as none: ports are a convenience. */
export function loadPorts(world: World): LocalPorts {
  try {
    const value = JSON.parse(readFileSync(portsFile(world), "utf8")) as unknown;
    return isPorts(value) ? value : {};
  } catch {
    return {};
  }
}

/** Remembers a port. Answers whether it could be. */
export function savePort(key: LocalDatabaseKey, port: number, world: World): boolean {
  // Read again: another command may have remembered one meanwhile.
  const ports = loadPorts(world);
  if (ports[key.url]?.[nameOf(key)] === port) {
    return true;
  }
  const file = portsFile(world);
  try {
    const changed = { ...ports, [key.url]: { ...ports[key.url], [nameOf(key)]: port } };
    writePrivateFile(file, `${JSON.stringify(changed, null, 2)}\n`);
    return true;
  } catch {
    return false;
  }
}

/** `ports.json` beside the configuration. */
export function portsFile(world: World): string {
  return path.join(path.dirname(configFile(world)), "ports.json");
}

function nameOf({ namespace, database, role }: LocalDatabaseKey): string {
  return `${namespace}/${database}/${role}`;
}

function isPorts(value: unknown): value is LocalPorts {
  const isRecord = (one: unknown): one is Record<string, unknown> =>
    typeof one === "object" && one !== null && !Array.isArray(one);
  const isPort = (one: unknown): boolean => Number.isInteger(one) && (one as number) > 0 && (one as number) <= portMax;
  return (
    isRecord(value) && Object.values(value).every((named) => isRecord(named) && Object.values(named).every(isPort))
  );
}
