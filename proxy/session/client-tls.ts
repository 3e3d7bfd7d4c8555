import { webcrypto } from "node:crypto";
import { once } from "node:events";
import type { Duplex } from "node:stream";
import { createSecureContext, type SecureContext, TLSSocket } from "node:tls";
import { StreamEnded } from "../streams.ts";

/** What a client must ask for in direct TLS. Source: IANA, "TLS ALPN Protocol IDs"; PostgreSQL documentation, "Protocol Flow", SSL. */
const protocolName = "postgresql";
/** RFC 5280, section 4.1.2.5: the end of a certificate that has none. Nobody checks this one, since no authority signed it. */
const noEnd = new Date("9999-12-31T23:59:59Z");

let context: Promise<SecureContext> | undefined;

/**
 * Answers a client that begins with TLS, as `sslnegotiation=direct` does (PostgreSQL 17 and later). Only a client that insists on
 * TLS does so, and there is no other way to tell it anything: it reads nothing that is not TLS. The certificate is the process's own
 * and signed by nobody: what proves the server to the person is the tunnel around it. `hello` is what was read of the stream already,
 * which must have no other reader. Rejects with `StreamEnded`.
 */
export async function acceptDirectTLS(stream: Duplex, hello: Buffer): Promise<TLSSocket> {
  context ??= createContext();
  const secureContext = await context;
  stream.unshift(hello);
  const secure = new TLSSocket(stream as ConstructorParameters<typeof TLSSocket>[0], {
    isServer: true,
    secureContext,
    ALPNCallback: ({ protocols }) => (protocols.includes(protocolName) ? protocolName : undefined),
  });
  const failed = once(secure, "close").then(() => Promise.reject(new StreamEnded("the TLS handshake failed")));
  secure.on("error", () => secure.destroy());
  await Promise.race([once(secure, "secure"), failed]);
  failed.catch(() => {});
  // A client without ALPN is turned away by servers too: its TLS may have been meant for another service (ALPACA).
  if (secure.alpnProtocol !== protocolName) {
    secure.destroy();
    throw new StreamEnded("the client's TLS is not for postgresql");
  }
  return secure;
}

/** Made for the first client that needs it. */
async function createContext(): Promise<SecureContext> {
  await import("reflect-metadata");
  const x509 = await import("@peculiar/x509");
  x509.cryptoProvider.set(webcrypto as never);
  const signingAlgorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = await webcrypto.subtle.generateKey(signingAlgorithm, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: "01",
    name: "CN=sallyport proxy",
    notBefore: new Date(0),
    notAfter: noEnd,
    signingAlgorithm,
    keys: keys as never,
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: "ip", value: "127.0.0.1" }])],
  });
  const key = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
  return createSecureContext({
    cert: certificate.toString("pem"),
    key: `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n`,
    minVersion: "TLSv1.2",
  });
}
