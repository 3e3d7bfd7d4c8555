import { specDigest, type Grant, type GrantStatus } from "#kinds/index.ts";
import { isDateTime } from "#kinds/date-time.ts";
import type { EpochMs } from "#lib/clock.ts";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { formatTime } from "./window.ts";

/** Tags of a Grant's permission set. They say whose it is, and carry what a lost state needs to revoke and to go on. */
export const tagKeys = {
  installation: "sallyport.dev/installation",
  grantUID: "sallyport.dev/grant-uid",
  namespace: "sallyport.dev/namespace",
  name: "sallyport.dev/name",
  person: "sallyport.dev/person",
  database: "sallyport.dev/database",
  role: "sallyport.dev/role",
  account: "sallyport.dev/account",
  principalID: "sallyport.dev/principal-id",
  notAfter: "sallyport.dev/not-after",
  specDigest: "sallyport.dev/spec-digest",
  activation: "sallyport.dev/activation",
  expiry: "sallyport.dev/expiry",
  extensions: "sallyport.dev/extensions",
  roleID: "sallyport.dev/role-id",
  roleName: "sallyport.dev/role-name",
  ended: "sallyport.dev/ended",
  endReason: "sallyport.dev/end-reason",
  /** Followed by a number from 0: the record, in pieces. */
  record: "sallyport.dev/record-",
} as const;

/** Longest value of a tag, in characters (sso-admin service model). */
export const tagValueMax = 256;
/** The record is a few hundred bytes; AWS takes 50 tags per resource and the others are 18. */
export const recordPiecesMax = 20;

/** What the record holds: the parts of status that were fixed before access was given. */
export type GrantRecord = Pick<
  GrantStatus,
  "requestTime" | "approvalTime" | "approvalKind" | "availability" | "workflow" | "principal" | "target" | "external"
>;

/** All tags of a new permission set. `status` is complete up to `external`. Throws where the record does not fit. */
export function creationTags(grant: Grant, status: GrantStatus, installation: string): Record<string, string> {
  const { metadata, spec } = grant;
  return {
    [tagKeys.installation]: tagValue(installation),
    [tagKeys.grantUID]: metadata.uid ?? "",
    [tagKeys.namespace]: metadata.namespace,
    [tagKeys.name]: metadata.name,
    [tagKeys.person]: tagValue(spec.principal.name),
    [tagKeys.database]: spec.databaseRef.name,
    [tagKeys.role]: spec.roleName,
    [tagKeys.account]: status.external?.accountID ?? "",
    [tagKeys.principalID]: status.external?.principalID ?? "",
    [tagKeys.notAfter]: spec.notAfterTime,
    [tagKeys.specDigest]: specDigest(grant),
    ...windowTags(status),
    ...encodeRecord(status),
  };
}

/** The tags of the window, as far as it is known. */
export function windowTags(
  status: Pick<GrantStatus, "activationTime" | "expiryTime" | "extensionCount">,
): Record<string, string> {
  const { activationTime, expiryTime, extensionCount = 0 } = status;
  return activationTime === undefined || expiryTime === undefined
    ? {}
    : {
        [tagKeys.activation]: activationTime,
        [tagKeys.expiry]: expiryTime,
        [tagKeys.extensions]: String(extensionCount),
      };
}

/**
 * The window that an earlier activation put into the tags; it is that one that counts, never a new one. Empty where there was
 * none. Tags that are incomplete, no instants, or in the wrong order were altered by hand: the window is over at `now`, since
 * opening a new one would reward that, and an instant that compares with nothing would never end.
 */
export function windowFromTags(
  tags: Readonly<Record<string, string>>,
  now: EpochMs,
): Pick<GrantStatus, "activationTime" | "expiryTime" | "extensionCount"> {
  const { [tagKeys.activation]: activationTime, [tagKeys.expiry]: expiryTime, [tagKeys.extensions]: extensions } = tags;
  if (activationTime === undefined && expiryTime === undefined) {
    return {};
  }
  if (!isInstant(activationTime) || !isInstant(expiryTime) || Date.parse(activationTime) > Date.parse(expiryTime)) {
    return { activationTime: formatTime(now), expiryTime: formatTime(now), extensionCount: 0 };
  }
  const extensionCount = /^\d{1,3}$/.test(extensions ?? "") ? Number(extensions) : 0;
  return { activationTime, expiryTime, extensionCount };
}

/** CRDs, Grant.status.end.reason. */
const reasonPattern = /^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/;
const reasonMax = 128;

/** The end that was put into the tags; empty where there was none. One that was marked is one, whatever its time and reason say. */
export function endFromTags(
  tags: Readonly<Record<string, string>>,
  now: EpochMs,
): Pick<GrantStatus, "end" | "endTime"> {
  const { [tagKeys.ended]: ended, [tagKeys.endReason]: given = "" } = tags;
  if (ended === undefined) {
    return {};
  }
  const time = isInstant(ended) ? ended : formatTime(now);
  const reason = given.length <= reasonMax && reasonPattern.test(given) ? given : "Revoked";
  return { endTime: time, end: { time, reason, message: "The access had ended when the state was lost." } };
}

/** Whether a tag holds an instant (RFC 3339) that can be compared with others. */
export function isInstant(text: string | undefined): text is string {
  return text !== undefined && isDateTime(text);
}

/** The tags of the provisioned role, without which proxies cannot be told of the grant. */
export function roleTags(external: GrantStatus["external"]): Record<string, string> {
  const { roleID, roleName } = external ?? {};
  return roleID === undefined || roleName === undefined
    ? {}
    : { [tagKeys.roleID]: roleID, [tagKeys.roleName]: roleName };
}

/** Whether a permission set with these tags is that of the Grant with this uid in this installation. */
export function isOwnSet(tags: Readonly<Record<string, string>>, installation: string, uid: string): boolean {
  return tags[tagKeys.installation] === tagValue(installation) && tags[tagKeys.grantUID] === uid;
}

/** Replaces what a tag's value may not hold (letters, digits, spaces and `_.:/=+-@` are legal) and cuts it to size. */
export function tagValue(text: string): string {
  return [...text]
    .map((character) => (/[\p{L}\p{Z}\p{N}_.:/=+\-@]/u.test(character) ? character : "_"))
    .join("")
    .slice(0, tagValueMax);
}

/** The record as deflated JSON in base64, all of whose characters are legal in tags. */
export function encodeRecord(status: GrantStatus): Record<string, string> {
  const { requestTime, approvalTime, approvalKind, availability, workflow, principal, target, external } = status;
  const record = { requestTime, approvalTime, approvalKind, availability, workflow, principal, target, external };
  const text = deflateRawSync(JSON.stringify(record)).toString("base64");
  const pieces = text.match(new RegExp(`.{1,${tagValueMax}}`, "g")) ?? [];
  if (pieces.length > recordPiecesMax) {
    throw new Error(`the record of a grant needs ${pieces.length} tags; at most ${recordPiecesMax} are used`);
  }
  return Object.fromEntries(pieces.map((piece, index) => [`${tagKeys.record}${index}`, piece]));
}

/** The bytes that a record may inflate to; its fields are bounded by the kind's schema to less. */
const recordBytesMax = 16_384;

/** Reads the record back; undefined where it is missing or damaged. */
export function decodeRecord(tags: Readonly<Record<string, string>>): GrantRecord | undefined {
  let text = "";
  for (let index = 0; index < recordPiecesMax; index += 1) {
    text += tags[`${tagKeys.record}${index}`] ?? "";
  }
  try {
    const json = inflateRawSync(Buffer.from(text, "base64"), { maxOutputLength: recordBytesMax }).toString();
    const record: unknown = JSON.parse(json);
    return typeof record === "object" && record !== null ? (record as GrantRecord) : undefined;
  } catch {
    return undefined;
  }
}
