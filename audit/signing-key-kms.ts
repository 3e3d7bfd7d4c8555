import { createPublicKey } from "node:crypto";
import {
  GetPublicKeyCommand,
  KMSClient,
  type KMSClientConfig,
  SignCommand,
  type SigningAlgorithmSpec,
} from "@aws-sdk/client-kms";
import { awsHttp } from "#lib/aws-http.ts";
import { coerceError, UserError } from "#lib/errors.ts";
import { type HeadSigner, keyIDOf } from "./head-line.ts";

/**
 * How often a task's head is signed by KMS at most, in milliseconds. Ten busy tasks are then a signature a second, of the 300 a second that
 * KMS allows for ECC keys (KMS developer guide, "Request quotas"), and 0.15 USD for each 10,000 of them: 1.30 USD a day.
 */
const kmsIntervalMs = 10_000;

/**
 * Signs with a key of AWS KMS that never leaves it: KeyUsage SIGN_VERIFY, KeySpec ECC_NIST_P256 (ECDSA_SHA_256) or ECC_NIST_EDWARDS25519
 * (ED25519_SHA_512). What is sent is the digest of a line, as a message: a line may be longer than the 4,096 bytes that KMS takes (KMS API
 * reference, Sign). Throws `UserError` when the key cannot be read or is another kind of key.
 */
export async function kmsSigner(keyARN: string, config: KMSClientConfig = {}): Promise<HeadSigner> {
  const region = keyARN.split(":")[3];
  const client = new KMSClient({ requestHandler: awsHttp(), ...(region === undefined ? {} : { region }), ...config });
  const answer = await client.send(new GetPublicKeyCommand({ KeyId: keyARN })).catch((error: unknown) => {
    throw unusable(keyARN, coerceError(error).message, "Allow kms:GetPublicKey and kms:Sign on that key.", error);
  });
  const { PublicKey: der, KeyUsage: usage = "SIGN_VERIFY" } = answer;
  const publicKey = createPublicKey({ key: Buffer.from(der ?? []), format: "der", type: "spki" });
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = publicKey;
  const kind = details?.namedCurve ?? type ?? "unknown";
  const algorithm = algorithms[kind];
  if (algorithm === undefined || usage !== "SIGN_VERIFY") {
    const next = "Make a key of ECC_NIST_P256 or ECC_NIST_EDWARDS25519 for SIGN_VERIFY.";
    throw unusable(keyARN, `It is a key of kind ${kind} for ${usage}.`, next);
  }
  return {
    keyID: keyIDOf(publicKey),
    publicKeyPEM: String(publicKey.export({ type: "spki", format: "pem" })),
    intervalMs: kmsIntervalMs,
    form: "digest",
    async sign(bytes) {
      const { Signature: signature } = await client.send(
        new SignCommand({ KeyId: keyARN, Message: bytes, MessageType: "RAW", SigningAlgorithm: algorithm }),
      );
      if (signature === undefined) {
        throw new Error("KMS answered without a signature");
      }
      return Buffer.from(signature);
    },
  };
}

/** By the curve, or the type of key, as Node names them. */
const algorithms: Readonly<Record<string, SigningAlgorithmSpec>> = {
  prime256v1: "ECDSA_SHA_256",
  ed25519: "ED25519_SHA_512",
};

function unusable(keyARN: string, why: string, next: string, cause?: unknown): UserError {
  return new UserError("SigningKeyUnusable", `${keyARN} cannot sign chain heads`, { why, next, cause });
}
