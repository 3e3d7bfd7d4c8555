import { demoSeed } from "#sandbox/seed.ts";
import type { TestPostgres } from "#test/harness/postgres.ts";
import { type ProxyStand, startProxyStand } from "#test/proxy/harness.ts";
import { databases, type MatrixServer } from "./matrix.ts";

/** The proxy in front of the servers, whose role has this password in Secrets Manager. */
export function startMatrixStand(
  servers: readonly Pick<MatrixServer, "host" | "port" | "ca">[],
  password: string,
): Promise<ProxyStand> {
  const [first] = servers;
  const endpoint = { host: first?.host ?? "127.0.0.1", port: first?.port ?? 1 };
  const seed = demoSeed({
    endpoint,
    databaseName: databases.through,
    readOnlyPassword: "unused",
    appOwnerPassword: password,
  });
  // Every grant of the matrix names its own database; the servers are stopped by who started them.
  const postgres = { ...endpoint, ca: "", stop: () => Promise.resolve() } as TestPostgres;
  const orders = { postgres, passwords: { readOnly: "unused", appOwner: password }, seed };
  return startProxyStand({ orders, authorities: servers.map(({ ca }) => ca) });
}
