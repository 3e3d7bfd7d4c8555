import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { systemClock } from "#lib/clock.ts";
import { openApiDocument } from "#controller/serve/openapi.ts";
import type { OidcIssuer } from "#controller/serve/auth/oidc/issuer.ts";
import type { Tokens } from "#controller/serve/auth/tokens.ts";
import { createSignInWays } from "#controller/serve/browser/door.ts";
import { controlRoutes } from "#controller/serve/routes.ts";
import type { Services } from "#controller/serve/services.ts";
import { slackLinkRoutes } from "#controller/serve/slack/link-routes.ts";
import { generateAdmission } from "./generate-admission.ts";
import { generateApiReference } from "./generate-api.ts";
import { generateArgocd } from "./generate-argocd.ts";
import { generateCliReference } from "./generate-cli.ts";
import { checkErrorCatalogue, generateErrors } from "./generate-errors.ts";
import { generateKinds } from "./generate-kinds.ts";
import { generateKindsDocument } from "./generate-kinds-doc.ts";
import { generateMetrics } from "./generate-metrics.ts";

const noGroups = { auditors: undefined, administrators: undefined };

/** `npm run generate [-- --check]`: everything that is made from something else. With `--check` nothing is written and drift fails. */
function main(check: boolean): number {
  const stale = [
    ...generateKinds({ check }),
    ...generateKindsDocument({ check }),
    ...generateOpenApi(check),
    ...generateCliReference(check),
    ...generateMetrics({ check }),
    ...generateAdmission({ check }),
    ...generateArgocd({ check }),
    ...generateErrors({ check }),
  ];
  for (const file of stale) {
    process.stdout.write(`${check ? "out of date" : "written"}: ${file}\n`);
  }
  if (check && stale.length > 0) {
    process.stdout.write("Run: npm run generate\n");
  }
  const differences = checkErrorCatalogue();
  process.stdout.write(differences.map((line) => `${line}\n`).join(""));
  return differences.length > 0 || (check && stale.length > 0) ? 1 : 0;
}

function generateOpenApi(check: boolean): string[] {
  const file = path.join("docs", "openapi.json");
  const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
  // Building the routes calls no handler, so they need nothing to act on.
  const routes = controlRoutes({
    services: {} as Services,
    nonces: {} as Parameters<typeof controlRoutes>[0]["nonces"],
    tokens: {} as Parameters<typeof controlRoutes>[0]["tokens"],
    groups: noGroups,
    version,
    isStuck: () => false,
    signIn: [
      ...slackLinkRoutes({} as Parameters<typeof slackLinkRoutes>[0]),
      ...createSignInWays({
        services: { clock: systemClock } as Services,
        tokens: {} as Tokens,
        groups: noGroups,
        publicURL: "",
        issuer: { options: {} } as OidcIssuer,
      }).routes,
    ],
  });
  const text = `${JSON.stringify(openApiDocument(routes, version), null, 2)}\n`;
  let current = "";
  try {
    current = readFileSync(file, "utf8");
  } catch {
    // Not there yet: stale.
  }
  const reference = generateApiReference(routes, check);
  if (current === text) {
    return reference;
  }
  if (!check) {
    writeFileSync(file, text);
  }
  return [file, ...reference];
}

process.exitCode = main(process.argv.includes("--check"));
