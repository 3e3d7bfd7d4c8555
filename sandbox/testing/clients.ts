import { IAMClient } from "@aws-sdk/client-iam";
import { IdentitystoreClient } from "@aws-sdk/client-identitystore";
import { RDSClient } from "@aws-sdk/client-rds";
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { SSOClient } from "@aws-sdk/client-sso";
import { SSOAdminClient } from "@aws-sdk/client-sso-admin";
import { SSOOIDCClient } from "@aws-sdk/client-sso-oidc";
import { STSClient } from "@aws-sdk/client-sts";
import type { IssuedCredentials } from "../credentials.ts";
import type { Sandbox } from "../sandbox.ts";

/** The official clients, pointed at a sandbox. They do not retry, so that a test sees each answer. */
export interface Clients {
  readonly ssoAdmin: SSOAdminClient;
  readonly identityStore: IdentitystoreClient;
  readonly sts: STSClient;
  readonly iam: IAMClient;
  readonly secrets: SecretsManagerClient;
  readonly rds: RDSClient;
  readonly portal: SSOClient;
  readonly oidc: SSOOIDCClient;
  destroy(): void;
}

/** Clients that sign as `credentials`; absent: as the controller. */
export function clientsOf(sandbox: Sandbox, credentials: IssuedCredentials = sandbox.controllerCredentials): Clients {
  const options = {
    endpoint: sandbox.url,
    region: sandbox.region,
    maxAttempts: 1,
    credentials: sdkCredentials(credentials),
  };
  const clients = {
    ssoAdmin: new SSOAdminClient(options),
    identityStore: new IdentitystoreClient(options),
    sts: new STSClient(options),
    iam: new IAMClient(options),
    secrets: new SecretsManagerClient(options),
    rds: new RDSClient(options),
    portal: new SSOClient(options),
    oidc: new SSOOIDCClient(options),
  };
  return {
    ...clients,
    destroy() {
      for (const client of Object.values(clients)) {
        client.destroy();
      }
    },
  };
}

/** Credentials in the SDK's spelling. */
export function sdkCredentials({ accessKeyID, secretAccessKey, sessionToken }: IssuedCredentials): {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
} {
  return { accessKeyId: accessKeyID, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
}
