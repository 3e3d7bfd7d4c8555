import { readFileSync } from "node:fs";

/**
 * Statements of one user in a Postgres log written with `log_statement=all` and the line prefix `%u|%a|`: simple queries and
 * executions, in order. Lines of a statement after its first begin with a tab.
 */
export function loggedStatements(file: string, user: string): string[] {
  const statements: string[] = [];
  let open = false;
  for (const line of readFileSync(file, "utf8").split("\n")) {
    const start = /^([^|]*)\|[^|]*\|LOG: {2}(?:statement|execute [^:]+): (.*)$/.exec(line);
    if (start?.[1] === user) {
      statements.push(start[2] ?? "");
      open = true;
    } else if (open && line.startsWith("\t")) {
      statements.push(`${statements.pop() ?? ""}\n${line.slice(1)}`);
    } else {
      open = false;
    }
  }
  return statements;
}
