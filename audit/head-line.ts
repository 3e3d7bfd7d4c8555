import { hash, sign, verify, type KeyObject } from "node:crypto";
import { canonicalJSON, type CanonicalValue } from "./canonical.ts";
import type { RecordHash } from "./record.ts";

/** What the controller vouches for at one moment: one line of the head log, without its signature. */
export interface ChainHead {
  readonly v: 1;
  /** Number of the line, from 1. */
  readonly line: number;
  /** Hash of the line before, so that no line can be taken out or changed unnoticed; null in the first. */
  readonly prevLine: RecordHash | null;
  readonly installation: string;
  readonly proxy: string;
  readonly task: string;
  /** Last record of the task that was stored: all records up to it are vouched for. */
  readonly seq: number;
  readonly chainSeq: number;
  readonly chainHead: RecordHash | null;
  /** Open sessions that had records since the last line of this task, with their last record's number and hash. */
  readonly openSessions: readonly {
    readonly session: string;
    readonly sessionSeq: number;
    readonly head: RecordHash;
  }[];
  /** The task is gone and sends no more: why. Sessions that are still open were never closed. */
  readonly ended?: string;
  /** Records up to here were removed because of their age: where the chains of those that are left go on. */
  readonly removed?: RemovedRecords;
  /** Which key signed: `keyIDOf` its public part. Absent in lines of before 2026-12. */
  readonly key?: string;
  /** `digest`: signed is the SHA-256 of the line, in hex, since the key is where long messages cannot be sent. Absent: the line itself. */
  readonly form?: "digest";
  /** RFC 3339, by the controller's clock. */
  readonly time: string;
}

/** Where a task's chains stood at the last of the records that were removed. */
export interface RemovedRecords {
  /** Last record that was removed; all before it were too. */
  readonly seq: number;
  readonly chainSeq: number;
  readonly chainHead: RecordHash | null;
  /** Sessions that were open there, and those that signed heads after it still name though they were closed. */
  readonly sessions: readonly {
    readonly session: string;
    readonly sessionSeq: number;
    readonly head: RecordHash | null;
    readonly statements: number;
    /** Large texts that are whole: later statements may refer to them. */
    readonly texts?: readonly number[];
    readonly closed?: true;
  }[];
  /** Records that the store took before this instant were removed, RFC 3339. */
  readonly before: string;
  /** How many places in everything that was removed together were not as they should be; absent: none. */
  readonly wrong?: number;
}

/** Signs lines of the head log. */
export interface HeadSigner {
  /** See `keyIDOf`. */
  readonly keyID: string;
  /** SubjectPublicKeyInfo in PEM, for `audit verify` and for auditors to keep. */
  readonly publicKeyPEM: string;
  /** How often a task's head is signed at most, in milliseconds: a signature elsewhere costs money. */
  readonly intervalMs: number;
  /** See `ChainHead`. */
  readonly form?: "digest";
  /** Ed25519 (RFC 8032) over the bytes, or ECDSA with SHA-256 in DER (RFC 3279 2.2.3), as the key is. */
  sign(bytes: Buffer): Promise<Buffer>;
}

/** Signed together with the body, so that a signature is good for nothing else. */
const context = "sallyport audit chain head v1\n";

/** What a line names its key by: `sha256:` and the hex digest of its SubjectPublicKeyInfo in DER. */
export function keyIDOf(publicKey: KeyObject): string {
  return `sha256:${hash("sha256", publicKey.export({ type: "spki", format: "der" }), "hex")}`;
}

/** Encodes and signs a head with a local Ed25519 key. No line end. */
export function signHead(head: ChainHead, privateKey: KeyObject): string {
  const body = canonicalJSON(head as unknown as CanonicalValue);
  return signedLine(body, sign(null, Buffer.from(context + body), privateKey));
}

/** Encodes and signs a head. No line end. */
export async function signHeadWith(head: ChainHead, signer: HeadSigner): Promise<string> {
  const { keyID: key, form } = signer;
  const body = canonicalJSON({ ...head, key, form } as unknown as CanonicalValue);
  return signedLine(body, await signer.sign(messageOf(body, form)));
}

function messageOf(body: string, form: unknown): Buffer {
  return Buffer.from(context + (form === "digest" ? hash("sha256", body, "hex") : body));
}

function signedLine(body: string, signature: Buffer): string {
  return JSON.stringify({ ...(JSON.parse(body) as object), signature: signature.toString("base64") });
}

/** What the next line carries as `prevLine`. */
export function hashLine(line: string): RecordHash {
  return hash("sha256", line, "hex");
}

/** Reads a line; undefined when it is none. The signature is not looked at. */
export function parseHead(line: string): ChainHead | undefined {
  const value = parseObject(line);
  return value !== undefined && isHead(value) ? value : undefined;
}

/** Whether the line was signed with the key that belongs to `publicKey`, as it stands. */
export function isSigned(line: string, publicKey: KeyObject): boolean {
  const value = parseObject(line);
  const signature = value?.["signature"];
  if (value === undefined || typeof signature !== "string") {
    return false;
  }
  const { signature: _signature, ...body } = value;
  const text = canonicalText(body as CanonicalValue);
  // One line, one form: what reads the same but is written otherwise was not signed.
  if (text === undefined || signedLine(text, Buffer.from(signature, "base64")) !== line) {
    return false;
  }
  const digest = publicKey.asymmetricKeyType === "ed25519" ? null : "sha256";
  return verify(digest, messageOf(text, body["form"]), publicKey, Buffer.from(signature, "base64"));
}

/** Undefined for what has no canonical form: nobody signed that. */
function canonicalText(value: CanonicalValue): string | undefined {
  try {
    return canonicalJSON(value);
  } catch {
    return undefined;
  }
}

function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function isHead(value: object): value is ChainHead {
  const head = value as Partial<Record<keyof ChainHead, unknown>>;
  return (
    head.v === 1 &&
    [head.line, head.seq, head.chainSeq].every((number) => Number.isSafeInteger(number)) &&
    [head.installation, head.proxy, head.task, head.time].every((text) => typeof text === "string") &&
    [head.prevLine, head.chainHead].every((text) => text === null || typeof text === "string") &&
    isSessions(head.openSessions) &&
    (head.removed === undefined || isRemoved(head.removed))
  );
}

function isSessions(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.every(
      (open: unknown) => typeof open === "object" && open !== null && "session" in open && "sessionSeq" in open,
    )
  );
}

function isRemoved(value: unknown): boolean {
  const removed = value as Partial<Record<keyof RemovedRecords, unknown>> | null;
  return (
    typeof removed === "object" &&
    removed !== null &&
    [removed.seq, removed.chainSeq].every((number) => Number.isSafeInteger(number)) &&
    isSessions(removed.sessions)
  );
}
