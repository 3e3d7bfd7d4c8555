import { ECSClient } from "@aws-sdk/client-ecs";
import { IAMClient } from "@aws-sdk/client-iam";
import { IdentitystoreClient } from "@aws-sdk/client-identitystore";
import { RDSClient } from "@aws-sdk/client-rds";
import { SSMClient } from "@aws-sdk/client-ssm";
import { SSOAdminClient } from "@aws-sdk/client-sso-admin";
import { fromTemporaryCredentials } from "@aws-sdk/credential-providers";
import { awsHttp } from "#lib/aws-http.ts";
import type { Clock } from "#lib/clock.ts";
import { createAccountLock } from "./account-lock.ts";
import { assumedRole, type RoleCredentials } from "./assumed-role.ts";
import { ecsCalls } from "./ecs.ts";
import { iamCalls } from "./iam.ts";
import { identityStorePort } from "./identity-store.ts";
import { createLimiter, identityCenterLimit } from "./limiter.ts";
import { fenceClient, measureClient, measureLimiter, type AwsRecorder } from "./measure.ts";
import type { AccountPort, AccountRef, AwsPorts } from "./ports.ts";
import { rdsCalls } from "./rds.ts";
import { createSharedReads } from "./shared-reads.ts";
import { ssmCalls } from "./ssm.ts";
import { listInstances } from "./sso-admin-find.ts";
import { identityCenterPort } from "./sso-admin.ts";

/** How the ports reach AWS. The SDK clients honour `AWS_ENDPOINT_URL` and the ordinary credential chain. */
export interface AwsOptions {
  /** Region for calls to STS. */
  readonly region: string;
  /** Absent: the SDK's ordinary chain. */
  readonly credentials?: AwsCredentials;
  /** Where AWS is. Absent: AWS itself, or what `AWS_ENDPOINT_URL` says. */
  readonly endpoint?: string;
  /** Name of the installation: external IDs are bound to it. Absent: a Proxy that names no external ID has none. */
  readonly installation?: string;
  readonly clock: Clock;
  /** Absent: nothing is measured. */
  readonly recorder?: AwsRecorder;
  /** Called right before each attempt of an operation that changes something, with `service:Operation`; what it throws keeps it in. */
  readonly beforeWrite?: (call: string) => void;
}

/** Static credentials, for tests and the sandbox. */
export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** Life of the credentials for another account, the most that STS gives to who has taken a role already (role chaining). */
const assumedSeconds = 3_600;

/** The AWS ports over SDK clients, one client per service and place, made when first needed. */
export function awsPorts(options: AwsOptions): AwsPorts {
  const { clock, recorder } = options;
  const limiter = measureLimiter(createLimiter(identityCenterLimit, clock), "sso", recorder, clock);
  const storeLimiter = measureLimiter(createLimiter(identityCenterLimit, clock), "identitystore", recorder, clock);
  const lock = createAccountLock(clock);
  const names = new Map<string, string>();
  const shared = createSharedReads(clock);
  const own = {
    ...(options.credentials === undefined ? {} : { credentials: options.credentials }),
    ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
  };
  const http = { requestHandler: awsHttp() };

  const measured: Measured = (client) => fenceClient(measureClient(client, recorder, clock), options.beforeWrite);
  const adminClient = memo((region) => measured(new SSOAdminClient({ region, ...own, ...http, maxAttempts: 1 })));
  const storeClient = memo((region) => measured(new IdentitystoreClient({ region, ...own, ...http, maxAttempts: 2 })));
  const account = memo((key) => {
    const { region, ...role } = JSON.parse(key) as Omit<AccountRef, "accountID">;
    const credentials = role.assumeRoleARN === undefined ? {} : { credentials: assumed(role, options) };
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
        shared,
      }),
    identityStore: ({ identityStoreID, region }) =>
      identityStorePort({ client: storeClient(region), identityStoreID, limiter: storeLimiter, shared }),
    account: ({ region, assumeRoleARN, externalID }) => account(JSON.stringify({ region, assumeRoleARN, externalID })),
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

function assumed(
  { assumeRoleARN = "", externalID }: Pick<AccountRef, "assumeRoleARN" | "externalID">,
  options: AwsOptions,
): () => Promise<RoleCredentials> {
  const { region, endpoint, installation, clock, recorder } = options;
  const ExternalId = externalID ?? (installation === undefined ? undefined : `sallyport:${installation}`);
  const take = fromTemporaryCredentials({
    params: {
      RoleArn: assumeRoleARN,
      RoleSessionName: "sallyport-controller",
      DurationSeconds: assumedSeconds,
      ...(ExternalId === undefined ? {} : { ExternalId }),
    },
    clientConfig: { region, requestHandler: awsHttp(), ...(endpoint === undefined ? {} : { endpoint }) },
    clientPlugins: [{ applyToStack: (middlewareStack) => void measureClient({ middlewareStack }, recorder, clock) }],
    ...(options.credentials === undefined ? {} : { masterCredentials: options.credentials }),
  });
  return assumedRole({ roleARN: assumeRoleARN, externalID: ExternalId, take }, clock);
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
