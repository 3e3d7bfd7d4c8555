import "reflect-metadata";
import { createHash, webcrypto, X509Certificate } from "node:crypto";
import * as x509 from "@peculiar/x509";

/** A certificate and its private key, both PEM. */
export interface CertificatePair {
  readonly certificate: string;
  readonly privateKey: string;
}

/** A certificate authority of this sandbox. It signs what the sandbox and the tests serve over TLS, and nothing else. */
export interface CertificateAuthority {
  /** The authority's own certificate, PEM: what a client must trust. */
  readonly certificate: string;
  /** Issues a server certificate for host names and IP addresses. */
  issue(names: readonly string[]): Promise<CertificatePair>;
}

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
/** Long enough for any sandbox, short enough that nobody builds on it. */
const lifeMs = 30 * 24 * 3_600_000;
/** Starts in the past, so that a clock a little behind accepts it. */
const backdateMs = 3_600_000;

/** Makes a new authority with a fresh key. `now` is epoch milliseconds. */
export async function createAuthority(commonName: string, now: number): Promise<CertificateAuthority> {
  // The library's own provider seam; Node's WebCrypto has every algorithm used here.
  x509.cryptoProvider.set(webcrypto as never);
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const validity = { notBefore: new Date(now - backdateMs), notAfter: new Date(now + lifeMs) };
  const authority = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: `CN=${commonName}`,
    ...validity,
    signingAlgorithm: algorithm,
    keys: keys as never,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey as never),
    ],
  });
  return {
    certificate: authority.toString("pem"),
    async issue(names) {
      const leaf = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
      const certificate = await x509.X509CertificateGenerator.create({
        serialNumber: serialNumber(),
        subject: `CN=${names[0] ?? "localhost"}`,
        issuer: authority.subject,
        ...validity,
        signingAlgorithm: algorithm,
        publicKey: leaf.publicKey as never,
        signingKey: keys.privateKey as never,
        extensions: [
          new x509.BasicConstraintsExtension(false, undefined, true),
          new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
          new x509.SubjectAlternativeNameExtension(
            names.map((name) => ({ type: /^[\d.]+$|:/.test(name) ? ("ip" as const) : ("dns" as const), value: name })),
          ),
          await x509.AuthorityKeyIdentifierExtension.create(authority),
        ],
      });
      const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", leaf.privateKey));
      return { certificate: certificate.toString("pem"), privateKey: pem("PRIVATE KEY", pkcs8) };
    },
  };
}

/** `sha256:` and the hex digest of a certificate's DER SubjectPublicKeyInfo: what a proxy pins its controller by. */
export function publicKeyPin(certificatePem: string): string {
  const spki = new X509Certificate(certificatePem).publicKey.export({ type: "spki", format: "der" });
  return `sha256:${createHash("sha256").update(spki).digest("hex")}`;
}

function serialNumber(): string {
  // RFC 5280 4.1.2.2: positive, at most 20 octets.
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  bytes[0] = (bytes[0] ?? 0) & 0x7f;
  return Buffer.from(bytes).toString("hex");
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
