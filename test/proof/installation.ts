import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { readHeadLines } from "#audit/head-place.ts";
import { decodeRecord } from "#audit/codec.ts";
import type { AuditRecord } from "#audit/record.ts";
import { loadSigningKey } from "#audit/signing-key.ts";
import { AuditStore } from "#audit/store/store.ts";
import { type Report, verify } from "#audit/verify.ts";
import { systemClock } from "#lib/clock.ts";
import { freePort } from "#test/harness/postgres.ts";
import { eventuallyWorks } from "#test/harness/process.ts";
import { listenLocally } from "#test/proxy/client.ts";
import type { LinkGrant } from "#wire/link.ts";
import { startHelper } from "../../bench/child.ts";
import type { ControllerTalk } from "../../bench/controller-process.ts";
import { installation, proxyName, region } from "../../bench/grants.ts";
import { openTunnel, type Tunnel } from "../../bench/tickets.ts";
import type { ProxyConfig } from "./proxy-process.ts";

/** A proxy process that runs, with a local port under one grant, as a person's tunnel has it. */
export interface ServingProxy {
  readonly port: number;
  /** Ends it as the kernel does when memory is short. */
  kill(): Promise<void>;
}

/** Controller process with the real store, and proxy processes that follow each other over one spool. */
export interface ProofInstallation {
  /** Starts the next proxy process; the one before must be dead. */
  startProxy(grantID: string): Promise<ServingProxy>;
  /** Stops the controller where it stands, or lets it go on. */
  freezeController(isFrozen: boolean): void;
  /** Everything in the store, as it is on its disk now. */
  stored(): Promise<AuditRecord[]>;
  /** What `audit verify` says of the store and the signed heads. */
  verify(): Promise<Report>;
  stop(): Promise<void>;
}

/** Starts the controller's process. `grants` are the only ones there are; their role has `password`. */
export async function startInstallation(
  grants: readonly LinkGrant[],
  database: { readonly caFile: string; readonly password: string },
): Promise<ProofInstallation> {
  const folder = mkdtempSync(path.join(tmpdir(), "sallyport-proof-"));
  const controller = await startHelper<ControllerTalk>("controller-process.ts", { grants, directory: folder });
  const store = await AuditStore.open({ path: path.join(folder, "audit.sqlite"), clock: systemClock });
  const { port: controllerPort, pin, credentialsURL } = controller.ready;
  let running:
    | { readonly child: ChildProcess; readonly tunnel: Tunnel; readonly stop: () => Promise<void> }
    | undefined;
  const kill = async (): Promise<void> => {
    if (running !== undefined) {
      const { child, tunnel, stop } = running;
      running = undefined;
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
      tunnel.close();
      await stop();
    }
  };
  return {
    async startProxy(grantID) {
      const port = await freePort();
      const config: ProxyConfig = {
        directory: folder,
        password: database.password,
        environment: {
          SALLYPORT_PROXY: proxyName,
          SALLYPORT_INSTALLATION: installation,
          SALLYPORT_CONTROLLER_URL: `https://127.0.0.1:${controllerPort}`,
          SALLYPORT_CONTROLLER_PIN: pin,
          SALLYPORT_PORT: String(port),
          SALLYPORT_SPOOL_DIR: path.join(folder, "spool"),
          SALLYPORT_DATABASE_CA_FILE: database.caFile,
          SALLYPORT_LOG_LEVEL: "error",
          AWS_REGION: region,
          AWS_CONTAINER_CREDENTIALS_FULL_URI: credentialsURL,
          ECS_CONTAINER_METADATA_URI_V4: credentialsURL,
        },
      };
      const program = path.join(import.meta.dirname, "proxy-process.ts");
      const child = spawn(process.execPath, [program, JSON.stringify(config)], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const killOnExit = (): void => void child.kill("SIGKILL");
      process.once("exit", killOnExit);
      child.once("exit", () => process.removeListener("exit", killOnExit));
      await Promise.race([
        once(child.stdout, "data"),
        once(child, "exit").then(() => Promise.reject(new Error("the proxy ended by itself"))),
      ]);
      // It admits nobody before its controller has told it of the grant.
      const tunnel = await eventuallyWorks("the proxy admits", () => openTunnel(port, grantID));
      const local = await listenLocally(port, () => tunnel.ticket);
      running = { child, tunnel, stop: () => local.stop() };
      return { port: local.port, kill };
    },
    freezeController: (isFrozen) => void controller.child.kill(isFrozen ? "SIGSTOP" : "SIGCONT"),
    stored: async () => (await collect(store.raw())).map(({ bytes }) => decodeRecord(Buffer.from(bytes))),
    async verify() {
      const { publicKeyPEM } = loadSigningKey(path.join(folder, "heads-key.pem"));
      const heads = await collect(readHeadLines(path.join(folder, "heads")));
      return verify({ records: store.raw(), heads, publicKey: publicKeyPEM, until: await store.newest() });
    },
    async stop() {
      await kill();
      await store.close();
      await controller.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) {
    all.push(item);
  }
  return all;
}
