import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** The network between a browser and the controller, which a test can cut. It passes bytes on and sees nothing, as they are TLS. */
export interface Way {
  readonly port: number;
  /** Connections that were made so far. */
  readonly made: number;
  /** Ends every connection at whatever byte it is, and refuses new ones until `mend`. */
  cut(): void;
  mend(): void;
  stop(): Promise<void>;
}

/** Opens a way from a free port of this machine to `port`. */
export async function startWay(port: number): Promise<Way> {
  const sockets = new Set<Socket>();
  let isCut = false;
  let made = 0;
  const join = (one: Socket, other: Socket): void => {
    sockets.add(one);
    one.on("error", () => {});
    one.once("close", () => {
      sockets.delete(one);
      other.destroy();
    });
    one.pipe(other);
  };
  const server = createServer((browser) => {
    if (isCut) {
      browser.resetAndDestroy();
      return;
    }
    made += 1;
    const controller = connect(port, "127.0.0.1");
    join(browser, controller);
    join(controller, browser);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const cut = (): void => {
    isCut = true;
    for (const socket of sockets) {
      socket.resetAndDestroy();
    }
  };
  return {
    port: (server.address() as AddressInfo).port,
    get made() {
      return made;
    },
    cut,
    mend: () => void (isCut = false),
    async stop() {
      cut();
      server.close();
      await once(server, "close");
    },
  };
}
