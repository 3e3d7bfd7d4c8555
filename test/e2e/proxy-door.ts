import type { IssuedCredentials } from "#sandbox/credentials.ts";
import type { Refuse, Welcome } from "#wire/handshake.ts";
import { createProof, type IdentityProof } from "#wire/proof.ts";
import type { Installation } from "../harness/installation.ts";
import { ProxyStream } from "../proxy/client.ts";
import { sdkCredentials } from "./support.ts";

/** What somebody says at the proxy's port. Left out: what the CLI of the grant's own person would say. */
export interface Knock {
  readonly grantID: string;
  readonly credentials: IssuedCredentials;
  /** Grant that the proof is for. */
  readonly provenGrantID?: string;
  /** Proxy that the proof is for. */
  readonly provenProxy?: string;
  readonly nonce?: string;
  /** A proof that was made before. */
  readonly proof?: IdentityProof;
}

/** How the proxy answered, with the proof that it was given. */
export interface DoorAnswer {
  readonly answer: Welcome | Refuse;
  readonly proof: IdentityProof;
  readonly stream: ProxyStream;
}

/** Speaks the grant handshake with the real proxy's port, as anything in the task's network may. */
export async function knock(installation: Installation, said: Knock): Promise<DoorAnswer> {
  const { sandbox } = installation;
  const host = sandbox.ecs.tasks().find((task) => task.lastStatus === "RUNNING")?.host;
  const { stream, hello } = await ProxyStream.open(9432, host);
  const audience = {
    purpose: "connect",
    installation: hello.installation,
    proxy: said.provenProxy ?? "default/main",
    grantID: said.provenGrantID ?? said.grantID,
    nonce: said.nonce ?? hello.nonce,
  } as const;
  const sts = { url: sandbox.url, region: sandbox.region };
  const proof = said.proof ?? (await createProof(audience, sdkCredentials(said.credentials), sts, new Date()));
  stream.send({ type: "prove", grantID: said.grantID, proof, client: "test" });
  const answer = (await stream.next("welcome", "refuse")) as Welcome | Refuse;
  return { answer, proof, stream };
}

/** `welcome`, or the code of the refusal; the stream is closed. */
export async function verdictAtDoor(installation: Installation, said: Knock): Promise<string> {
  const { answer, stream } = await knock(installation, said);
  stream.socket.destroy();
  return answer.type === "refuse" ? answer.code : answer.type;
}
