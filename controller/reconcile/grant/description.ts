import type { Grant } from "#kinds/index.ts";

/** Longest description of a permission set, in characters (sso-admin service model). */
export const descriptionMax = 700;

/** What a person reads in the AWS console: who, what, why. Characters that sso-admin does not take become `?`. */
export function permissionSetDescription(grant: Grant): string {
  const { metadata, spec } = grant;
  const reason = spec.reason === undefined || spec.reason.trim() === "" ? "" : ` Reason: ${spec.reason.trim()}`;
  const text = `Sallyport: ${spec.principal.name} as ${spec.roleName} on ${spec.databaseRef.name} (Grant ${metadata.namespace}/${metadata.name}).${reason}`;
  // [\t\n\r\x20-\x7E\xA1-\xFF] is what the service model allows.
  return [...text]
    .map((character) => (/[\t\n\r\u0020-\u007E\u00A1-\u00FF]/.test(character) ? character : "?"))
    .join("")
    .slice(0, descriptionMax);
}
