import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { encodeFrame, FrameReader } from "#wire/frame.ts";
import type { FromProxy, Hello } from "#wire/handshake.ts";
import { createProof } from "#wire/proof.ts";
import { installation, proxyName, region } from "./grants.ts";

/** A control stream of a grant, as a tunnel keeps one, with the ticket that its data streams open with. */
export interface Tunnel {
  readonly ticket: string;
  close(): void;
}

/** Does the grant handshake with the gate, from Hello to Welcome. */
export async function openTunnel(gatePort: number, grantID: string): Promise<Tunnel> {
  const socket = connect({ port: gatePort, host: "127.0.0.1", noDelay: true });
  await once(socket, "connect");
  const frames = new FrameReader();
  const { nonce } = (await nextOf(socket, frames)) as Hello;
  const credentials = { accessKeyId: "ASIABENCH00000000000", secretAccessKey: "none", sessionToken: "none" };
  const proof = await createProof(
    { purpose: "connect", installation, proxy: proxyName, grantID, nonce },
    credentials,
    { url: "https://sts.bench", region },
    new Date(),
  );
  socket.write(encodeFrame({ type: "prove", grantID, proof, client: "bench/1" }));
  const answer = await nextOf(socket, frames);
  if (answer.type !== "welcome" || answer.ticket === undefined) {
    throw new Error(`the gate gave no ticket: ${"message" in answer ? answer.message : answer.type}`);
  }
  socket.resume();
  return { ticket: answer.ticket, close: () => void socket.destroy() };
}

async function nextOf(socket: Socket, frames: FrameReader): Promise<FromProxy> {
  for (;;) {
    const message = frames.next();
    if (message !== undefined) {
      return message as FromProxy;
    }
    const [bytes] = (await once(socket, "data")) as [Buffer];
    frames.push(bytes);
  }
}
