import { createAuthority } from "#sandbox/certificates.ts";

/** What a test's database server proves itself with, for 127.0.0.1 and localhost. All PEM. */
export interface DatabaseIdentity {
  /** The authority that signed the certificate. */
  readonly ca: string;
  readonly certificate: string;
  readonly privateKey: string;
}

/** Makes one of an authority of its own. */
export async function createDatabaseIdentity(): Promise<DatabaseIdentity> {
  const authority = await createAuthority("Sallyport test database CA", Date.now());
  const { certificate, privateKey } = await authority.issue(["127.0.0.1", "localhost"]);
  return { ca: authority.certificate, certificate, privateKey };
}
