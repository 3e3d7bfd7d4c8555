import { createHash, createPublicKey } from "node:crypto";
import { GetPublicKeyCommand, KMSClient, type KMSClientConfig, SignCommand } from "@aws-sdk/client-kms";
import { coerceError, UserError } from "#lib/errors.ts";
import { type HeadSigner, keyIDOf } from "./head-line.ts";

/**
 * How often a task's head is signed by KMS at most, in milliseconds. Ten busy tasks are then a signature a second, of the 300 a second that
 * KMS allows for ECC keys (KMS developer guide, "Request quotas"), and 0.15 USD for each 10,000 of them: 1.30 USD a day.
 */
const kmsIntervalMs = 10_000;

/**
 * Signs with a key of AWS KMS that never leaves it: KeySpec ECC_NIST_P256, KeyUsage SIGN_VERIFY, algorithm ECDSA_SHA_256 over the digest,
 * since a head may be longer than the 4,096 bytes that KMS takes as a message. Ed25519 keys of KMS take whole messages only, so they are
 * refused. Throws `UserError` when the key cannot be read or is another kind of key.
 */
export async function kmsSigner(keyARN: string, config: KMSClientConfig = {}): Promise<HeadSigner> {
  const region = keyARN.split(":")[3];
  const client = new KMSClient({ ...(region === undefined ? {} : { region }), ...config });
  const answer = await client.send(new GetPublicKeyCommand({ KeyId: keyARN })).catch((error: unknown) => {
    throw unusable(keyARN, coerceError(error).message, "Allow kms:GetPublicKey and kms:Sign on that key.", error);
  });
  const { PublicKey: der, KeySpec: spec, KeyUsage: usage } = answer;
  if (der === undefined || spec !== "ECC_NIST_P256" || usage !== "SIGN_VERIFY") {
    const why = `It is a key of ${spec ?? "an unknown spec"} for ${usage ?? "an unknown use"}.`;
    throw unusable(keyARN, why, "Make a key of ECC_NIST_P256 for SIGN_VERIFY.");
  }
  const publicKey = createPublicKey({ key: Buffer.from(der), format: "der", type: "spki" });
  return {
    keyID: keyIDOf(publicKey),
    publicKeyPEM: String(publicKey.export({ type: "spki", format: "pem" })),
    intervalMs: kmsIntervalMs,
    async sign(bytes) {
      const { Signature: signature } = await client.send(
        new SignCommand({
          KeyId: keyARN,
          Message: createHash("sha256").update(bytes).digest(),
          MessageType: "DIGEST",
          SigningAlgorithm: "ECDSA_SHA_256",
        }),
      );
      if (signature === undefined) {
        throw new Error("KMS answered without a signature");
      }
      return Buffer.from(signature);
    },
  };
}

function unusable(keyARN: string, why: string, next: string, cause?: unknown): UserError {
  return new UserError("SigningKeyUnusable", `${keyARN} cannot sign chain heads`, { why, next, cause });
}
