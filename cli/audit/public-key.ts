import { readFileSync } from "node:fs";
import path from "node:path";
import { publicKeysIn } from "#audit/verify-heads.ts";
import { coerceError, UserError } from "#lib/errors.ts";
import { type Invocation, valueOf } from "../command.ts";

/**
 * The public keys of `--public-key`, PEM; undefined where it is not given. The file may hold the private key itself, as `--head-key` does.
 * Throws a `UserError` for a file that cannot be read, or holds no key.
 */
export function publicKeyGiven(invocation: Invocation): string | undefined {
  const name = valueOf(invocation, "public-key");
  if (name === undefined) {
    return undefined;
  }
  const file = path.resolve(invocation.world.workingDirectory, name);
  try {
    const pem = readFileSync(file, "utf8");
    publicKeysIn(pem);
    return pem;
  } catch (error) {
    throw new UserError("FileUnreadable", `--public-key: ${file} cannot be read`, {
      why: coerceError(error).message,
      next: "Name a PEM file with public keys, as `sallyport audit public-key` gave them.",
      cause: error,
    });
  }
}
