import { readFile } from "node:fs/promises";
import { SinkFailure } from "#audit/sinks/failure.ts";
import { coerceError } from "#lib/errors.ts";
import type { Secret } from "#lib/secret.ts";

/** Secrets in force at a time: the new one and the one before it, and one more for who rotates twice in a hurry. */
const secretsMax = 3;

/**
 * The secrets in a file, one a line, newest first; `#` begins a comment. Read anew at every use, so that they can be rotated without a
 * restart. Rejects with a `SinkFailure` that does not show what is in the file.
 */
export async function secretLines(
  file: string,
  parse: (line: string) => Secret | undefined,
): Promise<readonly Secret[]> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    throw new SinkFailure("refused", coerceError(error).message, { cause: error });
  }
  const lines = text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
  const secrets = lines.map(parse);
  const good = secrets.filter((secret) => secret !== undefined);
  if (good.length === 0 || good.length < lines.length || good.length > secretsMax) {
    throw new SinkFailure(
      "refused",
      `${file} must hold 1 to ${secretsMax} secrets, one a line, and ${lines.length - good.length} of its ${lines.length} lines are none`,
    );
  }
  return good;
}
