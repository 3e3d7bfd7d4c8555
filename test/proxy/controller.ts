import { createHash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { WebSocketServer, type WebSocket } from "ws";
import { decodeRecord } from "#audit/codec.ts";
import type { AuditRecord } from "#audit/record.ts";
import { createAuthority } from "#sandbox/certificates.ts";
import {
  type CutReport,
  decodeAuditBatch,
  type FromTask,
  type KillSession,
  type LinkGrant,
  type LinkPolicy,
  linkVersion,
  type ProveTask,
  type ProxyStatus,
  type SessionKilled,
} from "#wire/link.ts";

/** A controller that speaks the link and nothing else, so that tests decide what it says. */
export interface StandInController {
  readonly host: string;
  readonly port: number;
  readonly pin: string;
  readonly proofs: ProveTask[];
  readonly records: AuditRecord[];
  readonly cuts: CutReport[];
  readonly statuses: ProxyStatus[];
  readonly killed: SessionKilled[];
  policy: LinkPolicy;
  /** Whether batches are stored and acknowledged. */
  stores: boolean;
  /** Sets all grants and tells the proxy. */
  setGrants(grants: readonly LinkGrant[]): void;
  /** Tells the proxy of one grant. */
  tell(grant: LinkGrant): void;
  /** Has the proxy end one session. */
  kill(kill: Omit<KillSession, "type">): void;
  /** Closes the links; with `false` none is taken until it is called with `true`. */
  serve(isServing: boolean): void;
  /** Resolves once `fits` holds; looked at whenever the proxy says something. */
  until(fits: () => boolean): Promise<void>;
  stop(): Promise<void>;
}

const proxyName = "default/main";

export async function startController(installation: string): Promise<StandInController> {
  const authority = await createAuthority("controller", Date.now());
  const pair = await authority.issue(["127.0.0.1"]);
  const spki = new X509Certificate(pair.certificate).publicKey.export({ type: "spki", format: "der" });
  const server = createServer({ cert: pair.certificate, key: pair.privateKey });
  const sockets = new WebSocketServer({ server, path: "/v1/link" });
  const open = new Set<WebSocket>();
  let watchers: (() => void)[] = [];
  let grants: readonly LinkGrant[] = [];
  let isServing = true;
  const time = (): string => new Date().toISOString();
  const look = (): void => {
    for (const watcher of watchers) {
      watcher();
    }
  };
  const broadcast = (message: unknown): void => {
    for (const socket of open) {
      socket.send(JSON.stringify(message));
    }
  };
  const controller: StandInController = {
    host: "127.0.0.1",
    port: 0,
    pin: `sha256:${createHash("sha256").update(spki).digest("hex")}`,
    proofs: [],
    records: [],
    cuts: [],
    statuses: [],
    killed: [],
    policy: { admitWithoutControllerMs: 60_000, endWithoutControllerMs: 120_000, warnBeforeEndMs: 1_000 },
    stores: true,
    setGrants(next) {
      grants = next;
      broadcast({ type: "grants", time: time(), grants });
    },
    tell: (grant) => broadcast({ type: "grant", time: time(), grant }),
    kill: (kill) => broadcast({ type: "kill", ...kill }),
    serve(next) {
      isServing = next;
      if (!next) {
        for (const socket of open) {
          socket.terminate();
        }
      }
    },
    until: (fits) =>
      new Promise((resolve) => {
        const watcher = (): void => {
          if (fits()) {
            watchers = watchers.filter((other) => other !== watcher);
            resolve();
          }
        };
        watchers.push(watcher);
        watcher();
      }),
    async stop() {
      for (const socket of sockets.clients) {
        socket.terminate();
      }
      sockets.close();
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
  const receive = (socket: WebSocket, message: FromTask): void => {
    if (message.type === "prove") {
      controller.proofs.push(message);
      open.add(socket);
      const auditAcknowledged = controller.records.at(-1)?.seq ?? 0;
      const { policy } = controller;
      socket.send(JSON.stringify({ type: "accepted", time: time(), policy, auditAcknowledged, takesSpool: true }));
      socket.send(JSON.stringify({ type: "grants", time: time(), grants }));
    } else if (message.type === "cut") {
      controller.cuts.push(message);
    } else if (message.type === "killed") {
      controller.killed.push(message);
    } else if (message.type === "status") {
      controller.statuses.push(message);
    }
  };
  sockets.on("connection", (socket) => {
    if (!isServing) {
      socket.terminate();
      return;
    }
    socket.on("error", () => {});
    socket.on("close", () => open.delete(socket));
    socket.on("message", (data, isBinary) => {
      if (!isBinary) {
        receive(socket, JSON.parse(String(data)) as FromTask);
      } else if (controller.stores) {
        const records = decodeAuditBatch(data as Buffer).map((bytes) => decodeRecord(bytes));
        controller.records.push(...records);
        socket.send(JSON.stringify({ type: "audit-ack", seq: controller.records.at(-1)?.seq ?? 0 }));
      }
      look();
    });
    socket.send(
      JSON.stringify({ type: "challenge", version: linkVersion, installation, nonce: `n-${open.size}`, time: time() }),
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return Object.assign(controller, { port: (server.address() as AddressInfo).port, proxyName });
}
