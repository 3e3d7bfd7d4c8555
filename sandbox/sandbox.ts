import type { Context } from "./context.ts";
import type { IssuedCredentials } from "./credentials.ts";
import type { EcsService } from "./ecs/service.ts";
import type { EnvironmentParts } from "./env-file.ts";
import type { EventLog } from "./events.ts";
import type { FaultPlan } from "./faults.ts";
import type { AsyncRequest } from "./identity-center/requests.ts";
import type { RecordedCall } from "./server/calls.ts";
import type { Service } from "./service.ts";
import type { SsmService } from "./ssm/service.ts";
import type { State } from "./state.ts";

/** A running sandbox. */
export interface Sandbox {
  /** `http://127.0.0.1:<port>`: what AWS_ENDPOINT_URL must be. */
  readonly url: string;
  readonly port: number;
  readonly region: string;
  /** Start URL of the access portal, for `aws sso login` and the CLI. */
  readonly startURL: string;
  /** Everything that the sandbox knows: people, groups, roles, permission sets, assignments, secrets, databases. */
  readonly state: State;
  /** What services are built from; for tests of one service. */
  readonly context: Context;
  /** ECS, with what a test may do to tasks. */
  readonly ecs: EcsService;
  /** Session Manager, with what a test may do to sessions. */
  readonly ssm: SsmService;
  /** Every service that it answers for. */
  readonly services: readonly Service[];
  /** Calls in the order in which they arrived. */
  readonly calls: readonly RecordedCall[];
  /** Every change of sets, assignments and roles, every call, and who made them. */
  readonly events: EventLog;
  /** How far what Identity Center and IAM show lags behind what is, in milliseconds; 0 at the start, may be changed at any time. */
  readLagMs: number;
  /** Decides the fate of calls; may be replaced at any time. */
  faults: FaultPlan;
  /** Decides whether an asynchronous Identity Center request fails, and why; may be replaced at any time. */
  asyncFailure: (request: AsyncRequest) => string | undefined;
  /** Credentials of the controller: long-term keys of an administrator. */
  readonly controllerCredentials: IssuedCredentials;
  /** Confirms a device code as a person would in the browser. Throws when the code or the person is not known. */
  approveDevice(userCode: string, userName: string): void;
  /** An access token of the portal for a person, as a finished sign-in gives. */
  portalToken(userName: string): string;
  /** Credentials as the portal gives them to a person. Throws `AwsError` when nothing is assigned. */
  credentialsFor(userName: string, permissionSetName: string, accountID?: string): IssuedCredentials;
  /** What a shell needs to use the sandbox as the controller. */
  readonly environment: EnvironmentParts;
  /** Writes `environment` to a file, mode 0600. */
  writeEnvFile(file: string): Promise<void>;
  /** Stops tasks, timers and the listener. */
  stop(): Promise<void>;
}
