import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { Fault } from "./kube-fault-proxy-faults.ts";

/** Passes an answer's body on, as a fault says. `reset` breaks the client's connection. */
export async function passBody(
  source: AsyncIterable<Buffer>,
  response: ServerResponse,
  fault: Fault | undefined,
  reset: () => void,
): Promise<void> {
  switch (fault?.kind) {
    case "lostAnswer":
      await whole(source);
      await fault.first?.();
      return reset();
    case "cutBody": {
      const body = await whole(source);
      // A reset would overtake what goes before it.
      response.write(body.subarray(0, fault.bytes), () => response.socket?.destroy());
      return;
    }
    case "slowBody": {
      const body = await whole(source);
      for (let at = 0; at < body.length && !response.destroyed; at += fault.bytes) {
        await new Promise((resolve) => setTimeout(resolve, fault.pauseMs));
        response.write(body.subarray(at, at + fault.bytes));
      }
      return void response.end();
    }
    default:
      for await (const chunk of source) {
        if (!response.write(chunk)) {
          await Promise.race([once(response, "drain"), once(response, "close")]);
        }
      }
      return void response.end();
  }
}

async function whole(source: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of source) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
