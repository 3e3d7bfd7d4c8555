import { describe, expect, it } from "vitest";
import { databaseProblems } from "#wire/link.ts";
import { aDatabase, aProxy } from "../testing.ts";
import { adviceOn, type AdviceInput } from "./advice.ts";

const { endpoint: _, ...spec } = aDatabase().spec;
const database = { ...aDatabase(), spec: { ...spec, rds: { instanceIdentifier: "orders-prod" } } };
const rds = {
  host: "orders.rds.amazonaws.com",
  port: 5432,
  engine: "postgres",
  engineVersion: "18.4",
  securityGroupIDs: ["sg-0d0d0d0d0d0d0d0d0"],
  status: "available",
  resourceID: "db-ABCDEFGHIJKL",
};
const advice = (problem: AdviceInput["problem"], more: Partial<AdviceInput> = {}) =>
  adviceOn({ problem, role: "read_only", database, proxy: aProxy(), rds, ...more });
const secretARN = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:orders-prod/read_only-AbCdEf";

describe("advice on a database that cannot be used", () => {
  it("names the very rule that lets the proxy in", () => {
    expect(advice("connect-timeout")).toContain(
      "aws ec2 authorize-security-group-ingress --region eu-west-1 --group-id sg-0d0d0d0d0d0d0d0d0 --protocol tcp --port 5432 " +
        "--source-group sg-0123456789abcdef0 ",
    );
  });

  it("does not blame the network where RDS says that the database is stopped", () => {
    expect(advice("connect-timeout", { rds: { ...rds, status: "stopped" } })).toBe(
      "RDS says that it is stopped: aws rds start-db-instance --db-instance-identifier orders-prod",
    );
  });

  it("names no group of another server where the role has its own address", () => {
    const roles = [{ ...(aDatabase().spec.roles[0] as object), endpoint: { host: "reader", port: 5433 } }] as never;

    const text = advice("connect-timeout", { database: { ...database, spec: { ...database.spec, roles } } });

    expect(text).toContain("--group-id <security group of reader> --protocol tcp --port 5433");
  });

  it.each([
    ["secret-denied", `{"Effect":"Allow","Action":"secretsmanager:GetSecretValue","Resource":"${secretARN}"}`],
    ["secret-key-denied", `"kms:EncryptionContext:SecretARN":"${secretARN}"`],
    [
      "token-refused",
      '{"Effect":"Allow","Action":"rds-db:connect","Resource":"arn:aws:rds-db:eu-west-1:111122223333:dbuser:db-ABCDEFGHIJKL/read_only"}',
    ],
  ] as const)("gives the statement that the task role lacks: %s", (problem, statement) => {
    const text = advice(problem);

    expect(text).toContain("arn:aws:iam::111122223333:role/sallyport-proxy-task");
    expect(text).toContain(statement);
    expect(JSON.parse(text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1))).toMatchObject({ Effect: "Allow" });
  });

  it("says how to turn IAM authentication on where that is what lacks", () => {
    expect(advice("token-refused", { rds: { ...rds, iamAuthentication: false } })).toContain(
      "modify-db-instance --db-instance-identifier orders-prod --enable-iam-database-authentication",
    );
  });

  it.each(databaseProblems)(
    "has something to do for %s, in bounded length, also for a database that RDS does not know",
    (problem) => {
      const unknown = advice(problem, { database: aDatabase(), rds: undefined });

      expect(unknown.length).toBeGreaterThan(40);
      expect(Math.max(unknown.length, advice(problem).length)).toBeLessThan(1_200);
    },
  );
});
