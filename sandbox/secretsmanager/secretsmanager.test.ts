import {
  CreateSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  ListSecretsCommand,
  PutSecretValueCommand,
} from "@aws-sdk/client-secrets-manager";
import { expect, test } from "vitest";
import { demoAccountID } from "../seed.ts";
import { clientsOf } from "../testing/clients.ts";
import { startHarness } from "../testing/harness.ts";
import { secretBytesMax } from "./secretsmanager.ts";

test("a task role reads the secrets that its policy names, by name and by ARN, and no others", async () => {
  await using harness = await startHarness();
  const { sandbox, clients } = harness;
  const role = sandbox.state.roles.get(demoAccountID, "sallyport-proxy-task");
  if (role === undefined) {
    throw new Error("the demo has no task role");
  }
  await clients.secrets.send(new CreateSecretCommand({ Name: "payroll/app", SecretString: "s" }));
  const issued = sandbox.state.credentials.mintForRole(role, "0123456789abcdef0123456789abcdef", Infinity);
  const task = clientsOf(sandbox, issued);
  const get = (SecretId: string) => task.secrets.send(new GetSecretValueCommand({ SecretId }));

  const byName = await get("orders-prod/read_only");
  const byARN = await get(byName.ARN ?? "");

  expect(JSON.parse(byARN.SecretString ?? "")).toMatchObject({ username: "read_only" });
  expect(byName.ARN).toMatch(/:secret:orders-prod\/read_only-[A-Za-z0-9]{6}$/);
  await expect(get("payroll/app")).rejects.toMatchObject({
    name: "AccessDeniedException",
    message: expect.stringContaining("secretsmanager:GetSecretValue"),
  });
  // A secret that is not there is denied in the same way, so that names cannot be guessed.
  await expect(get("payroll/none")).rejects.toMatchObject({ name: "AccessDeniedException" });
  await expect(get("orders-prod/none")).rejects.toMatchObject({ name: "ResourceNotFoundException" });
  task.destroy();
});

test("a person whose permission set allows nothing reads no secret", async () => {
  await using harness = await startHarness();
  const person = clientsOf(harness.sandbox, harness.sandbox.credentialsFor("ada", "sallyport"));

  const attempt = person.secrets.send(new GetSecretValueCommand({ SecretId: "orders-prod/read_only" }));

  await expect(attempt).rejects.toMatchObject({ name: "AccessDeniedException" });
  person.destroy();
});

test("a new value is current, the old one is previous, and the same token twice is one version", async () => {
  await using harness = await startHarness();
  const { secrets } = harness.clients;
  const SecretId = "orders-prod/read_only";
  const put = (SecretString: string) =>
    secrets.send(new PutSecretValueCommand({ SecretId, SecretString, ClientRequestToken: "t".repeat(32) }));

  await put("new");
  await put("new");
  const current = await secrets.send(new GetSecretValueCommand({ SecretId }));
  const previous = await secrets.send(new GetSecretValueCommand({ SecretId, VersionStage: "AWSPREVIOUS" }));
  const described = await secrets.send(new DescribeSecretCommand({ SecretId }));

  expect(current).toMatchObject({ SecretString: "new", VersionId: "t".repeat(32), VersionStages: ["AWSCURRENT"] });
  expect(JSON.parse(previous.SecretString ?? "")).toMatchObject({ username: "read_only" });
  expect(Object.values(described.VersionIdsToStages ?? {})).toEqual([["AWSPREVIOUS"], ["AWSCURRENT"]]);
  await expect(put("other")).rejects.toMatchObject({ name: "ResourceExistsException" });
});

test("a value may have 65,536 bytes and no more; bytes come back as bytes; a name is taken once", async () => {
  await using harness = await startHarness();
  const { secrets } = harness.clients;
  const SecretBinary = new Uint8Array([0, 1, 255]);

  await secrets.send(new CreateSecretCommand({ Name: "full", SecretString: "x".repeat(secretBytesMax) }));
  await secrets.send(new CreateSecretCommand({ Name: "bytes", SecretBinary }));
  const bytes = await secrets.send(new GetSecretValueCommand({ SecretId: "bytes" }));
  const listed = await secrets.send(new ListSecretsCommand({}));

  expect(bytes.SecretBinary).toEqual(SecretBinary);
  expect(listed.SecretList).toHaveLength(4);
  const over = new CreateSecretCommand({ Name: "over", SecretString: "x".repeat(secretBytesMax + 1) });
  await expect(secrets.send(over)).rejects.toMatchObject({ name: "InvalidParameterException" });
  await expect(secrets.send(new CreateSecretCommand({ Name: "full" }))).rejects.toMatchObject({
    name: "ResourceExistsException",
  });
});
