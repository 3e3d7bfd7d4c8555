import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { Fault } from "./kube-fault-proxy-faults.ts";

/** Passes an answer's body on, as a fault says. */
export async function passBody(
  source: AsyncIterable<Buffer>,
  response: ServerResponse,
  fault: Fault | undefined,
): Promise<void> {
  switch (fault?.kind) {
    case "lostAnswer":
      await whole(source);
      return void response.socket?.resetAndDestroy();
    case "cutBody": {
      const body = await whole(source);
      // The reset must not overtake what goes before it.
      response.write(body.subarray(0, fault.bytes), () => response.socket?.resetAndDestroy());
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
