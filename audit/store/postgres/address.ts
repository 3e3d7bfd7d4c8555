import { UserError } from "#lib/errors.ts";
import { Secret } from "#lib/secret.ts";

/** Where a store in Postgres is, and how its server is verified. */
export interface StoreAddress {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: Secret | undefined;
  /** File that the URL is in: its password is read anew for each connection, so that it can be rotated. Absent: it stays as it is. */
  readonly urlFile?: string;
  /** TLS with the server's name verified; undefined only on this machine. */
  readonly tls: { readonly caFile: string | undefined } | undefined;
}

/** The same as it travels to a thread of this process, which has no classes. */
export type PlainAddress = Omit<StoreAddress, "password"> & { readonly password: string | undefined };

const loopback = new Set(["127.0.0.1", "localhost", "::1", "[::1]"]);
const knownParameters = new Set(["sslmode", "sslrootcert"]);

/**
 * Reads `postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full&sslrootcert=FILE`. The server's certificate and name are always
 * verified (`verify-full`, which is the default, postgresql.org/docs/current/libpq-ssl.html), by the operating system's authorities or by
 * those in `sslrootcert`; `sslmode=disable` is for a server on this machine only. Throws `UserError`, which never holds the password.
 */
export function parseStoreAddress(text: string): StoreAddress {
  if (!URL.canParse(text)) {
    throw wrong("it is no URL");
  }
  const url = new URL(text);
  if (url.protocol !== "postgres:" && url.protocol !== "postgresql:") {
    throw wrong("it does not begin with postgres://");
  }
  const database = decodeURIComponent(url.pathname.slice(1));
  const user = decodeURIComponent(url.username);
  if (url.hostname === "" || database === "" || user === "") {
    throw wrong("host, database or user is missing");
  }
  const stray = [...url.searchParams.keys()].find((name) => !knownParameters.has(name));
  if (stray !== undefined) {
    throw wrong(`the parameter ${stray} is not known`);
  }
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port === "" ? 5432 : Number(url.port),
    database,
    user,
    password: url.password === "" ? undefined : new Secret(decodeURIComponent(url.password)),
    tls: tlsOf(url),
  };
}

function tlsOf(url: URL): StoreAddress["tls"] {
  const mode = url.searchParams.get("sslmode") ?? "verify-full";
  if (mode === "disable" && loopback.has(url.hostname)) {
    return undefined;
  }
  if (mode !== "verify-full") {
    throw wrong(
      mode === "disable"
        ? "sslmode=disable is for a server on this machine only"
        : `sslmode=${mode} does not verify who the server is`,
    );
  }
  return { caFile: url.searchParams.get("sslrootcert") ?? undefined };
}

function wrong(why: string): UserError {
  return new UserError("InvalidStoreURL", "the audit store's address cannot be used", {
    why,
    next: "Give postgres://USER:PASSWORD@HOST:5432/DATABASE?sslrootcert=FILE in the file or SALLYPORT_AUDIT_STORE_URL.",
  });
}
