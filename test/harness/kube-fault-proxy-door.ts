import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import type { Connectivity } from "./kube-fault-proxy-faults.ts";

/** The port of a fault proxy: it decides what becomes of a connection before anything is said on it. */
export interface Door {
  readonly port: number;
  connections(): { readonly opened: number; readonly open: number };
  /** Whether requests on connections that were made before may be read. */
  isSilent(): boolean;
  set(how: Connectivity): Promise<void>;
  close(): Promise<void>;
}

/** Listens on a loopback port; `admit` gets each connection that may pass, and its number from 1. */
export async function openDoor(admit: (socket: Socket, number: number) => void): Promise<Door> {
  const open = new Set<Socket>();
  let opened = 0;
  let how: Connectivity = "pass";
  const meet = (socket: Socket): void => {
    opened += 1;
    open.add(socket);
    socket.once("close", () => open.delete(socket));
    socket.on("error", () => {});
    if (how === "reset") {
      socket.resetAndDestroy();
    } else if (how === "pass") {
      admit(socket, opened);
    }
  };
  const resetAll = (): void => {
    for (const socket of open) {
      socket.resetAndDestroy();
    }
  };
  let server = await listen(0, meet);
  const { port } = server.address() as { port: number };
  return {
    port,
    connections: () => ({ opened, open: open.size }),
    isSilent: () => how === "silent",
    async set(next) {
      const before = how;
      how = next;
      if (next === "refuse" || next === "reset") {
        resetAll();
      }
      if (next === "refuse" && before !== "refuse") {
        await closed(server);
      }
      if (next !== "refuse" && before === "refuse") {
        server = await listen(port, meet);
      }
    },
    async close() {
      resetAll();
      if (how !== "refuse") {
        await closed(server);
      }
    },
  };
}

async function listen(port: number, meet: (socket: Socket) => void): Promise<Server> {
  const server = createServer(meet);
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return server;
}

async function closed(server: Server): Promise<void> {
  server.close();
  await once(server, "close");
}
