import { createHash, randomBytes, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { Hono } from "hono";
import { decodeRecord } from "#audit/codec.ts";
import { HeadFile } from "#audit/head-place.ts";
import { HeadLog } from "#audit/heads.ts";
import { loadSigningKey } from "#audit/signing-key.ts";
import { AuditStore } from "#audit/store/store.ts";
import type { AccountPort, TaskView } from "#controller/aws/ports.ts";
import { aGrant, aProxy, memorySource } from "#controller/reconcile/testing.ts";
import { auditSink } from "#controller/serve/audit-trail.ts";
import type { AuditSink } from "#controller/serve/link/link.ts";
import { Links } from "#controller/serve/link/links.ts";
import { startServer } from "#controller/serve/server.ts";
import { systemClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import { createAuthority } from "#sandbox/certificates.ts";
import type { LinkGrant } from "#wire/link.ts";
import { serveHelper } from "./child.ts";
import { installation, proxyName, region, roleIDs, taskARN } from "./grants.ts";
import { identityStub } from "./identity-stub.ts";

/*
 * The controller's end of the link: its real TLS server, link protocol, ingestion, audit store and signed heads. There is no
 * reconciler and no AWS behind it.
 */

export interface ControllerConfig {
  readonly grants: readonly LinkGrant[];
  /** Folder of the audit store. Without one, batches are decoded, acknowledged and forgotten: a controller on another machine. */
  readonly directory?: string;
}

export interface ControllerReady {
  readonly port: number;
  /** As in SALLYPORT_CONTROLLER_PIN. */
  readonly pin: string;
  /** Where the proxy's task role credentials are served. */
  readonly credentialsURL: string;
}

/** What it speaks of with its parent. */
export interface ControllerTalk {
  readonly config: ControllerConfig;
  readonly ready: ControllerReady;
  readonly question: never;
  readonly answer: never;
}

if (import.meta.main) {
  await serveHelper<ControllerTalk>(async (config) => {
    const links = linksFor(
      config.grants,
      config.directory === undefined ? forgetful() : await storing(config.directory),
    );
    const { certificate, privateKey } = await (await createAuthority("bench", Date.now())).issue(["127.0.0.1"]);
    const server = await startServer({
      host: "127.0.0.1",
      port: 0,
      certificate,
      privateKey,
      app: new Hono(),
      onLink: (socket) => links.accept(socket),
    });
    const key = new X509Certificate(certificate).publicKey.export({ type: "spki", format: "der" });
    const ready: ControllerReady = {
      port: server.port,
      pin: `sha256:${createHash("sha256").update(key).digest("hex")}`,
      credentialsURL: await serveCredentials(),
    };
    return { ready };
  });
}

function linksFor(grants: readonly LinkGrant[], audit: AuditSink): Links {
  const objects = grants.map(({ grantID }) =>
    aGrant({ metadata: { name: grantID }, status: { grantID, target: { proxy: "main" } } as never }),
  );
  const account: Partial<AccountPort> = {
    getRole: async (roleName) => ({ roleName, roleID: roleIDs.task }),
    listTasks: async () => [{ taskARN, lastStatus: "RUNNING" } as TaskView],
  };
  return new Links({
    source: memorySource([aProxy(), ...objects]),
    verifier: {
      sts: { url: "https://sts.bench", region },
      clock: systemClock,
      fetch: identityStub("task"),
    },
    installation,
    account: () => account as AccountPort,
    clock: systemClock,
    log: silentLog,
    random: randomBytes,
    policy: { admitWithoutControllerMs: 3_600_000, endWithoutControllerMs: 7_200_000, warnBeforeEndMs: 1_000 },
    audit,
    linkGrantOf: (grant) => grants.find(({ grantID }) => grantID === grant.status?.grantID),
    onProxyChanged: () => {},
    onCut: () => {},
  });
}

async function storing(directory: string): Promise<AuditSink> {
  const store = await AuditStore.open({ path: path.join(directory, "audit.sqlite"), clock: systemClock });
  const heads = await HeadLog.open({
    place: await HeadFile.open(path.join(directory, "heads")),
    signer: loadSigningKey(path.join(directory, "heads-key.pem")),
    installation,
    clock: systemClock,
    onFailed: (error) => {
      throw error;
    },
  });
  return auditSink({
    store,
    heads,
    log: silentLog,
    proxyOfGrant: () => proxyName,
  });
}

function forgetful(): AuditSink {
  let reached = 0;
  return {
    acknowledged: async () => reached,
    ingest: async (_proxy, _task, records) => {
      const last = records.at(-1);
      reached = last === undefined ? reached : decodeRecord(last).seq;
      return reached;
    },
  };
}

/** What the task credentials endpoint of ECS answers. */
async function serveCredentials(): Promise<string> {
  const server = createServer((_, response) => {
    response.setHeader("content-type", "application/json");
    const credentials = { AccessKeyId: "ASIABENCH00000000000", SecretAccessKey: "none", Token: "none" };
    response.end(JSON.stringify({ ...credentials, Expiration: new Date(Date.now() + 36e5 * 6).toISOString() }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/credentials`;
}
