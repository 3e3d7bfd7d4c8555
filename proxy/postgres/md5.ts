import { createHash } from "node:crypto";
import type { Secret } from "#lib/secret.ts";

const md5 = (...parts: readonly (string | Uint8Array)[]): string => {
  const hash = createHash("md5");
  for (const part of parts) {
    hash.update(part);
  }
  return hash.digest("hex");
};

/** Answer to AuthenticationMD5Password. Source: PostgreSQL documentation, "Message Flow", start-up. */
export function md5Response(username: string, password: Secret, salt: Uint8Array): string {
  return `md5${md5(md5(password.reveal(), username), salt)}`;
}
