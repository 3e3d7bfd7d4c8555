import { readFileSync, truncateSync } from "node:fs";
import path from "node:path";
import type { TestPostgres } from "#test/harness/postgres.ts";
import { eventually } from "#test/harness/process.ts";

/** Settings with which a Postgres 15 or newer logs every statement with its parameters, as lines of JSON beside its data. */
export const loggingSettings: Readonly<Record<string, string>> = {
  logging_collector: "on",
  log_destination: "jsonlog",
  log_directory: "log",
  log_filename: "server",
  log_rotation_size: "0",
  log_rotation_age: "0",
  log_statement: "all",
  log_parameter_max_length: "-1",
};

/** Empties the log: the collector appends to it, and clients before said megabytes. */
export function clearLog(postgres: TestPostgres): void {
  truncateSync(logFile(postgres));
}

const logFile = (postgres: TestPostgres): string =>
  path.join(path.dirname(postgres.logFile), "data", "log", "server.json");

/** A statement as the server itself logged it. */
export interface Logged {
  /** Process of the backend. */
  readonly connection: number;
  readonly database: string;
  readonly user: string;
  readonly application: string;
  /**
   * `statement` when it was about to run, `error` when it failed, maybe before that; `function` for a function call, whose OID is the
   * text; `ended` when something that has no text failed, or anything ended without an error, where `log_duration` is on.
   */
  readonly kind: "statement" | "error" | "function" | "ended";
  readonly text: string;
  /** Of what failed. */
  readonly sqlState?: string;
  /** Values in the server's own text form, where it logged any. */
  readonly parameters?: readonly (string | null)[];
}

interface Line {
  readonly pid: number;
  readonly user?: string;
  readonly dbname?: string;
  readonly application_name?: string;
  readonly error_severity: string;
  readonly message: string;
  readonly detail?: string;
  readonly statement?: string;
  readonly state_code?: string;
}

/** All that the server has logged so far: the collector writes behind, so a mark is logged first and waited for. */
export async function readLog(postgres: TestPostgres): Promise<Logged[]> {
  const mark = `select 'mark ${crypto.randomUUID()}'`;
  await postgres.query(mark);
  const text = await eventually("the server's log is written", () => {
    const written = readFileSync(logFile(postgres), "utf8");
    return written.includes(mark) ? written : undefined;
  });
  return text.split("\n").flatMap((line) => (line === "" || !line.endsWith("}") ? [] : read(JSON.parse(line) as Line)));
}

function read(line: Line): Logged[] {
  const from = {
    connection: line.pid,
    database: line.dbname ?? "",
    user: line.user ?? "",
    application: line.application_name ?? "",
  };
  if (line.error_severity === "ERROR") {
    const kind = line.statement === undefined ? "ended" : "error";
    return [{ ...from, kind, text: line.statement ?? "", sqlState: line.state_code ?? "" }];
  }
  const called = /^fastpath function call: .* \(OID (\d+)\)$/s.exec(line.message)?.[1];
  if (called !== undefined) {
    return [{ ...from, kind: "function", text: called }];
  }
  if (line.error_severity === "LOG" && /^duration: \S+ ms$/.test(line.message)) {
    return [{ ...from, kind: "ended", text: "" }];
  }
  const text = /^(?:statement|execute [^:]+): (.*)$/s.exec(line.message)?.[1];
  if (line.error_severity !== "LOG" || text === undefined) {
    return [];
  }
  return [{ ...from, kind: "statement", text, ...parametersOf(line.detail) }];
}

/** `Parameters: $1 = 'it''s', $2 = NULL`; Postgres 15 begins it with a small letter. Values of megabytes are beyond regular expressions. */
export function parametersOf(detail = ""): { parameters?: (string | null)[] } {
  if (!/^parameters: /i.test(detail)) {
    return {};
  }
  const parameters: (string | null)[] = [];
  for (let at = detail.indexOf(" = "); at >= 0; at = detail.indexOf(" = ", at)) {
    at += " = ".length;
    const from = at + 1;
    if (detail[at] !== "'") {
      parameters.push(null);
      continue;
    }
    at = detail.indexOf("'", from);
    while (detail[at + 1] === "'") {
      at = detail.indexOf("'", at + 2);
    }
    parameters.push(detail.slice(from, at).replaceAll("''", "'"));
  }
  return { parameters };
}
