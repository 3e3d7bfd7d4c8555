import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import pg from "pg";
import { coerceError, UserError } from "#lib/errors.ts";
import { parseStoreAddress, type PlainAddress } from "./address.ts";
import { schemaName } from "./schema.ts";

/** How long a connection may take to come about, in milliseconds: failover of a managed Postgres takes a minute, and callers try again. */
const connectTimeoutMs = 5_000;
/** A statement that takes longer has lost its server. Searches through years of records take seconds. */
const statementTimeoutMs = 60_000;
/**
 * A server that takes longer than that to say even that it gave up is gone without a sign, as a host is that a managed Postgres fails over
 * from: nothing closes its connections, and the kernel would wait a quarter of an hour for it (net.ipv4.tcp_retries2).
 */
const answerTimeoutMs = statementTimeoutMs + 5_000;
/** The server lets go of what a writer holds when its machine is gone in the middle of a batch. */
const idleInTransactionMs = 5_000;

/** Type `int8` (src/include/catalog/pg_type.dat of Postgres). */
const int8 = 20;

/** Positions and counts stay far below 2^53. */
const types = {
  getTypeParser(oid: number, format?: "text" | "binary"): unknown {
    return oid === int8 ? Number : pg.types.getTypeParser(oid, format);
  },
} as pg.CustomTypesConfig;

/**
 * For statements that find a few rows by their keys, whose plans are kept: one that was made while a week's table was empty would read all
 * of it later (postgresql.org/docs/current/runtime-config-query.html).
 */
const byIndex = ["enable_seqscan", "enable_hashjoin", "enable_mergejoin"].map((method) => `-c ${method}=off`);

/**
 * What is confirmed is on the device, whatever database or role were set to: proxies forget what was confirmed
 * (postgresql.org/docs/current/wal-async-commit.html). With synchronous standbys it is on theirs too.
 */
const durable = "-c synchronous_commit=on";

/** Configuration of connections to the store. Throws `UserError` when the authorities cannot be read. */
export function clientConfig(
  address: PlainAddress,
  application: string,
  access: "any" | "byIndex" = "any",
): pg.ClientConfig {
  const { host, port, database, user, tls } = address;
  const password = passwordOf(address);
  return {
    host,
    port,
    database,
    user,
    ...(password === undefined ? {} : { password }),
    ssl: tls === undefined ? false : { rejectUnauthorized: true, ...authorities(tls.caFile) },
    application_name: application,
    connectionTimeoutMillis: connectTimeoutMs,
    statement_timeout: statementTimeoutMs,
    query_timeout: answerTimeoutMs,
    idle_in_transaction_session_timeout: idleInTransactionMs,
    keepAlive: true,
    // `options` is read before the first statement, so no statement can miss it.
    options: [`-c search_path=${schemaName}`, durable, ...(access === "byIndex" ? byIndex : [])].join(" "),
    types,
  };
}

/** What to tell whoever asked for what took longer than `statementTimeoutMs`; undefined for every other error. */
export function askedTooMuch(error: unknown): UserError | undefined {
  // query_canceled (PostgreSQL documentation, appendix A).
  return (error as { readonly code?: unknown } | undefined)?.code === "57014"
    ? new UserError("SearchTooLong", "the audit store did not find an answer in time", {
        why: `one question may take it ${statementTimeoutMs / 1_000} s`,
        next: "Ask for a shorter range of time, or for one grant, session, database or person.",
        cause: error,
      })
    : undefined;
}

/** As it is now in the file, where there is one; a URL in it that is wrong, or a file that is gone, fails the connection. */
function passwordOf({ password, urlFile }: PlainAddress): string | (() => Promise<string>) | undefined {
  return urlFile === undefined
    ? password
    : async () => parseStoreAddress((await readFile(urlFile, "utf8")).trim()).password?.reveal() ?? "";
}

function authorities(caFile: string | undefined): { readonly ca?: string } {
  if (caFile === undefined) {
    return {};
  }
  try {
    return { ca: readFileSync(caFile, "utf8") };
  } catch (error) {
    throw new UserError("FileUnreadable", `sslrootcert of the audit store: ${caFile} cannot be read`, {
      why: coerceError(error).message,
      next: "Name a PEM file that this user may read.",
      cause: error,
    });
  }
}
