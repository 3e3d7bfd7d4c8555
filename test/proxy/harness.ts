import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { grantIDOf } from "#lib/grant-id.ts";
import { silentLog, type Log } from "#lib/log.ts";
import { startProxy, type RunningProxy } from "#proxy/main.ts";
import type { IssuedCredentials } from "#sandbox/credentials.ts";
import { startSandbox } from "#sandbox/main.ts";
import type { Role } from "#sandbox/roles.ts";
import type { Sandbox } from "#sandbox/sandbox.ts";
import { demoAccountID } from "#sandbox/seed.ts";
import { freePort, type TestPostgres } from "#test/harness/postgres.ts";
import { type OrdersDatabase, startOrdersDatabase } from "#test/harness/organisation.ts";
import type { LinkGrant } from "#wire/link.ts";
import { createProof, type Audience, type ProofCredentials } from "#wire/proof.ts";
import { ProxyStream } from "./client.ts";
import { startController, type StandInController } from "./controller.ts";

export const installation = "test-installation";
export const proxyName = "default/main";
export const accountID = demoAccountID;
/** Of another account, which the sandbox's STS knows too. */
export const foreignAccountID = "999988887777";

/** The proxy on real parts: sandbox STS and Secrets Manager, Postgres, and a controller that says what the test wants. */
export interface ProxyStand {
  readonly proxy: RunningProxy;
  readonly controller: StandInController;
  readonly sandbox: Sandbox;
  readonly postgres: TestPostgres;
  readonly passwords: OrdersDatabase["passwords"];
  readonly spool: string;
  /** Log lines, as text. */
  readonly log: string[];
  /** Makes a grant with its reserved role; the controller has still to tell the proxy of it. */
  makeGrant(change?: Partial<LinkGrant>): LinkGrant;
  /** Credentials of a person in a role. */
  credentialsOf(role: Role, userName?: string): ProofCredentials;
  /** The reserved role of a grant. */
  roleOf(grant: LinkGrant): Role;
  restartProxy(): Promise<void>;
  stop(): Promise<void>;
}

let grants = 0;

/** Parts of the stand that a test may bring itself. */
export interface ProxyStandOptions {
  /** The database of grants that name no other. */
  readonly orders?: OrdersDatabase;
  /** Authorities of further databases, PEM. */
  readonly authorities?: readonly string[];
}

export async function startProxyStand(options: ProxyStandOptions = {}): Promise<ProxyStand> {
  const { postgres, passwords, seed } = options.orders ?? (await startOrdersDatabase());
  const sandbox = await startSandbox({ seed });
  const controller = await startController(installation);
  const platform = await startPlatform(sandbox);
  const folder = mkdtempSync(path.join(tmpdir(), "sallyport-proxy-"));
  writeFileSync(path.join(folder, "ca.pem"), [postgres.ca, ...(options.authorities ?? [])].join("\n"));
  const log: string[] = [];
  const roles = new Map<string, Role>();
  const port = await freePort();
  const start = (): Promise<RunningProxy> =>
    startProxy(
      {
        SALLYPORT_PROXY: proxyName,
        SALLYPORT_INSTALLATION: installation,
        SALLYPORT_CONTROLLER_URL: `https://127.0.0.1:${controller.port}`,
        SALLYPORT_CONTROLLER_PIN: controller.pin,
        SALLYPORT_PORT: String(port),
        SALLYPORT_SPOOL_DIR: path.join(folder, "spool"),
        SALLYPORT_DATABASE_CA_FILE: path.join(folder, "ca.pem"),
        AWS_REGION: sandbox.region,
        AWS_ENDPOINT_URL: sandbox.url,
        AWS_CONTAINER_CREDENTIALS_FULL_URI: `${platform.url}/credentials`,
        ECS_CONTAINER_METADATA_URI_V4: platform.url,
      },
      { directory: folder, log: memoryLog(log), readSecret: secretReader(sandbox, platform.credentials) },
    );
  const stand = {
    controller,
    sandbox,
    postgres,
    passwords,
    spool: path.join(folder, "spool"),
    log,
    proxy: await start(),
    makeGrant(change: Partial<LinkGrant> = {}): LinkGrant {
      grants += 1;
      const grantID = grantIDOf(`00000000-0000-4000-8000-${String(grants).padStart(12, "0")}`);
      const role = makeRole(sandbox, grantID);
      roles.set(grantID, role);
      return grantOf(grantID, role, sandbox, postgres, change);
    },
    credentialsOf: (role: Role, userName = "ada") =>
      proofCredentials(sandbox.state.credentials.mintForRole(role, userName, Date.now() + 3_600_000)),
    roleOf: (grant: LinkGrant) => roles.get(grant.grantID) as Role,
    async restartProxy() {
      await stand.proxy.stop();
      stand.proxy = await start();
    },
    async stop() {
      await stand.proxy.stop();
      await Promise.all([controller.stop(), sandbox.stop(), postgres.stop(), platform.stop()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
  await controller.until(() => controller.statuses.length > 0);
  return stand;
}

/** Makes the role that Identity Center would, or a look-alike of it. */
export function makeRole(sandbox: Sandbox, grantID: string, change: { accountID?: string; path?: string } = {}): Role {
  return sandbox.state.roles.create({
    accountID: change.accountID ?? accountID,
    roleName: `AWSReservedSSO_${grantID}_0123456789abcdef`,
    path: change.path ?? "/aws-reserved/sso.amazonaws.com/",
    permissions: [],
  });
}

function grantOf(
  grantID: string,
  role: Role,
  sandbox: Sandbox,
  postgres: TestPostgres,
  change: Partial<LinkGrant>,
): LinkGrant {
  const secret = [...sandbox.state.secrets.values()].find((one) => one.name === "orders-prod/app_owner");
  return {
    grantID,
    epoch: 1,
    state: "live",
    remainingMs: 3_600_000,
    person: { userName: "ada", userID: "u-ada" },
    accountID,
    roleID: role.roleID,
    database: {
      key: "default/orders-prod",
      engine: "PostgreSQL",
      host: postgres.host,
      port: postgres.port,
      databaseName: "orders",
      tlsMode: "VerifyFull",
    },
    role: { name: "app_owner", username: "app_owner", secretARN: secret?.arn ?? "" },
    audit: { durability: "Written", onFull: "Deny", parameters: "Record" },
    ...change,
  };
}

/** Opens a control stream with a proof; `change` bends what is signed or sent. */
export async function prove(
  stand: ProxyStand,
  grantID: string,
  credentials: ProofCredentials,
  change: Partial<Extract<Audience, { purpose: "connect" }>> & { signedAt?: Date; sentAs?: string } = {},
): Promise<{ stream: ProxyStream; answer: Awaited<ReturnType<ProxyStream["next"]>> }> {
  const { stream, hello } = await ProxyStream.open(stand.proxy.port);
  const { signedAt, sentAs, ...bent } = change;
  const audience: Audience = {
    purpose: "connect",
    installation,
    proxy: proxyName,
    grantID,
    nonce: hello.nonce,
    ...bent,
  };
  const sts = { url: stand.sandbox.url, region: stand.sandbox.region };
  const proof = await createProof(audience, credentials, sts, signedAt ?? new Date());
  stream.send({ type: "prove", grantID: sentAs ?? grantID, proof, client: "test/1" });
  return { stream, answer: await stream.next("welcome", "refuse") };
}

function proofCredentials(issued: IssuedCredentials): ProofCredentials {
  return {
    accessKeyId: issued.accessKeyID,
    secretAccessKey: issued.secretAccessKey,
    ...(issued.sessionToken === undefined ? {} : { sessionToken: issued.sessionToken }),
  };
}

function secretReader(sandbox: Sandbox, credentials: IssuedCredentials) {
  const client = new SecretsManagerClient({
    region: sandbox.region,
    endpoint: sandbox.url,
    credentials: proofCredentials(credentials),
  });
  return async (secretARN: string) =>
    (await client.send(new GetSecretValueCommand({ SecretId: secretARN }))).SecretString;
}

/** What ECS offers a task: its metadata and its role's credentials. */
async function startPlatform(sandbox: Sandbox) {
  const role = sandbox.state.roles.get(accountID, "sallyport-proxy-task") as Role;
  const taskID = "0123456789abcdef0123456789abcdef";
  const expiresAt = Date.now() + 3_600_000;
  const credentials = sandbox.state.credentials.mintForRole(role, taskID, expiresAt);
  const server = createServer((request, response) => {
    const body =
      request.url === "/task"
        ? { TaskARN: `arn:aws:ecs:${sandbox.region}:${accountID}:task/main/${taskID}`, Cluster: "main" }
        : {
            RoleArn: role.arn,
            AccessKeyId: credentials.accessKeyID,
            SecretAccessKey: credentials.secretAccessKey,
            Token: credentials.sessionToken,
            Expiration: new Date(expiresAt).toISOString(),
          };
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(body));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    credentials,
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

function memoryLog(lines: string[]): Log {
  const keep = (message: string, fields: unknown = {}): void => {
    lines.push(
      `${message} ${JSON.stringify(fields, (_, value: unknown) => (value instanceof Error ? value.stack : value))}`,
    );
  };
  return { ...silentLog, debug: keep, info: keep, warn: keep, error: keep, with: () => memoryLog(lines) };
}
