import { readFileSync } from "node:fs";
import { parseStoreAddress, type StoreAddress } from "#audit/store/postgres/address.ts";
import { coerceError, UserError } from "#lib/errors.ts";
import { defined } from "#lib/defined.ts";
import { wrongOption } from "./option-values.ts";

/** Where the audit trail is kept, for how long, and what signs it. */
export interface AuditOptions {
  /** Postgres that all replicas share; absent: SQLite in this replica's own directory. */
  readonly store: StoreAddress | undefined;
  /** The key that signs chain heads; absent: one of this replica's own, in its directory. */
  readonly headKey: HeadKeyOptions | undefined;
  /** Public keys that signed heads before, PEM. */
  readonly formerKeys: string;
  /** How long records are kept, in milliseconds; absent: for ever. */
  readonly retentionMs: number | undefined;
}

/** A file with a private key, or a key of AWS KMS. */
export type HeadKeyOptions =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "kms"; readonly keyARN: string };

/** Ten years: longer than any rule that is known to ask for such records. */
const retentionDaysMax = 3_653;
const dayMs = 24 * 60 * 60 * 1_000;

/** AWS Key Management Service developer guide, "Key ARN"; aliases would let the key change unnoticed. */
const keyARNPattern = /^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/[A-Za-z0-9-]+$/;

/** Reads what was typed. Throws a `UserError` that names the flag, and never holds the store's password. */
export function readAudit(
  given: Readonly<Record<string, string>>,
  environment: Readonly<Record<string, string | undefined>>,
): AuditOptions {
  const file = given["audit-store-url-file"];
  const text = file === undefined ? environment["SALLYPORT_AUDIT_STORE_URL"] : read("audit-store-url-file", file);
  const address = text === undefined || text.trim() === "" ? undefined : parseStoreAddress(text.trim());
  const store = address === undefined ? undefined : { ...address, ...defined({ urlFile: file }) };
  const headKey = readHeadKey(given["head-key"]);
  const hasReplicas = given["cluster"] !== undefined && given["leader-elect"] !== "false";
  if (store !== undefined && headKey === undefined && hasReplicas) {
    throw new UserError("InvalidOption", "replicas that share an audit store must sign with one key", {
      why: "Each continues the head log of the others, and all of it is verified together.",
      next: "Give all replicas the same --head-key FILE or --head-key kms:KEY-ARN.",
    });
  }
  const former = given["head-former-keys"];
  const formerKeys = former === undefined ? "" : read("head-former-keys", former);
  return { store, headKey, formerKeys, retentionMs: readRetention(given["audit-retention"]) };
}

function readHeadKey(text: string | undefined): HeadKeyOptions | undefined {
  if (text === undefined) {
    return undefined;
  }
  if (!text.startsWith("kms:")) {
    return { kind: "file", path: text };
  }
  const keyARN = text.slice("kms:".length);
  if (!keyARNPattern.test(keyARN)) {
    throw wrongOption("head-key", text, "a file, or kms: and the ARN of a key (not of an alias)");
  }
  return { kind: "kms", keyARN };
}

function readRetention(text: string | undefined): number | undefined {
  if (text === undefined) {
    return undefined;
  }
  const days = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (days < 1 || days > retentionDaysMax) {
    throw wrongOption("audit-retention", text, `a whole number of days from 1 to ${retentionDaysMax}`);
  }
  return days * dayMs;
}

function read(flag: string, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new UserError("FileUnreadable", `--${flag}: ${file} cannot be read`, {
      why: coerceError(error).message,
      next: "Name a file that this user may read.",
      cause: error,
    });
  }
}
