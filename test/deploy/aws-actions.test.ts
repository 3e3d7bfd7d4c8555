import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { repository } from "#test/harness/process.ts";
import { cloudFormationPolicies, exampleInput, leastInput, type PolicyDocument } from "./aws-policies.ts";

const policies = cloudFormationPolicies(exampleInput);

/** Services whose IAM prefix is not the name of their SDK client (AWS Service Authorization Reference). */
const prefixes: Readonly<Record<string, string>> = {
  "sso-admin": "sso",
  "secrets-manager": "secretsmanager",
  "cloudwatch-logs": "logs",
};

/** Calls that another call's action allows (S3 API reference, HeadObject). */
const allowedBy: Readonly<Record<string, string>> = { "s3:HeadObject": "s3:GetObject" };

/** Services that the controller calls in its own account; it calls the others in the accounts of its Proxies. */
const ownServices = new Set(["sso", "identitystore", "sts"]);

/**
 * What AWS asks for besides the action of the call itself, or of a program that is not ours. This is the one list that nothing derives;
 * each entry names the document that says so.
 */
const besides = {
  controller: [
    // An object's retention in PutObject (S3 user guide, "Required permissions for Amazon S3 API operations").
    "s3:PutObjectRetention",
    // Objects of a bucket under a customer's key (S3 user guide, "Using server-side encryption with AWS KMS keys").
    "kms:Decrypt",
    "kms:GenerateDataKey",
  ],
  account: {
    // Tags in CreateService and RegisterTaskDefinition (ECS developer guide, "Grant permission to tag resources on creation").
    "ecs:TagResource": ["ecs:CreateService", "ecs:RegisterTaskDefinition"],
    // The roles in a task definition (IAM user guide, "Grant a user permissions to pass a role to a service").
    "iam:PassRole": ["ecs:RegisterTaskDefinition"],
  },
  task: [
    // The SSM agent that ECS puts into the task (ECS developer guide, "ECS Exec", "Required permissions").
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
    // The ECS agent's task protection endpoint calls with the task's role (ECS developer guide, "Task scale-in protection endpoint").
    "ecs:GetTaskProtection",
    "ecs:UpdateTaskProtection",
    // Secrets under a customer's key (Secrets Manager user guide, "Secret encryption and decryption").
    "kms:Decrypt",
    // IAM logins are signatures, no call (RDS user guide, "IAM database authentication").
    "rds-db:connect",
  ],
} as const;

describe("the controller's role", () => {
  it("allows exactly what the controller calls in its own account", () => {
    const called = callsIn("controller").filter((action) => ownServices.has(prefixOf(action)));

    expect(called.length).toBeGreaterThan(15);
    expect(actionsOf(cloudFormationPolicies(leastInput).controller_policy)).toEqual(called);
  });

  it("allows exactly what sinks and the key that signs call besides, where they are named, and what AWS asks for with it", () => {
    const called = callsIn("audit").map((action) => allowedBy[action] ?? action);
    const without = new Set(actionsOf(cloudFormationPolicies(leastInput).controller_policy));

    expect(called.length).toBeGreaterThan(5);
    expect(actionsOf(policies.controller_policy).filter((action) => !without.has(action))).toEqual(
      [...new Set([...called, ...besides.controller])].toSorted(),
    );
  });
});

describe("the role in a Proxy's account", () => {
  it("allows exactly what the controller calls there, and what AWS asks for with it", () => {
    const called = callsIn("controller").filter((action) => !ownServices.has(prefixOf(action)));
    const needed = Object.entries(besides.account).filter(([, calls]) => calls.some((call) => called.includes(call)));

    expect(called.length).toBeGreaterThan(10);
    expect(actionsOf(policies.account_policy)).toEqual([...called, ...needed.map(([action]) => action)].toSorted());
  });
});

describe("the tasks' role", () => {
  it("allows exactly what the proxy calls, and what the agents beside it call for it", () => {
    const called = callsIn("proxy");

    expect(called).toEqual(["secretsmanager:GetSecretValue"]);
    expect(actionsOf(policies.task_policy)).toEqual([...called, ...besides.task].toSorted());
  });
});

it("sees every client of AWS that there is: none is made elsewhere", () => {
  const clients = globSync("{audit,controller,proxy}/**/*.ts", { cwd: repository })
    .filter((file) => !file.endsWith(".test.ts"))
    .toSorted()
    .filter((file) => /new \w+Command\(|fromTemporaryCredentials\(/.test(read(file)));

  expect(clients.length).toBeGreaterThan(5);
  expect(clients.filter((file) => !file.startsWith("controller/aws/"))).toEqual([
    "audit/signing-key-kms.ts",
    "audit/sinks/cloudwatch.ts",
    "audit/sinks/s3.ts",
    "proxy/assemble.ts",
  ]);
});

/** IAM actions of every command that a folder's modules send, sorted. */
function callsIn(folder: string): string[] {
  const calls = new Set<string>();
  for (const file of globSync(`${folder}/**/*.ts`, { cwd: repository }).filter((name) => !name.endsWith(".test.ts"))) {
    const text = read(file);
    for (const [, names = "", client = ""] of text.matchAll(
      /import \{([^}]+)\} from "@aws-sdk\/client-([a-z0-9-]+)"/g,
    )) {
      for (const [, operation = ""] of names.matchAll(/(?<!type )\b([A-Z]\w+)Command\b/g)) {
        if (text.includes(`new ${operation}Command(`)) {
          calls.add(`${prefixes[client] ?? client}:${operation}`);
        }
      }
    }
    if (text.includes("fromTemporaryCredentials(")) {
      calls.add("sts:AssumeRole");
    }
  }
  return [...calls].toSorted();
}

function actionsOf(document: PolicyDocument): string[] {
  return [...new Set(document.Statement.flatMap(({ Action }) => Action))].toSorted();
}

function prefixOf(action: string): string {
  return action.split(":")[0] ?? "";
}

function read(file: string): string {
  return readFileSync(path.join(repository, file), "utf8");
}
