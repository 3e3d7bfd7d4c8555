import { once } from "node:events";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { UserError } from "#lib/errors.ts";
import { adoptSocket } from "../static-reads.ts";

/** A TCP listener on the task's loopback. */
export interface Listener {
  readonly port: number;
  /** Takes no new stream; those there go on. */
  close(): void;
  /** Closes what is left. */
  destroyStreams(): void;
}

const loopbackPattern = /^127(?:\.\d{1,3}){3}$/;

/** Whether an address is in 127.0.0.0/8: reachable from the task itself only. */
export function isLoopback(host: string): boolean {
  return loopbackPattern.test(host) && host.split(".").every((part) => Number(part) <= 255);
}

/** Listens for the SSM agent. Throws `UserError` for an address that others could reach, and for a port that is taken. */
export async function listenLoopback(
  host: string,
  port: number,
  onStream: (stream: Socket) => void,
): Promise<Listener> {
  if (!isLoopback(host)) {
    throw new UserError("NotLoopback", `The proxy does not listen on ${host}.`, {
      why: "Only the task's own SSM agent may reach it, so the address must be in 127.0.0.0/8.",
      next: "Remove SALLYPORT_LOOPBACK from the task definition, or set it to a loopback address.",
    });
  }
  const streams = new Set<Socket>();
  const server: Server = createServer({ noDelay: true, allowHalfOpen: false, pauseOnConnect: true }, (accepted) => {
    const stream = adoptSocket(accepted);
    streams.add(stream);
    stream.once("close", () => streams.delete(stream));
    onStream(stream);
  });
  server.listen({ host, port, exclusive: true });
  try {
    await once(server, "listening");
  } catch (cause) {
    throw new UserError("PortUnavailable", `The proxy cannot listen on ${host}:${port}.`, {
      why: `The system answers ${(cause as NodeJS.ErrnoException).code ?? "with an error"}.`,
      next: "Set SALLYPORT_PORT to a port that is free in the task.",
      cause,
    });
  }
  return {
    port: (server.address() as AddressInfo).port,
    close: () => void server.close(),
    destroyStreams() {
      for (const stream of streams) {
        stream.destroy();
      }
    },
  };
}
