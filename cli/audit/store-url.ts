import { readFileSync } from "node:fs";
import path from "node:path";
import { coerceError, UserError } from "#lib/errors.ts";
import { type Invocation, valueOf } from "../command.ts";

/**
 * The URL of an audit store in Postgres: in the file of `--audit-store-url-file`, or in `SALLYPORT_AUDIT_STORE_URL`; undefined where
 * neither is given. Throws a `UserError` for a file that cannot be read.
 */
export function storeURLGiven(invocation: Invocation): string | undefined {
  const { workingDirectory, environment } = invocation.world;
  const name = valueOf(invocation, "audit-store-url-file");
  if (name === undefined) {
    return environment["SALLYPORT_AUDIT_STORE_URL"]?.trim();
  }
  const file = path.resolve(workingDirectory, name);
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    throw new UserError("FileUnreadable", `--audit-store-url-file: ${file} cannot be read`, {
      why: coerceError(error).message,
      next: "Name a file that this user may read.",
      cause: error,
    });
  }
}
