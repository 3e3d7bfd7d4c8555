import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Route } from "#controller/serve/route.ts";

const file = path.join("docs", "api.md");

const introduction = `<!-- Generated from the control API's routes by \`npm run generate\`. Do not edit. -->

# Control API

What the command line and the console use; yours to use as well. JSON over TLS. The schemas of bodies and answers are in
[openapi.json](openapi.json), which a controller also serves at \`/v1/openapi.json\`; codes of errors are in [errors.md](errors.md#control-api-and-console).

A caller signs in by \`POST /v1/login/nonce\` and \`POST /v1/login\` (or \`/v1/login/oidc\`) and sends the token as \`Authorization: Bearer\`. *Stream* is an
answer of JSON lines that goes on until either side ends it; \`{}\` is a sign of life.

| Who | |
|---|---|
| public | anybody who reaches the port |
| person | whoever is signed in; what they see and may do is theirs, as the text says |
| auditor | members of the auditor group, and administrators, to whom it shows nobody's statements |
| administrator | members of the administrator group |

`;

/** Makes docs/api.md of the routes. Answers the files that are, or with `check` would be, written. */
export function generateApiReference(routes: readonly Route[], check: boolean): string[] {
  const text = apiReference(routes);
  if (current() === text) {
    return [];
  }
  if (!check) {
    writeFileSync(file, text);
  }
  return [file];
}

/** The whole page: one row a route, in their order. */
export function apiReference(
  routes: readonly Pick<Route, "method" | "path" | "rule" | "summary" | "streams" | "query">[],
): string {
  const rows = routes.map(({ method, path: at, rule, summary, streams, query }) => {
    const names = Object.keys(query ?? {});
    const asked = names.length === 0 ? "" : ` Query: ${names.map((name) => `\`${name}\``).join(", ")}.`;
    const kind = streams ? " *Stream.*" : "";
    return `| \`${method} ${at}\` | ${rule} | ${summary.replaceAll("|", "\\|")}${kind}${asked} |`;
  });
  return `${introduction}| Route | Who | |\n|---|---|---|\n${rows.join("\n")}\n`;
}

function current(): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    // Not there yet: stale.
    return "";
  }
}
