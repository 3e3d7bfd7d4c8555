import type { Database, GrantStatusTarget, Proxy } from "#kinds/index.ts";

/** What a Grant would reach, or why that cannot be said yet. */
export type TargetResolution =
  | { readonly kind: "resolved"; readonly target: GrantStatusTarget }
  /** The Database's address is not known yet. */
  | { readonly kind: "unresolved"; readonly message: string }
  | { readonly kind: "noRole"; readonly message: string };

/** Resolves one role of a Database to what is pinned at approval: address, database, user, secret and proxy. */
export function resolveTarget(database: Database, proxy: Proxy, roleName: string): TargetResolution {
  const role = database.spec.roles.find((other) => other.name === roleName);
  const databaseName = database.metadata.name;
  if (role === undefined) {
    const names = database.spec.roles.map((other) => other.name).join(", ");
    return {
      kind: "noRole",
      message: `The Database ${databaseName} has no role ${roleName}. Its roles are: ${names}.`,
    };
  }
  const endpoint = role.endpoint ?? database.spec.endpoint ?? foundEndpoint(database);
  if (endpoint === undefined) {
    return { kind: "unresolved", message: `The address of the Database ${databaseName} is not known yet.` };
  }
  const secretARN = role.credentials.secretsManager?.secretARN;
  return {
    kind: "resolved",
    target: {
      engine: database.spec.engine,
      host: endpoint.host,
      port: endpoint.port,
      databaseName: database.spec.databaseName,
      username: role.username,
      roleName,
      proxy: proxy.metadata.name,
      tlsMode: database.spec.tls?.mode ?? "VerifyFull",
      ...(secretARN === undefined ? {} : { secretARN }),
      ...(role.localPort === undefined ? {} : { localPort: role.localPort }),
    },
  };
}

/** What RDS said of the spec as it is now. An address that an earlier spec resolved to may be another database's. */
function foundEndpoint({ metadata, status }: Database): { readonly host: string; readonly port: number } | undefined {
  return status?.observedGeneration === metadata.generation ? status?.endpoint : undefined;
}

/** What approval pins: changing any of these ends the grant (DESIGN section 2). The other fields are comfort. */
const pinned = ["engine", "host", "port", "databaseName", "username", "secretARN", "proxy", "tlsMode"] as const;

/**
 * Says what of the approved target is different now, as a sentence; undefined when nothing is. An address that cannot be
 * resolved at the moment is not a change.
 */
export function targetChange(
  approved: GrantStatusTarget,
  database: Database | undefined,
  proxy: Proxy | undefined,
): string | undefined {
  if (database === undefined) {
    return "The Database was deleted.";
  }
  if (database.spec.proxyRef.name !== approved.proxy) {
    return `The Database is reached through the Proxy ${database.spec.proxyRef.name} now, not ${approved.proxy}.`;
  }
  if (proxy === undefined) {
    return `The Proxy ${approved.proxy} was deleted.`;
  }
  const current = resolveTarget(database, proxy, approved.roleName);
  switch (current.kind) {
    case "noRole":
      return current.message;
    case "unresolved":
      return undefined;
    case "resolved": {
      const field = pinned.find((name) => current.target[name] !== approved[name]);
      return field === undefined
        ? undefined
        : `${field} is ${String(current.target[field] ?? "absent")} now; ${String(approved[field] ?? "absent")} was approved.`;
    }
    default:
      return undefined;
  }
}
