import type { GivenFiles } from "./pod-start.ts";

/** A key of KMS that signs heads. */
export const keyARN = "arn:aws:kms:eu-west-1:111122223333:key/7f1c2d3e-0000-4000-8000-000000000001";

/** Values of the chart that the kustomize components stand for, with the names of Secrets that those expect. */
export const shared = {
  auditStore: { secretName: "sallyport-audit-store" },
  headKey: { kmsKeyARN: keyARN },
  oidc: {
    issuer: "https://id.example.com",
    clientID: "sallyport-console",
    cliClientID: "sallyport-cli",
    secretName: "sallyport-oidc",
  },
  slack: { channel: "C024BE91L", secretName: "sallyport-slack" },
  webhooks: { urls: ["https://hooks.example.com/"], secretName: "sallyport-webhooks" },
} as const;

const storeURL = "postgres://audit:p%40ss@db.example.com/trail?sslrootcert=/etc/sallyport/audit-store/ca.crt\n";

/** What an installation has in its own Secrets and ConfigMaps. */
export const installed: GivenFiles = {
  "sallyport-audit-store": { url: storeURL, "ca.crt": "CERTIFICATE" },
  "made-by-an-operator": { uri: "postgresql://audit@made.example.com/trail" },
  "former-keys": { "former-keys.pem": "PUBLIC KEY" },
  "head-key": { ed25519: "PRIVATE KEY" },
  "sallyport-oidc": { "client-secret": "client's secret\n" },
  "sallyport-slack": { token: "xoxb-1", "signing-secret": "8f742231b10e" },
  "sallyport-webhooks": { secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" },
};
