import type { Database, Proxy } from "#kinds/index.ts";
import { assertNever } from "#lib/errors.ts";
import type { DatabaseProblem } from "#wire/link.ts";
import type { RdsEndpoint } from "../../aws/ports.ts";

/** What advice rests on. */
export interface AdviceInput {
  readonly problem: DatabaseProblem;
  /** Name of the database's role that could not be used. */
  readonly role: string;
  readonly database: Database;
  readonly proxy: Proxy;
  readonly rds: RdsEndpoint | undefined;
}

/** What a person must do about a database that a proxy cannot use: the very command or statement, one to three sentences. Pure. */
export function adviceOn(input: AdviceInput): string {
  const { problem, role, database, proxy } = input;
  const { host, port } = addressOf(input);
  const secretARN = roleOf(input)?.credentials.secretsManager?.secretARN ?? "";
  const username = roleOf(input)?.username ?? role;
  switch (problem) {
    case "connect-timeout":
      return whyNoAnswer(input);
    case "connect-refused":
      return `Nothing listens on ${host}:${port}: check the port, and that the database runs.`;
    case "name-not-found":
      return `The name ${host} is not known in the proxy's subnets: check it, and the DNS of the VPC (a private hosted zone must be associated with it).`;
    case "no-route":
      return `The proxy's subnets (${subnetsOf(proxy)}) have no route to ${host}: add one, by peering or a transit gateway for instance.`;
    case "secret-denied":
      return needsStatement(proxy, { Action: "secretsmanager:GetSecretValue", Resource: secretARN });
    case "secret-key-denied":
      return `The secret is encrypted with a key that the task role may not use. ${needsStatement(proxy, keyStatement(secretARN))} The key's own policy must allow it too.`;
    case "secret-missing":
      return `There is no secret ${secretARN}, or it is being deleted: create it, or correct credentials.secretsManager.secretARN of the role.`;
    case "secret-malformed":
      return `Its value must be JSON such as {"username":"${username}","password":"…"}, as RDS writes it: aws secretsmanager put-secret-value --secret-id ${secretARN} --secret-string file://secret.json`;
    case "secret-of-other-user":
      return `The "username" in ${secretARN} and the role's username ${username} differ: correct either.`;
    case "credentials-missing":
      return "The task has no credentials: check spec.service.taskRoleARN of the Proxy, and that the role trusts ecs-tasks.amazonaws.com.";
    case "login-refused":
      return `The database does not take the password of ${secretARN} for ${username}: set the same in both, and check that the user may log in from the proxy's addresses.`;
    case "token-refused":
      return whyNoToken(input);
    case "database-missing":
      return `The server has no database ${database.spec.databaseName}: create it, or correct spec.databaseName.`;
    case "tls-not-offered":
      return "Turn TLS on in the server; Sallyport never connects without it.";
    case "tls-certificate":
      return "Its certificate must come from an authority of RDS or of SALLYPORT_DATABASE_CA_FILE (spec.service.environment) and name the host; for a name that the certificate does not have, set spec.tls.mode: VerifyCA.";
    default:
      return assertNever(problem);
  }
}

function roleOf({ database, role }: AdviceInput): Database["spec"]["roles"][number] | undefined {
  return database.spec.roles.find(({ name }) => name === role);
}

function addressOf(input: AdviceInput): { readonly host: string; readonly port: number } {
  const { database, rds } = input;
  return roleOf(input)?.endpoint ?? database.spec.endpoint ?? rds ?? database.status?.endpoint ?? { host: "", port: 0 };
}

/** A security group of the database must let one of the proxy's in; each has all its rules from all its groups. */
function whyNoAnswer(input: AdviceInput): string {
  const { rds, proxy, database } = input;
  const { host, port } = addressOf(input);
  if (rds?.status !== undefined && rds.status.startsWith("stop")) {
    const { instanceIdentifier, clusterIdentifier } = database.spec.rds ?? {};
    const what =
      instanceIdentifier === undefined
        ? `start-db-cluster --db-cluster-identifier ${clusterIdentifier}`
        : `start-db-instance --db-instance-identifier ${instanceIdentifier}`;
    return `RDS says that it is ${rds.status}: aws rds ${what}`;
  }
  const [from] = proxy.spec.service?.securityGroupIDs ?? [];
  // A role's own address may be another server's, whose groups are not known.
  const [to] = host === rds?.host ? (rds.securityGroupIDs ?? []) : [];
  const source = from ?? "<security group of the proxy's tasks>";
  const group = to ?? `<security group of ${host}>`;
  const region = proxy.spec.ecs.region;
  return (
    "Nothing answers, so most likely no security group lets the proxy in: " +
    `aws ec2 authorize-security-group-ingress --region ${region} --group-id ${group} --protocol tcp --port ${port} --source-group ${source} ` +
    `(the database has ${listOf(rds?.securityGroupIDs)}, the proxy ${listOf(proxy.spec.service?.securityGroupIDs)}). ` +
    "If that rule is there, look at routes and network ACLs between their subnets."
  );
}

function whyNoToken(input: AdviceInput): string {
  const { rds, proxy, database } = input;
  const { accountID, region } = proxy.spec.ecs;
  const username = roleOf(input)?.username ?? input.role;
  const { instanceIdentifier, clusterIdentifier } = database.spec.rds ?? {};
  if (rds?.iamAuthentication === false) {
    const what =
      instanceIdentifier === undefined
        ? `modify-db-cluster --db-cluster-identifier ${clusterIdentifier}`
        : `modify-db-instance --db-instance-identifier ${instanceIdentifier}`;
    return `IAM authentication is off: aws rds ${what} --enable-iam-database-authentication --apply-immediately`;
  }
  const resource = `arn:${partitionOf(proxy)}:rds-db:${region}:${accountID}:dbuser:${rds?.resourceID ?? "<DbiResourceId>"}/${username}`;
  const inDatabase =
    database.spec.engine === "PostgreSQL"
      ? `grant rds_iam to "${username}"`
      : `create user '${username}' identified with AWSAuthenticationPlugin as 'RDS'`;
  return `${needsStatement(proxy, { Action: "rds-db:connect", Resource: resource })} In the database: ${inDatabase};`;
}

function needsStatement(
  proxy: Proxy,
  what: { readonly Action: string; readonly Resource: string; readonly Condition?: object },
): string {
  const role = proxy.spec.service?.taskRoleARN ?? "the task role";
  return `Add to the policy of ${role}: ${JSON.stringify({ Effect: "Allow", ...what })}.`;
}

/** Which key it is, only Secrets Manager knows; the condition leaves this very secret to be decrypted and nothing else. */
function keyStatement(secretARN: string): { Action: string; Resource: string; Condition: object } {
  const [, partition = "aws", , region = "", account = ""] = secretARN.split(":");
  return {
    Action: "kms:Decrypt",
    Resource: `arn:${partition}:kms:${region}:${account}:key/*`,
    Condition: {
      StringEquals: {
        "kms:ViaService": `secretsmanager.${region}.amazonaws.com`,
        "kms:EncryptionContext:SecretARN": secretARN,
      },
    },
  };
}

function partitionOf(proxy: Proxy): string {
  return proxy.spec.service?.taskRoleARN.split(":")[1] ?? "aws";
}

function subnetsOf(proxy: Proxy): string {
  return listOf(proxy.spec.service?.subnetIDs);
}

function listOf(ids: readonly string[] | undefined): string {
  return ids === undefined || ids.length === 0 ? "none that is known" : ids.join(", ");
}
