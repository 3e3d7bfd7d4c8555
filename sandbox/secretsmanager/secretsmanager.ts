import type { Context } from "../context.ts";
import { uuid } from "../ids.ts";
import { epochSeconds, type Input, optionalText, structures, text, texts, type TextRule } from "../input.ts";
import { page } from "../paging.ts";
import { AwsError, type Call, type Operation, type Service } from "../service.ts";
import type { SecretRecord, SecretVersion } from "../state.ts";
import { findSecret, makeSecret, putVersion, secretNotFound, type SecretValue } from "./secrets.ts";

const secretIDRule: TextRule = { min: 1, max: 2048 };
const tokenRule: TextRule = { min: 32, max: 64 };
const stageRule: TextRule = { min: 1, max: 256 };

/** Largest value, in bytes (service model: 65,536). */
export const secretBytesMax = 65_536;

/** Secrets Manager. The caller's policies decide on the secret's ARN; what does not exist is asked for under the ID given. */
export function secretsManagerService(context: Context): Service {
  return {
    signingName: "secretsmanager",
    protocol: "json",
    target: "secretsmanager",
    operations: { ...readOperations(context), ...writeOperations(context) },
    mutating: ["CreateSecret", "PutSecretValue", "DeleteSecret"],
  };
}

function readOperations(context: Context): Record<string, Operation> {
  return {
    GetSecretValue(input, call) {
      const secret = requiredSecret(context, "GetSecretValue", input, call);
      const version = wantedVersion(secret, input);
      return {
        ARN: secret.arn,
        Name: secret.name,
        VersionId: version.versionID,
        SecretString: version.secretString,
        SecretBinary: version.secretBinary,
        VersionStages: [...version.stages],
        CreatedDate: epochSeconds(version.createdAt),
      };
    },
    DescribeSecret: (input, call) => describe(requiredSecret(context, "DescribeSecret", input, call)),
    ListSecrets(input, call) {
      context.authorize(call, "secretsmanager:ListSecrets", "*");
      const own = [...context.state.secrets.values()].filter((one) => one.accountID === call.caller?.accountID);
      const { items, next } = page(own, input);
      return { SecretList: items.map((secret) => listed(secret)), NextToken: next };
    },
  };
}

function writeOperations(context: Context): Record<string, Operation> {
  const { state, clock, random } = context;
  return {
    CreateSecret(input, call) {
      const name = text(input, "Name", { min: 1, max: 512, pattern: /^[A-Za-z0-9/_+=.@-]+$/ });
      const accountID = call.caller?.accountID ?? "";
      const resource = `arn:aws:secretsmanager:${state.region}:${accountID}:secret:${name}`;
      context.authorize(call, "secretsmanager:CreateSecret", resource);
      const value = readValue(input);
      if (findSecret(state, accountID, name) !== undefined) {
        throw new AwsError(
          "ResourceExistsException",
          `The operation failed because the secret ${name} already exists.`,
        );
      }
      const description = optionalText(input, "Description", { max: 2048 });
      const wanted = { accountID, name, ...(description === undefined ? {} : { description }) };
      const secret = makeSecret(state, random, clock.now(), wanted);
      for (const tag of structures(input, "Tags")) {
        secret.tags.set(text(tag, "Key"), text(tag, "Value"));
      }
      const versionID = optionalText(input, "ClientRequestToken", tokenRule) ?? uuid(random);
      if (value !== undefined) {
        putVersion(secret, clock.now(), value, versionID);
      }
      return { ARN: secret.arn, Name: name, ...(value === undefined ? {} : { VersionId: versionID }) };
    },
    PutSecretValue(input, call) {
      const secret = requiredSecret(context, "PutSecretValue", input, call);
      const value = readValue(input);
      if (value === undefined) {
        throw new AwsError("InvalidParameterException", "You must provide either SecretString or SecretBinary.");
      }
      const versionID = optionalText(input, "ClientRequestToken", tokenRule) ?? uuid(random);
      const given = texts(input, "VersionStages", stageRule);
      const known = secret.versions.get(versionID);
      if (known === undefined) {
        putVersion(secret, clock.now(), value, versionID, given.length === 0 ? ["AWSCURRENT"] : given);
      } else if (known.secretString !== value.string || known.secretBinary !== value.binary) {
        throw new AwsError("ResourceExistsException", "A version with this token and another value exists already.");
      }
      const stages = [...(secret.versions.get(versionID)?.stages ?? [])];
      return { ARN: secret.arn, Name: secret.name, VersionId: versionID, VersionStages: stages };
    },
    DeleteSecret(input, call) {
      const secret = requiredSecret(context, "DeleteSecret", input, call);
      state.secrets.delete(secret.arn);
      return { ARN: secret.arn, Name: secret.name, DeletionDate: epochSeconds(clock.now()) };
    },
  };
}

function requiredSecret(context: Context, operation: string, input: Input, call: Call): SecretRecord {
  const secretID = text(input, "SecretId", secretIDRule);
  const accountID = call.caller?.accountID ?? "";
  const secret = findSecret(context.state, accountID, secretID);
  const unknown = secretID.startsWith("arn:")
    ? secretID
    : `arn:aws:secretsmanager:${context.state.region}:${accountID}:secret:${secretID}`;
  context.authorize(call, `secretsmanager:${operation}`, secret?.arn ?? unknown);
  if (secret === undefined) {
    throw secretNotFound();
  }
  return secret;
}

function wantedVersion(secret: SecretRecord, input: Input): SecretVersion {
  const versionID = optionalText(input, "VersionId", tokenRule);
  const stage = optionalText(input, "VersionStage", stageRule) ?? (versionID === undefined ? "AWSCURRENT" : undefined);
  const version = [...secret.versions.values()].find(
    (one) => (versionID === undefined || one.versionID === versionID) && (stage === undefined || one.stages.has(stage)),
  );
  if (version === undefined) {
    throw new AwsError(
      "ResourceNotFoundException",
      `Secrets Manager can't find the specified secret value for ${versionID === undefined ? `staging label: ${stage}` : `VersionId: ${versionID}`}`,
    );
  }
  return version;
}

function readValue(input: Input): SecretValue | undefined {
  const string = optionalText(input, "SecretString", { min: 1 });
  const binary = optionalText(input, "SecretBinary", { min: 1 });
  if (string !== undefined && binary !== undefined) {
    throw new AwsError("InvalidParameterException", "You can't specify both a binary and a string secret value.");
  }
  const bytes = string === undefined ? Buffer.from(binary ?? "", "base64").length : Buffer.byteLength(string);
  if (bytes > secretBytesMax) {
    throw new AwsError("InvalidParameterException", `The secret value is larger than ${secretBytesMax} bytes.`);
  }
  return string === undefined && binary === undefined ? undefined : { string, binary };
}

function describe(secret: SecretRecord): Record<string, unknown> {
  return {
    ARN: secret.arn,
    Name: secret.name,
    Description: secret.description,
    RotationEnabled: false,
    LastChangedDate: epochSeconds(secret.changedAt),
    Tags: [...secret.tags].map(([Key, Value]) => ({ Key, Value })),
    VersionIdsToStages: stagesByVersion(secret),
    CreatedDate: epochSeconds(secret.createdAt),
  };
}

function listed(secret: SecretRecord): Record<string, unknown> {
  const { VersionIdsToStages, RotationEnabled, ...rest } = describe(secret);
  return { ...rest, SecretVersionsToStages: VersionIdsToStages, RotationEnabled };
}

function stagesByVersion(secret: SecretRecord): Record<string, string[]> {
  return Object.fromEntries(
    [...secret.versions.values()]
      .filter((version) => version.stages.size > 0)
      .map((version) => [version.versionID, [...version.stages]]),
  );
}
