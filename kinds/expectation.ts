import type { Schema } from "./schema.ts";

/** What each pattern of `crds/` means, for messages; a test sees that none is missing. */
export const patternWords: { readonly [pattern: string]: string } = {
  "^[A-Za-z_][A-Za-z0-9_.$]*(=.*)?$": "the name of a setting, or name=value",
  "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$":
    "a name of lower-case letters, digits, `-` and `.` that begins and ends with a letter or digit",
  "^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$":
    "a name of letters, digits, `.`, `_` and `-` that begins and ends with a letter or digit",
  "^[\\p{L}\\p{M}\\p{S}\\p{N}\\p{P}]+$": "letters, digits and punctuation, without spaces",
  "^[\\p{L}\\p{M}\\p{S}\\p{N}\\p{P} ]+$": "letters, digits, punctuation and spaces",
  "^[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?$": "a host name or an IP address, without a port",
  "^[a-z]{2,4}(-[a-z]+)+-[0-9]$": "an AWS region such as eu-west-1",
  "^[0-9]{12}$": "an AWS account ID of 12 digits, in quotes",
  "^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+$":
    "the ARN of a secret, arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME",
  "^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9/_+=,.@-]+$": "the ARN of a role, arn:aws:iam::ACCOUNT:role/NAME",
  "^arn:aws[a-z-]*:sso:::instance/(sso)?ins-[A-Za-z0-9.-]{16}$":
    "the ARN of an IAM Identity Center instance, arn:aws:sso:::instance/ssoins-ID",
  "^(d-[0-9a-f]{10}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$":
    "the ID of an Identity Store such as d-1234567890",
  "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$": "a CamelCase word",
  "^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$":
    "a condition type such as Ready",
  "^g[a-z2-7]{26}$": "a grant ID",
  "^sha256:[0-9a-f]{64}$": "`sha256:` and 64 lower-case hexadecimal digits",
  "^[A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9]+)*$": "an RDS identifier: letters, digits and single hyphens, a letter first",
  "^[A-Za-z0-9_-]+$": "letters, digits, `_` and `-`",
  "^[A-Za-z0-9._/#-]+$": "the name of a log group such as /sallyport/proxy",
  "^[A-Za-z0-9_+=,.@:/-]+$": "an external ID of letters, digits and `_+=,.@:/-`",
  "^[A-Za-z0-9][A-Za-z0-9._/:@-]*$": "a container image such as registry.example/sallyport:1.0",
  "^subnet-[0-9a-f]{8,17}$": "a subnet ID such as subnet-0a1b2c3d4e5f60718",
  "^sg-[0-9a-f]{8,17}$": "a security group ID such as sg-0a1b2c3d4e5f60718",
  "^[A-Za-z_][A-Za-z0-9_]*$": "letters, digits and `_`, no digit first",
};

const timeWords = "an RFC 3339 time with zone, such as 2026-01-31T12:00:00Z";

/** What a value of `schema` looks like, to stand after "must be". */
export function expectation(schema: Schema): string {
  if (schema.enum !== undefined) {
    const values = schema.enum.map((value) => JSON.stringify(value)).join(", ");
    return schema.enum.length === 1 ? values : `one of ${values}`;
  }
  switch (schema.type) {
    case "integer":
      return schema.minimum !== undefined && schema.maximum !== undefined
        ? `an integer from ${schema.minimum} to ${schema.maximum}`
        : "an integer";
    case "boolean":
      return "true or false";
    case "array":
      return "a list";
    case "object":
      return "an object";
    default:
      return schema.format === "date-time" ? timeWords : "a string";
  }
}

/** What the text of a string of `schema` looks like, to stand after "must be". */
export function textExpectation(schema: Schema): string {
  if (schema.format === "date-time") {
    return timeWords;
  }
  return patternWords[schema.pattern ?? ""] ?? `text that matches ${schema.pattern ?? ""}`;
}
