import { readFile } from "node:fs/promises";
import type { SecureContextOptions } from "node:tls";
import { coerceError } from "#lib/errors.ts";
import { SinkFailure } from "./failure.ts";

/** Files of a TLS client, PEM. They are read for each connection, so that a renewed certificate is used. */
export interface TlsFiles {
  /** Authorities to believe instead of the system's. */
  readonly caFile?: string | undefined;
  /** The client's own certificate and key, where the server wants one. */
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
}

/** Reads the files. Throws a `SinkFailure` for one that cannot be read. The server's name is always checked. */
export async function tlsOptions({ caFile, certFile, keyFile }: TlsFiles): Promise<SecureContextOptions> {
  const [ca, cert, key] = await Promise.all([caFile, certFile, keyFile].map(read));
  return {
    // RFC 9325 3.1.1; RFC 5425 asks for 1.2 too.
    minVersion: "TLSv1.2",
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}

async function read(file: string | undefined): Promise<Buffer | undefined> {
  try {
    return file === undefined ? undefined : await readFile(file);
  } catch (error) {
    throw new SinkFailure("refused", coerceError(error).message, { cause: error });
  }
}

/** Whether a connection failed because of a certificate or a version: names of OpenSSL's and of Node's own errors. */
export function isCertificateFailure({ code = "" }: { readonly code?: string | undefined }): boolean {
  return /^(ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_CA|INVALID_PURPOSE|HOSTNAME_MISMATCH)/.test(
    code,
  );
}
