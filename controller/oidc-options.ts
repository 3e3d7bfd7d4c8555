import { readFileSync } from "node:fs";
import { UserError } from "#lib/errors.ts";
import { Secret } from "#lib/secret.ts";
import { wrongOption } from "./option-values.ts";
import type { OidcOptions } from "./serve/auth/oidc/issuer.ts";

/** OpenID Connect Core 5.1; kept apart from `email`, which people may change themselves at some issuers. */
const claimDefault = "preferred_username";
const flags = ["oidc-client-id", "oidc-cli-client-id", "oidc-client-secret-file", "oidc-username-claim"] as const;

/** The options of OIDC, checked; undefined where no issuer is named. Throws a `UserError` that names the flag. */
export function readOidc(given: Readonly<Record<string, string>>): OidcOptions | undefined {
  const issuer = given["oidc-issuer"];
  if (issuer === undefined) {
    const alone = flags.find((flag) => given[flag] !== undefined);
    if (alone !== undefined) {
      throw new UserError("InvalidOption", `--${alone} says nothing without --oidc-issuer`, {
        next: "Give --oidc-issuer as well, or leave it out.",
      });
    }
    return undefined;
  }
  if (!isIssuer(issuer)) {
    throw wrongOption("oidc-issuer", issuer, "an https address without query, as the issuer names itself");
  }
  const clientID = given["oidc-client-id"] ?? "";
  if (clientID === "") {
    throw wrongOption("oidc-client-id", clientID, "the client ID that the issuer gave the console");
  }
  const file = given["oidc-client-secret-file"];
  return {
    issuer,
    clientID,
    cliClientID: given["oidc-cli-client-id"] ?? clientID,
    clientSecret: file === undefined ? undefined : readSecret(file),
    usernameClaim: given["oidc-username-claim"] ?? claimDefault,
  };
}

/** OpenID Connect Discovery 3: https, no query, no fragment. Plain http stays on this machine, for tests. */
function isIssuer(text: string): boolean {
  if (!URL.canParse(text)) {
    return false;
  }
  const { protocol, hostname, search, hash, username } = new URL(text);
  const isSafe = protocol === "https:" || (protocol === "http:" && ["127.0.0.1", "localhost"].includes(hostname));
  return isSafe && search === "" && hash === "" && username === "";
}

function readSecret(file: string): Secret {
  let text: string;
  try {
    text = readFileSync(file, "utf8").trim();
  } catch (error) {
    throw new UserError("FileUnreadable", `--oidc-client-secret-file: ${file} cannot be read`, {
      why: error instanceof Error ? error.message : "",
      next: "Name a file that this user may read.",
      cause: error,
    });
  }
  if (text === "") {
    throw wrongOption("oidc-client-secret-file", file, "a file that holds the secret");
  }
  return new Secret(text);
}
