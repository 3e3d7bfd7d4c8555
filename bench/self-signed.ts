import "reflect-metadata";
import { randomBytes, webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const lifeMs = 24 * 3_600_000;

/**
 * A certificate for 127.0.0.1 that has signed itself and is good for every purpose, PEM: sysbench shows a client's certificate with
 * every TLS connection, which its server then judges by the authority that it trusts.
 */
export async function selfSigned(): Promise<{ readonly certificate: string; readonly privateKey: string }> {
  // The library's own provider seam; Node's WebCrypto has every algorithm used here.
  x509.cryptoProvider.set(webcrypto as never);
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: `01${randomBytes(8).toString("hex")}`,
    name: "CN=bench",
    notBefore: new Date(Date.now() - lifeMs),
    notAfter: new Date(Date.now() + lifeMs),
    signingAlgorithm: algorithm,
    keys: keys as never,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.SubjectAlternativeNameExtension([{ type: "ip", value: "127.0.0.1" }]),
    ],
  });
  const key = await webcrypto.subtle.exportKey("pkcs8", keys.privateKey);
  return { certificate: certificate.toString("pem"), privateKey: x509.PemConverter.encode(key, "PRIVATE KEY") };
}
