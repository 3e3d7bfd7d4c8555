import { type Random, randomFrom, uuid } from "../ids.ts";
import type { SeedSecret } from "../seed.ts";
import { AwsError } from "../service.ts";
import type { SecretRecord, State } from "../state.ts";

/** The value of a new version: text or bytes (base64). */
export interface SecretValue {
  readonly string: string | undefined;
  readonly binary: string | undefined;
}

/** Makes an empty secret. Its ARN ends in six random characters, as AWS's do. */
export function makeSecret(
  state: State,
  random: Random,
  at: number,
  wanted: Pick<SeedSecret, "accountID" | "name" | "description">,
): SecretRecord {
  const suffix = Buffer.from(random(12))
    .toString("base64")
    .replaceAll(/[^A-Za-z0-9]/g, "x")
    .slice(0, 6);
  const secret: SecretRecord = {
    arn: `arn:aws:secretsmanager:${state.region}:${wanted.accountID}:secret:${wanted.name}-${suffix}`,
    accountID: wanted.accountID,
    name: wanted.name,
    description: wanted.description,
    tags: new Map(),
    createdAt: at,
    changedAt: at,
    versions: new Map(),
  };
  state.secrets.set(secret.arn, secret);
  return secret;
}

/** Adds a version and moves `AWSCURRENT` to it; what was current becomes `AWSPREVIOUS`. */
export function putVersion(
  secret: SecretRecord,
  at: number,
  value: SecretValue,
  versionID: string,
  stages: readonly string[] = ["AWSCURRENT"],
): void {
  for (const stage of stages) {
    const holder = [...secret.versions.values()].find((version) => version.stages.has(stage));
    holder?.stages.delete(stage);
    if (stage === "AWSCURRENT" && holder !== undefined) {
      for (const version of secret.versions.values()) {
        version.stages.delete("AWSPREVIOUS");
      }
      holder.stages.add("AWSPREVIOUS");
    }
  }
  secret.versions.set(versionID, {
    versionID,
    secretString: value.string,
    secretBinary: value.binary,
    stages: new Set(stages),
    createdAt: at,
  });
  secret.changedAt = at;
}

/** Puts a secret of the seed in place; its identifiers depend on its name alone. */
export function plantSecret(state: State, at: number, seed: SeedSecret): void {
  const random = randomFrom(`secret ${seed.accountID} ${seed.name}`);
  putVersion(makeSecret(state, random, at, seed), at, { string: seed.secretString, binary: undefined }, uuid(random));
}

/** By ARN, by ARN without its six characters, or by name; in the caller's own account. */
export function findSecret(state: State, accountID: string, secretID: string): SecretRecord | undefined {
  return [...state.secrets.values()].find(
    (secret) =>
      secret.accountID === accountID &&
      (secret.arn === secretID || secret.name === secretID || secret.arn.slice(0, -7) === secretID),
  );
}

/** AWS's own words. */
export function secretNotFound(): AwsError {
  return new AwsError("ResourceNotFoundException", "Secrets Manager can't find the specified secret.");
}
