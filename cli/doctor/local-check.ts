import { accessSync, constants } from "node:fs";
import { createServer } from "node:net";
import path from "node:path";
import type { Entitlement } from "#wire/control-api.ts";
import type { World } from "../command.ts";
import { loadPorts, portOf } from "../config/local-ports.ts";
import { suggestedPort } from "#wire/connection-strings.ts";
import { type Finding, ok, problem, skipped, warning } from "./finding.ts";

/** A person uses few databases from one computer. */
const portsLookedAt = 20;

/** Whether the local port of each database that the person may use is free. */
export async function checkPorts(
  items: readonly Entitlement[] | undefined,
  url: string,
  world: World,
): Promise<readonly Finding[]> {
  if (items === undefined || items.length === 0) {
    return [skipped("port", "which databases you may use is not known")];
  }
  const kept = loadPorts(world);
  const ports = new Map<number, string>();
  for (const entry of items) {
    const { namespace, database, role } = entry;
    const port = portOf(kept, { url, namespace, database, role }, suggestedPort(entry));
    ports.set(port, ports.get(port) ?? `${database} ${role}`);
  }
  const looked = [...ports].slice(0, portsLookedAt);
  const taken: [number, string][] = [];
  for (const [port, name] of looked) {
    if (!(await isFree(port))) {
      taken.push([port, name]);
    }
  }
  return taken.length === 0
    ? [ok("port", `free: ${looked.map(([port]) => port).join(", ")} on 127.0.0.1`)]
    : taken.map(([port, name]) => {
        const [database = "", role = ""] = name.split(" ");
        return problem("port", `127.0.0.1:${port}, the port of ${database}:${role}, is in use`, {
          why: "another sallyport rds proxy runs, or a database of this computer's own",
          next: `End that, or choose another port: sallyport rds proxy --database ${database} --role ${role} --port free`,
        });
      });
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ host: "127.0.0.1", port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

const programs: Readonly<Record<Entitlement["engine"], readonly string[]>> = {
  PostgreSQL: ["psql"],
  MySQL: ["mysql", "mariadb"],
  MariaDB: ["mariadb", "mysql"],
};

/** Whether a database client is at hand for each engine that the person may use. */
export function checkClients(items: readonly Entitlement[] | undefined, world: World): readonly Finding[] {
  const engines = new Set(
    items === undefined || items.length === 0 ? ["PostgreSQL" as const] : items.map(({ engine }) => engine),
  );
  return [...engines].map((engine) => {
    const found = programs[engine].map((name) => find(name, world)).find((file) => file !== undefined);
    return found === undefined
      ? warning("client", `no ${programs[engine].join(" or ")} for ${engine} on PATH`, {
          why: "any other client works too, with the connection string that rds proxy prints",
          next: `Install ${programs[engine][0]}, if you want to work in the terminal.`,
        })
      : ok("client", `${found} for ${engine}`);
  });
}

function find(name: string, { environment }: World): string | undefined {
  return (environment["PATH"] ?? "")
    .split(path.delimiter)
    .filter((folder) => folder !== "")
    .map((folder) => path.join(folder, name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}
