import type { SecretRecord } from "../state.ts";

/**
 * Value of a container's secret: `valueFrom` is the ARN of a secret, after which ECS allows `:json-key:version-stage:version-id`
 * (ECS Developer Guide, "Pass Secrets Manager secrets through Amazon ECS environment variables"). Throws when there is none.
 */
export function containerSecret(secrets: ReadonlyMap<string, SecretRecord>, valueFrom: string): string {
  const parts = valueFrom.split(":");
  const arn = parts.slice(0, 7).join(":");
  const [jsonKey = "", stage = "", versionID = ""] = parts.slice(7);
  const versions = [...(secrets.get(arn)?.versions.values() ?? [])];
  const version =
    versionID === ""
      ? versions.find((one) => one.stages.has(stage === "" ? "AWSCURRENT" : stage))
      : versions.find((one) => one.versionID === versionID);
  const text = version?.secretString;
  if (text === undefined) {
    throw unreadable(arn, "the secret or its version does not exist");
  }
  if (jsonKey === "") {
    return text;
  }
  const value = readKey(text, jsonKey);
  if (typeof value !== "string") {
    throw unreadable(arn, `the secret has no string under the key ${jsonKey}`);
  }
  return value;
}

function readKey(text: string, key: string): unknown {
  try {
    return (JSON.parse(text) as Record<string, unknown> | null)?.[key];
  } catch {
    return undefined;
  }
}

function unreadable(arn: string, why: string): Error {
  return new Error(`ResourceInitializationError: unable to pull secrets or registry auth: ${arn}: ${why}`);
}
