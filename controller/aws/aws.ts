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
import { measureClient, measureLimiter, type AwsRecorder } from "./measure.ts";
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
  /** Absent: nothing is measured. */
  readonly recorder?: AwsRecorder;
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
  const { clock, recorder } = options;
  const limiter = measureLimiter(createLimiter(identityCenterLimit, clock), "sso", recorder, clock);
  const storeLimiter = measureLimiter(createLimiter(identityCenterLimit, clock), "identitystore", recorder, clock);
  const lock = createAccountLock(clock);
  const names = new Map<string, string>();
  const own = {
    ...(options.credentials === undefined ? {} : { credentials: options.credentials }),
    ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
  };
  const http = { requestHandler: { connectionTimeout: connectTimeoutMs, requestTimeout: requestTimeoutMs } };

  const measured: Measured = (client) => measureClient(client, recorder, clock);
  const adminClient = memo((region) => measured(new SSOAdminClient({ region, ...own, ...http, maxAttempts: 1 })));
  const storeClient = memo((region) => measured(new IdentitystoreClient({ region, ...own, ...http, maxAttempts: 2 })));
  const account = memo((key) => {
    const { region, assumeRoleARN } = JSON.parse(key) as Pick<AccountRef, "region" | "assumeRoleARN">;
    const credentials = assumeRoleARN === undefined ? {} : { credentials: assumed(assumeRoleARN, options) };
    return accountPort({ region, ...own, ...credentials, ...http, maxAttempts: 2 }, measured);
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

/** Gives a client back that is measured. */
type Measured = <C extends Parameters<typeof measureClient>[0]>(client: C) => C;

function accountPort(config: ConstructorParameters<typeof ECSClient>[0] & object, measured: Measured): AccountPort {
  return {
    ...iamCalls(measured(new IAMClient(config))),
    ...ecsCalls(measured(new ECSClient(config))),
    ...ssmCalls(measured(new SSMClient(config))),
    ...rdsCalls(measured(new RDSClient(config))),
  };
}

function assumed(RoleArn: string, options: AwsOptions): ReturnType<typeof fromTemporaryCredentials> {
  return fromTemporaryCredentials({
    params: { RoleArn, RoleSessionName: "sallyport-controller", DurationSeconds: assumedSeconds },
    clientConfig: {
      region: options.region,
      ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
    },
    clientPlugins: [
      { applyToStack: (middlewareStack) => void measureClient({ middlewareStack }, options.recorder, options.clock) },
    ],
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
