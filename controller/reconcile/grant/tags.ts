import { specDigest, type Grant, type GrantStatus } from "#kinds/index.ts";
import { deflateRawSync, inflateRawSync } from "node:zlib";

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
  ended: "sallyport.dev/ended",
  endReason: "sallyport.dev/end-reason",
  /** Followed by a number from 0: the record, in pieces. */
  record: "sallyport.dev/record-",
} as const;

/** Longest value of a tag, in characters (sso-admin service model). */
export const tagValueMax = 256;
/** The record is a few hundred bytes; AWS takes 50 tags per resource and the others are 16. */
export const recordPiecesMax = 20;

/** What the record holds: the parts of status that were fixed before access was given. */
export type GrantRecord = Pick<
  GrantStatus,
  "requestTime" | "approvalTime" | "availability" | "workflow" | "principal" | "target" | "external"
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
  const { requestTime, approvalTime, availability, workflow, principal, target, external } = status;
  const record = { requestTime, approvalTime, availability, workflow, principal, target, external };
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
