import { ECSClient } from "@aws-sdk/client-ecs";
import { IAMClient } from "@aws-sdk/client-iam";
import { IdentitystoreClient } from "@aws-sdk/client-identitystore";
import { RDSClient } from "@aws-sdk/client-rds";
import { SSMClient } from "@aws-sdk/client-ssm";
import { SSOAdminClient } from "@aws-sdk/client-sso-admin";
import { fromTemporaryCredentials } from "@aws-sdk/credential-providers";
import type { Clock } from "#lib/clock.ts";
import { createAccountLock } from "./account-lock.ts";
import { ecsCalls } from "./ecs.ts";
import { iamCalls } from "./iam.ts";
import { identityStorePort } from "./identity-store.ts";
import { createLimiter, identityCenterLimit } from "./limiter.ts";
import type { AccountPort, AccountRef, AwsPorts } from "./ports.ts";
import { rdsCalls } from "./rds.ts";
import { ssmCalls } from "./ssm.ts";
import { identityCenterPort, listInstances } from "./sso-admin.ts";

/** How the ports reach AWS. The SDK clients honour `AWS_ENDPOINT_URL` and the ordinary credential chain. */
export interface AwsOptions {
  /** Region for calls to STS. */
  readonly region: string;
  /** Absent: the SDK's ordinary chain. */
  readonly credentials?: AwsCredentials;
  /** Where AWS is. Absent: AWS itself, or what `AWS_ENDPOINT_URL` says. */
  readonly endpoint?: string;
  readonly clock: Clock;
}

/** Static credentials, for tests and the sandbox. */
export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** A TCP connection takes milliseconds; one that takes longer is retried by the loop. */
const connectTimeoutMs = 5_000;
/** Control-plane calls answer within a second or two. Longer than this, the loop's back-off does better than waiting. */
const requestTimeoutMs = 15_000;
/** Life of the credentials for another account; the SDK renews them before. STS's least is 900. */
const assumedSeconds = 3_600;

/** The AWS ports over SDK clients, one client per service and place, made when first needed. */
export function awsPorts(options: AwsOptions): AwsPorts {
  const { clock } = options;
  const limiter = createLimiter(identityCenterLimit, clock);
  const storeLimiter = createLimiter(identityCenterLimit, clock);
  const lock = createAccountLock(clock);
  const names = new Map<string, string>();
  const own = {
    ...(options.credentials === undefined ? {} : { credentials: options.credentials }),
    ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
  };
  const http = { requestHandler: { connectionTimeout: connectTimeoutMs, requestTimeout: requestTimeoutMs } };

  const adminClient = memo((region) => new SSOAdminClient({ region, ...own, ...http, maxAttempts: 1 }));
  const storeClient = memo((region) => new IdentitystoreClient({ region, ...own, ...http, maxAttempts: 2 }));
  const account = memo((key) => {
    const { region, assumeRoleARN } = JSON.parse(key) as Pick<AccountRef, "region" | "assumeRoleARN">;
    const credentials = assumeRoleARN === undefined ? {} : { credentials: assumed(assumeRoleARN, options) };
    return accountPort({ region, ...own, ...credentials, ...http, maxAttempts: 2 });
  });
  return {
    instances: (region) => listInstances(adminClient(region), region, limiter),
    identityCenter: ({ instanceARN, region, urgency }) =>
      identityCenterPort({
        client: adminClient(region),
        instanceARN,
        urgency: urgency ?? "change",
        limiter,
        lock,
        names,
      }),
    identityStore: ({ identityStoreID, region }) =>
      identityStorePort(storeClient(region), identityStoreID, storeLimiter),
    account: ({ region, assumeRoleARN }) => account(JSON.stringify({ region, assumeRoleARN })),
  };
}

function accountPort(config: ConstructorParameters<typeof ECSClient>[0] & object): AccountPort {
  return {
    ...iamCalls(new IAMClient(config)),
    ...ecsCalls(new ECSClient(config)),
    ...ssmCalls(new SSMClient(config)),
    ...rdsCalls(new RDSClient(config)),
  };
}

function assumed(RoleArn: string, options: AwsOptions): ReturnType<typeof fromTemporaryCredentials> {
  return fromTemporaryCredentials({
    params: { RoleArn, RoleSessionName: "sallyport-controller", DurationSeconds: assumedSeconds },
    clientConfig: {
      region: options.region,
      ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
    },
    ...(options.credentials === undefined ? {} : { masterCredentials: options.credentials }),
  });
}

/** Makes a value once per key. */
function memo<T>(make: (key: string) => T): (key: string) => T {
  const made = new Map<string, T>();
  return (key) => {
    const known = made.get(key) ?? make(key);
    made.set(key, known);
    return known;
  };
}
