import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parse } from "yaml";
import { repository } from "#test/harness/process.ts";
import { run } from "./render.ts";

/** An IAM policy document. */
export interface PolicyDocument {
  readonly Version: string;
  readonly Statement: readonly {
    readonly Sid?: string;
    readonly Effect: string;
    readonly Action: readonly string[];
    readonly Resource?: readonly string[];
    readonly Principal?: unknown;
    readonly Condition?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  }[];
}

/** The documents of one installation with one Proxy, by what they are for. */
export type Policies = Readonly<Record<(typeof documents)[number], PolicyDocument>>;

const documents = [
  "controller_policy",
  "controller_trust",
  "account_policy",
  "account_trust",
  "task_policy",
  "execution_policy",
  "tasks_trust",
] as const;

/** What the documents are made for. Lists may be empty: what they are for is left out then. */
export interface PolicyInput {
  readonly installation: string;
  readonly accountID: string;
  readonly region: string;
  readonly proxyKey: string;
  readonly principalARN: string;
  readonly kmsKeyARNs: readonly string[];
  readonly databaseUserARNs: readonly string[];
  readonly repositoryARNs: readonly string[];
  readonly headKeyARNs: readonly string[];
  readonly auditObjectARNs: readonly string[];
  readonly auditObjectKeyARNs: readonly string[];
  readonly auditLogGroupARNs: readonly string[];
}

/** An installation that uses everything that is optional. */
export const exampleInput: PolicyInput = {
  installation: "main",
  accountID: "111122223333",
  region: "eu-west-1",
  proxyKey: "access/main",
  principalARN: "arn:aws:iam::999900001111:role/sallyport-controller",
  kmsKeyARNs: ["arn:aws:kms:eu-west-1:111122223333:key/7f1c2d3e-0000-4000-8000-000000000001"],
  databaseUserARNs: ["arn:aws:rds-db:eu-west-1:111122223333:dbuser:db-ABCDEFGHIJKL/read_only"],
  repositoryARNs: ["arn:aws:ecr:eu-west-1:111122223333:repository/sallyport"],
  headKeyARNs: ["arn:aws:kms:eu-west-1:999900001111:key/7f1c2d3e-0000-4000-8000-000000000002"],
  auditObjectARNs: ["arn:aws:s3:::audit-logs/sallyport/*"],
  auditObjectKeyARNs: ["arn:aws:kms:eu-west-1:999900001111:key/7f1c2d3e-0000-4000-8000-000000000003"],
  auditLogGroupARNs: ["arn:aws:logs:eu-west-1:999900001111:log-group:/sallyport/audit:*"],
};

/** One that uses nothing of that. */
export const leastInput: PolicyInput = {
  ...exampleInput,
  kmsKeyARNs: [],
  databaseUserARNs: [],
  repositoryARNs: [],
  headKeyARNs: [],
  auditObjectARNs: [],
  auditObjectKeyARNs: [],
  auditLogGroupARNs: [],
};

export const terraformFolder = path.join(repository, "manifests", "terraform");
export const cloudFormationFolder = path.join(repository, "manifests", "cloudformation");

const partition = "aws";
const instanceARN = "arn:aws:sso:::instance/ssoins-6804a1b2c3d4e5f6";
const centreAccount = "999900001111";
const identityStore = "d-93671a2b3c";

/** Evaluates the module `policies` with Terraform itself; the module needs no provider, and so no network. */
export async function terraformPolicies(input: PolicyInput): Promise<Policies> {
  const folder = mkdtempSync(path.join(tmpdir(), "sallyport-terraform-"));
  try {
    cpSync(path.join(terraformFolder, "policies"), folder, { recursive: true });
    writeFileSync(path.join(folder, "terraform.tfvars.json"), JSON.stringify(terraformVariables(input)));
    await run("terraform", [`-chdir=${folder}`, "init", "-input=false"]);
    await run("terraform", [`-chdir=${folder}`, "apply", "-auto-approve", "-input=false"]);
    const text = await run("terraform", [`-chdir=${folder}`, "output", "-json"]);
    const outputs = JSON.parse(text) as Record<string, { value: string }>;
    return policiesOf((name) => JSON.parse(outputs[name]?.value ?? "null") as PolicyDocument);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function policiesOf(read: (name: (typeof documents)[number]) => PolicyDocument): Policies {
  return Object.fromEntries(documents.map((name) => [name, read(name)])) as unknown as Policies;
}

/** What manifests/terraform/identity-center and proxy-account pass on. */
function terraformVariables(input: PolicyInput): Record<string, unknown> {
  const role = (name: string): string => `arn:${partition}:iam::${input.accountID}:role/${name}`;
  return {
    installation: input.installation,
    partition,
    region: input.region,
    account_id: input.accountID,
    proxy_key: input.proxyKey,
    cluster_name: "sallyport",
    task_definition_family: "sallyport-proxy",
    task_role_arn: role("sallyport-proxy-task"),
    execution_role_arn: role("sallyport-proxy-execution"),
    log_group_name: "/sallyport/proxy",
    secret_kms_key_arns: input.kmsKeyARNs,
    iam_database_users: input.databaseUserARNs,
    image_repository_arns: input.repositoryARNs,
    identity_center_instance_arn: instanceARN,
    identity_store_arn: `arn:${partition}:identitystore::${centreAccount}:identitystore/${identityStore}`,
    proxy_account_ids: [input.accountID],
    account_role_arns: [role("sallyport-account")],
    trusted_principal_arns: input.principalARN === "" ? [] : [input.principalARN],
    external_id: `sallyport:${input.installation}`,
    head_key_arns: input.headKeyARNs,
    audit_object_arns: input.auditObjectARNs,
    audit_object_key_arns: input.auditObjectKeyARNs,
    audit_log_group_arns: input.auditLogGroupARNs,
  };
}

/** The same documents in the CloudFormation templates, their functions resolved. */
export function cloudFormationPolicies(input: PolicyInput): Policies {
  const centre = new Template("identity-center.yaml", {
    "AWS::AccountId": centreAccount,
    Installation: input.installation,
    InstanceArn: instanceARN,
    IdentityStoreId: identityStore,
    ProxyAccountArns: [`arn:${partition}:sso:::account/${input.accountID}`],
    AccountRoleArns: [`arn:${partition}:iam::${input.accountID}:role/sallyport-account`],
    TrustedPrincipalArn: input.principalARN,
    HeadKeyArns: input.headKeyARNs,
    AuditObjectArns: input.auditObjectARNs,
    AuditObjectKeyArns: input.auditObjectKeyARNs,
    AuditLogGroupArns: input.auditLogGroupARNs,
  });
  const account = new Template("proxy-account.yaml", {
    "AWS::AccountId": input.accountID,
    "AWS::Region": input.region,
    Installation: input.installation,
    ProxyKey: input.proxyKey,
    ControllerRoleArn: input.principalARN,
    SecretKmsKeyArns: input.kmsKeyARNs,
    IamDatabaseUsers: input.databaseUserARNs,
    ImageRepositoryArns: input.repositoryARNs,
  });
  return {
    controller_policy: centre.policyOf("ControllerRole"),
    controller_trust: centre.trustOf("ControllerRole"),
    account_policy: account.policyOf("AccountRole"),
    account_trust: account.trustOf("AccountRole"),
    task_policy: account.policyOf("TaskRole"),
    execution_policy: account.policyOf("ExecutionRole"),
    tasks_trust: account.trustOf("TaskRole"),
  };
}

type Json = string | number | boolean | null | Json[] | { [name: string]: Json };

interface TemplateFile {
  readonly Parameters: Readonly<Record<string, { readonly Default?: Json; readonly Type: string }>>;
  readonly Conditions: Readonly<Record<string, Json>>;
  readonly Resources: Readonly<Record<string, { readonly Properties: { readonly [name: string]: Json } }>>;
}

/** A template with values for its parameters. It resolves the functions that ours use and throws for others. */
class Template {
  readonly #file: TemplateFile;
  readonly #values: Readonly<Record<string, string | readonly string[]>>;

  constructor(name: string, values: Readonly<Record<string, string | readonly string[]>>) {
    this.#file = parse(readFileSync(path.join(cloudFormationFolder, name), "utf8")) as TemplateFile;
    this.#values = { "AWS::Partition": partition, ...values };
  }

  policyOf(role: string): PolicyDocument {
    const policies = this.#properties(role)["Policies"] as { PolicyDocument: Json }[];
    return this.#resolve(policies[0]?.PolicyDocument ?? null) as unknown as PolicyDocument;
  }

  trustOf(role: string): PolicyDocument {
    return this.#resolve(this.#properties(role)["AssumeRolePolicyDocument"] ?? null) as unknown as PolicyDocument;
  }

  #properties(resource: string): { readonly [name: string]: Json } {
    const found = this.#file.Resources[resource];
    if (found === undefined) {
      throw new Error(`the template has no ${resource}`);
    }
    return found.Properties;
  }

  #resolve(value: Json): Json | undefined {
    if (Array.isArray(value)) {
      return value.map((item) => this.#resolve(item)).filter((item) => item !== undefined);
    }
    if (value === null || typeof value !== "object") {
      return value;
    }
    const entries = Object.entries(value);
    const [first, second] = entries;
    if (first !== undefined && second === undefined && (first[0] === "Ref" || first[0].startsWith("Fn::"))) {
      return this.#call(...first);
    }
    return Object.fromEntries(entries.map(([key, item]) => [key, this.#resolve(item)])) as { [name: string]: Json };
  }

  #call(name: string, argument: Json): Json | undefined {
    const list = Array.isArray(argument) ? argument : [argument];
    switch (name) {
      case "Ref":
        return argument === "AWS::NoValue" ? undefined : this.#value(String(argument));
      case "Fn::Sub": {
        const own = (list[1] ?? {}) as { readonly [name: string]: Json };
        return String(list[0]).replaceAll(/\$\{([\w:]+)\}/g, (_text, variable: string) =>
          String(variable in own ? this.#resolve(own[variable] ?? null) : this.#value(variable)),
        );
      }
      case "Fn::Join":
        return (this.#resolve(list[1] ?? []) as string[]).join(String(list[0]));
      case "Fn::Split":
        return String(this.#resolve(list[1] ?? null)).split(String(list[0]));
      case "Fn::Select":
        return (this.#resolve(list[1] ?? []) as Json[])[Number(list[0])];
      case "Fn::If":
        return this.#resolve((this.#holds(this.#file.Conditions[String(list[0])]) ? list[1] : list[2]) ?? null);
      case "Fn::GetAtt":
        return this.#roleARN(String(list[0]));
      default:
        throw new Error(`the template uses ${name}, which this test does not resolve`);
    }
  }

  /** Ours all ask whether something is given. */
  #holds(condition: Json | undefined): boolean {
    const text = JSON.stringify(condition);
    const argument = /^\{"Fn::Not":\[\{"Fn::Equals":\[(.+),""\]\}\]\}$/.exec(text)?.[1];
    if (argument === undefined) {
      throw new Error(`the template has a condition that this test does not resolve: ${text}`);
    }
    return this.#resolve(JSON.parse(argument) as Json) !== "";
  }

  #value(parameter: string): Json {
    const value = this.#values[parameter] ?? this.#file.Parameters[parameter]?.Default;
    if (value === undefined) {
      throw new Error(`the template asks for ${parameter}, which has no value`);
    }
    return value as Json;
  }

  #roleARN(resource: string): string {
    const name = this.#resolve(this.#properties(resource)["RoleName"] ?? null);
    return `arn:${partition}:iam::${String(this.#value("AWS::AccountId"))}:role/${String(name)}`;
  }
}
