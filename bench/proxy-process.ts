import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { openJournal } from "#audit/journal.ts";
import { systemClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import type { LinkGrant } from "#wire/link.ts";
import { assemble } from "#proxy/assemble.ts";
import { parseKeyPin } from "#proxy/link/pin.ts";
import { listenLoopback } from "#proxy/listen/listener.ts";
import { loadAuthorities } from "#proxy/upstream/authorities.ts";
import type { ControllerReady } from "./controller-process.ts";
import { serveHelper } from "./child.ts";
import { installation, proxyName, region, taskARN, taskID } from "./grants.ts";
import { identityStub } from "./identity-stub.ts";

/*
 * The proxy under measurement: journal, spool, link, grants, sessions and upstream logins as `startProxy` joins them. One port for
 * each grant lets every connection in without the handshake, since pgbench cannot speak it; one more port is the real gate.
 */

export interface ProxyConfig {
  readonly controller: ControllerReady;
  readonly directory: string;
  readonly caFile: string | undefined;
  readonly password: string;
  readonly grants: readonly LinkGrant[];
}

export interface ProxyReady {
  /** Port for each grant ID, behind the handshake. */
  readonly ports: Readonly<Record<string, number>>;
  /** The real gate, which wants the handshake. */
  readonly gatePort: number;
}

/** `drain`: answers when the controller has everything. `collect`: after a garbage collection, what Node says of its memory. */
export type ProxyQuestion = "drain" | "collect";

/** What it speaks of with its parent. */
export interface ProxyTalk {
  readonly config: ProxyConfig;
  readonly ready: ProxyReady;
  readonly question: ProxyQuestion;
  readonly answer: string;
}

if (import.meta.main) {
  await serveHelper<ProxyTalk>(begin);
}

async function begin(
  config: ProxyConfig,
): Promise<{ ready: ProxyReady; answer: (question: ProxyQuestion) => Promise<string> }> {
  const { controller, directory } = config;
  const spoolDirectory = path.join(directory, "spool");
  const journal = openJournal({ directory: spoolDirectory, proxy: proxyName, task: taskID, clock: systemClock });
  const parts = assemble({
    options: {
      proxy: proxyName,
      installation,
      controller: { host: "127.0.0.1", port: controller.port, pin: parseKeyPin(controller.pin) as Buffer },
      listen: { host: "127.0.0.1", port: 0 },
      spoolDirectory,
      databaseCAFile: config.caFile,
      logLevel: "error",
      region,
      sts: { url: "https://sts.bench", region },
      credentials: { fullURI: controller.credentialsURL },
      agentURI: undefined,
      drainOnStopMs: 0,
      metadataURL: controller.credentialsURL,
    },
    clock: systemClock,
    log: silentLog,
    authorities: loadAuthorities(config.caFile),
    task: { taskARN, taskID },
    journal,
    deps: {
      fetch: identityStub("person"),
      readSecret: async () => JSON.stringify({ password: config.password }),
      directory,
    },
  });
  void parts.link.run();
  while (!parts.link.connected) {
    await sleep(5);
  }
  const ports: Record<string, number> = {};
  for (const grant of config.grants) {
    const engine = parts.engines.get(grant.database.engine);
    const listener = await listenLoopback("127.0.0.1", 0, (stream) => {
      void engine?.serve({ stream, rest: Buffer.alloc(0), grant, client: "bench/1" }, parts.session);
    });
    ports[grant.grantID] = listener.port;
  }
  const gate = await listenLoopback("127.0.0.1", 0, (stream) => void parts.gate.handle(stream));
  const answer = async (question: ProxyQuestion): Promise<string> => {
    if (question === "collect") {
      globalThis.gc?.({ type: "major", execution: "sync", flavor: "last-resort" });
      return JSON.stringify(process.memoryUsage());
    }
    while (journal.acknowledged < journal.writtenSeq) {
      await sleep(2);
    }
    return question;
  };
  return { ready: { ports, gatePort: gate.port }, answer };
}
