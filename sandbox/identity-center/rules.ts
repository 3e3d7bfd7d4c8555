import type { TextRule } from "../input.ts";

/** Constraints of the sso-admin service model; each pattern must match the whole text. */

export const nameRule: TextRule = { min: 1, max: 32, pattern: /^[\w+=,.@-]+$/ };

export const descriptionRule: TextRule = {
  min: 1,
  max: 700,
  pattern: /^[\t\n\r\u0020-\u007E\u00A1-\u00FF]*$/,
};

export const instanceARNRule: TextRule = {
  min: 10,
  max: 1224,
  pattern: /^arn:aws(-[a-z]{1,5}){0,3}:sso:::instance\/(sso)?ins-[a-zA-Z0-9-.]{16}$/,
};

export const permissionSetARNRule: TextRule = {
  min: 10,
  max: 1224,
  pattern: /^arn:aws(-[a-z]{1,5}){0,3}:sso:::permissionSet\/(sso)?ins-[a-zA-Z0-9-.]{16}\/ps-[a-zA-Z0-9-./]{16}$/,
};

export const relayStateRule: TextRule = {
  min: 1,
  max: 240,
  pattern: /^[a-zA-Z0-9&$@#\\/%?=~\-_'"|!:,.;*+[\] (){}]+$/,
};

export const sessionDurationRule: TextRule = { min: 1, max: 100 };

/** 32,768 characters in the model; the quota page adds 10,240 bytes without white space. */
export const inlinePolicyRule: TextRule = { min: 1, max: 32_768 };

/** Bytes of an inline policy that are not white space (Identity Center quotas page). */
export const inlinePolicyBytesMax = 10_240;

export const targetIDRule: TextRule = { pattern: /^\d{12}$/ };

export const principalIDRule: TextRule = {
  min: 1,
  max: 47,
  pattern: /^([0-9a-f]{10}-|)[A-Fa-f0-9]{8}-[A-Fa-f0-9]{4}-[A-Fa-f0-9]{4}-[A-Fa-f0-9]{4}-[A-Fa-f0-9]{12}$/,
};

export const requestIDRule: TextRule = {
  min: 36,
  max: 36,
  pattern: /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/,
};

export const managedPolicyRule: TextRule = {
  min: 20,
  max: 2048,
  pattern: /^arn:aws(-[a-z]{1,5}){0,3}:iam::aws:policy((\/[A-Za-z0-9.,+@=_-]+)*)\/([A-Za-z0-9.,+=@_-]+)$/,
};

export const tagKeyRule: TextRule = { min: 1, max: 128, pattern: /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u };
export const tagValueRule: TextRule = { min: 0, max: 256, pattern: /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u };

/** Tags in one request (service model). */
export const tagsPerRequestMax = 75;

/** Tags on one resource (AWS tagging limits). */
export const tagsPerResourceMax = 50;

/** Session length in seconds of an ISO 8601 duration; undefined when it is not one between PT1H and PT12H. */
export function sessionSeconds(duration: string): number | undefined {
  const match = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/.exec(duration);
  if (match === null || match.slice(1).every((part) => part === undefined)) {
    return undefined;
  }
  const [days, hours, minutes, seconds] = match.slice(1).map((part) => Number(part ?? 0));
  const total = (days ?? 0) * 86_400 + (hours ?? 0) * 3600 + (minutes ?? 0) * 60 + (seconds ?? 0);
  return total >= 3600 && total <= 43_200 ? total : undefined;
}
