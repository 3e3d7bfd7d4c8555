import { describe, expect, it } from "vitest";
import type { SecretRecord, SecretVersion } from "../state.ts";
import { containerSecret } from "./secrets.ts";

const arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:db-AbCdEf";

function version(versionID: string, stage: string, secretString: string | undefined): [string, SecretVersion] {
  return [versionID, { versionID, secretString, secretBinary: undefined, stages: new Set([stage]), createdAt: 0 }];
}

const record: SecretRecord = {
  arn,
  accountID: "111122223333",
  name: "db",
  description: undefined,
  tags: new Map(),
  createdAt: 0,
  changedAt: 0,
  versions: new Map([
    version("v1", "AWSPREVIOUS", '{"password":"old"}'),
    version("v2", "AWSCURRENT", '{"password":"new","port":5432}'),
    version("v3", "AWSPENDING", "no JSON"),
  ]),
};
const secrets = new Map([[arn, record]]);

describe("containerSecret", () => {
  it.each([
    ["", '{"password":"new","port":5432}'],
    [":password::", "new"],
    [":password:AWSPREVIOUS:", "old"],
    [":password::v1", "old"],
    ["::AWSPENDING:", "no JSON"],
  ])("reads the ARN with %s behind it", (suffix, value) => {
    expect(containerSecret(secrets, arn + suffix)).toBe(value);
  });

  it.each([
    ["another secret", `${arn}x`, "does not exist"],
    ["another stage", `${arn}::AWSOTHER:`, "does not exist"],
    ["a key that is not there", `${arn}:user::`, "no string under the key user"],
    ["a key that holds a number", `${arn}:port::`, "no string under the key port"],
    ["a key in what is no JSON", `${arn}:password:AWSPENDING:`, "no string under the key password"],
  ])("refuses %s, naming the secret and not its value", (_what, valueFrom, why) => {
    expect(() => containerSecret(secrets, valueFrom)).toThrow(why);
    expect(() => containerSecret(secrets, valueFrom)).not.toThrow("new");
  });
});
