import { hash, sign, verify, type KeyObject } from "node:crypto";
import { canonicalJSON, type CanonicalValue } from "./canonical.ts";
import type { RecordHash } from "./record.ts";

/** What the controller vouches for at one moment: one line of `heads.jsonl`, without its signature. */
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
  /** RFC 3339, by the controller's clock. */
  readonly time: string;
}

/** Signed together with the body, so that a signature is good for nothing else. */
const context = "sallyport audit chain head v1\n";

/** Encodes and signs a head (Ed25519, RFC 8032). No line end. */
export function signHead(head: ChainHead, privateKey: KeyObject): string {
  const body = canonicalJSON(head as unknown as CanonicalValue);
  const signature = sign(null, Buffer.from(context + body), privateKey).toString("base64");
  return JSON.stringify({ ...(JSON.parse(body) as object), signature });
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
  const signed = Buffer.from(context + canonicalJSON(body as CanonicalValue));
  return verify(null, signed, publicKey, Buffer.from(signature, "base64"));
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
    Array.isArray(head.openSessions) &&
    head.openSessions.every(
      (open: unknown) => typeof open === "object" && open !== null && "session" in open && "sessionSeq" in open,
    )
  );
}
