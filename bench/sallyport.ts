import path from "node:path";
import { fileURLToPath } from "node:url";
import { mkdirSync } from "node:fs";
import type { LinkGrant } from "#wire/link.ts";
import { type Helper, startHelper } from "./child.ts";
import type { ControllerTalk } from "./controller-process.ts";
import { makeFolder } from "./folder.ts";
import { durabilities, type Durability } from "./grants.ts";
import type { ProxyTalk } from "./proxy-process.ts";

/** A proxy process with the controller's end of its link in another process. */
export interface Sallyport {
  readonly pid: number;
  /** Where each durability is served, without a handshake. */
  readonly ports: Readonly<Record<Durability, number>>;
  readonly gatePort: number;
  ask: Helper<ProxyTalk>["ask"];
  stop(): Promise<void>;
}

export interface SallyportOptions {
  readonly grants: readonly LinkGrant[];
  /** Authority of the server's certificate; none is needed for a plain connection. */
  readonly caFile?: string;
  readonly password: string;
  /** `store`: the controller's real audit store. `forget`: acknowledged at once, as if the controller were another machine's work. */
  readonly controller: "store" | "forget";
  /** Whether the connection to the server is plain, which only the bench can. */
  readonly plain?: boolean;
  /** Folder for a CPU profile of the proxy. */
  readonly profile?: string | undefined;
}

/** Starts both. */
export async function startSallyport(options: SallyportOptions): Promise<Sallyport> {
  const { grants, caFile, password } = options;
  const folder = makeFolder("sallyport");
  const store = path.join(folder, "controller");
  mkdirSync(store);
  const controller = await startHelper<ControllerTalk>("controller-process.ts", {
    grants,
    ...(options.controller === "store" ? { directory: store } : {}),
  });
  const proxy = await startHelper<ProxyTalk>(
    "proxy-process.ts",
    { controller: controller.ready, directory: folder, caFile, password, grants },
    [
      "--expose-gc",
      ...(options.plain === true ? ["--import", fileURLToPath(new URL("plain-upstream.ts", import.meta.url))] : []),
      ...(options.profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${options.profile}`]),
    ],
  );
  const portOf = (name: Durability): number => {
    const grant = grants.find(({ audit }) => audit.durability === durabilities[name]);
    return proxy.ready.ports[grant?.grantID ?? ""] ?? 0;
  };
  return {
    pid: proxy.pid,
    ports: { written: portOf("written"), synced: portOf("synced"), remote: portOf("remote") },
    gatePort: proxy.ready.gatePort,
    ask: (question) => proxy.ask(question),
    async stop() {
      await proxy.stop();
      await controller.stop();
    },
  };
}
