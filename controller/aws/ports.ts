import type { EcsPort } from "./ecs-port.ts";

export type { ServiceSpec, ServiceView, TaskDefinition, TaskView } from "./ecs-port.ts";

/**
 * What the reconcilers need from AWS, one port per service, in plain data. Every method rejects with an `AwsFailure` only;
 * `controller/aws/errors.ts` classifies once. Methods are named for what they do, not for the API call; the call is in the
 * doc comment, since `plan` prints it.
 */
export interface AwsPorts {
  /** sso:ListInstances: the Identity Center instances that these credentials see in a region. */
  readonly instances: (region: string) => Promise<readonly InstanceRef[]>;
  /** Ports for one account and region. `assumeRoleARN` is the role to take there; absent = the controller's own credentials. */
  readonly identityCenter: (at: IdentityCenterRef) => IdentityCenterPort;
  readonly identityStore: (at: { readonly identityStoreID: string; readonly region: string }) => IdentityStorePort;
  readonly account: (at: AccountRef) => AccountPort;
}

export interface InstanceRef {
  readonly instanceARN: string;
  readonly identityStoreID: string;
  readonly region: string;
}
export interface IdentityCenterRef {
  readonly instanceARN: string;
  readonly region: string;
  /** Calls that take access away go before all others in the shared rate limit, looks at what is settled after all. Absent means `change`. */
  readonly urgency?: CallUrgency;
}
/** Which calls go first where calls must wait for each other. */
export type CallUrgency = "revoke" | "change" | "check";
export interface AccountRef {
  readonly accountID: string;
  readonly region: string;
  readonly assumeRoleARN?: string;
  /** External ID that the role asks for; absent: the installation's own. */
  readonly externalID?: string;
}

/**
 * How a failed call is to be treated. `busy`: this process itself is updating a role in that account, and wakes who waits.
 * `credentials`: AWS does not accept who we are, so that no call of anybody can work until somebody renews them.
 */
export type AwsFailureClass =
  | "credentials"
  | "not-found"
  | "conflict"
  | "busy"
  | "throttled"
  | "denied"
  | "invalid"
  | "quota"
  | "unavailable";

export class AwsFailure extends Error {
  readonly failure: AwsFailureClass;
  /** AWS's own error name, such as `ConflictException`. */
  readonly code: string;
  /** `service:Operation` of the call. */
  readonly call: string;

  constructor(failure: AwsFailureClass, code: string, call: string, message: string) {
    super(message);
    this.name = "AwsFailure";
    this.failure = failure;
    this.code = code;
    this.call = call;
  }
}

export interface PermissionSet {
  readonly arn: string;
  readonly name: string;
  readonly tags: Readonly<Record<string, string>>;
}

export interface AssignmentRef {
  readonly permissionSetARN: string;
  readonly accountID: string;
  /** Identity Store user ID. */
  readonly principalID: string;
}

/** State of an asynchronous operation of Identity Center. */
export interface OperationState {
  readonly requestID: string;
  readonly status: "IN_PROGRESS" | "SUCCEEDED" | "FAILED";
  readonly failureReason?: string;
}

/** One change of one role in one account. */
export interface RoleUpdate {
  readonly kind: "CreateAssignment" | "DeleteAssignment" | "Provision";
  readonly permissionSetARN: string;
  readonly accountID: string;
}

/** sso-admin. All calls share one 20-a-second token bucket; calls that update a role in an account are serialised per account. */
export interface IdentityCenterPort {
  /**
   * Every permission set that carries `tag` and whose name passes `named` (ListPermissionSets, DescribePermissionSet,
   * ListTagsForResource); for recovery and orphans. Names are remembered, so a second listing costs little. Sets that `skip` names
   * by their ARN are not looked at.
   */
  listTagged(
    tag: { readonly key: string; readonly value: string },
    named?: (name: string) => boolean,
    skip?: (arn: string) => boolean,
  ): Promise<readonly PermissionSet[]>;
  /** ListTagsForResource; undefined when the set is gone. The cheapest look at a set: one call. */
  getTags(arn: string): Promise<Readonly<Record<string, string>> | undefined>;
  /** Finds by ARN (DescribePermissionSet, ListTagsForResource); undefined when it is gone. */
  getPermissionSet(arn: string): Promise<PermissionSet | undefined>;
  /**
   * Takes the account's turn for an update that found it `busy`, without a call to AWS: throws `busy` while the turn is
   * another's. The update then has the turn; `giveUpTurn` where it is not made after all. `wake` is called when the turn is
   * kept for it.
   */
  takeTurn(update: RoleUpdate, wake?: () => void): void;
  giveUpTurn(update: RoleUpdate): void;
  /**
   * ListPermissionSetsProvisionedToAccount: the ARNs of all sets that have a role in the account. One listing serves everybody who
   * asks within `maxAgeMs`, 100 sets a call.
   */
  provisionedIn(accountID: string, maxAgeMs: number): Promise<ReadonlySet<string>>;
  /**
   * ListPermissionSetsProvisionedToAccount, those whose role in the account is not what the set says by now: a changed policy that
   * was never provisioned, or a provisioning that did not come to its end. Shared as `provisionedIn`.
   */
  outdatedIn(accountID: string, maxAgeMs: number): Promise<ReadonlySet<string>>;
  /** ListAccountsForProvisionedPermissionSet: where the set has a role. */
  accountsOf(permissionSetARN: string): Promise<readonly string[]>;
  /** Finds by name (paged ListPermissionSets + DescribePermissionSet): after a create whose answer was lost. */
  findPermissionSet(name: string): Promise<PermissionSet | undefined>;
  /** CreatePermissionSet with tags. `conflict` when the name is taken. */
  createPermissionSet(set: {
    readonly name: string;
    readonly description: string;
    readonly sessionDuration: string;
    readonly tags: Readonly<Record<string, string>>;
  }): Promise<PermissionSet>;
  /** TagResource: adds or replaces tags. */
  tagPermissionSet(arn: string, tags: Readonly<Record<string, string>>): Promise<void>;
  /** GetInlinePolicyForPermissionSet; undefined when there is none. */
  getInlinePolicy(permissionSetARN: string): Promise<string | undefined>;
  /** PutInlinePolicyToPermissionSet. */
  putInlinePolicy(permissionSetARN: string, policy: string): Promise<void>;
  /** ListAccountAssignments for this set and account: who holds it. */
  listAssignments(
    permissionSetARN: string,
    accountID: string,
  ): Promise<readonly { readonly principalID: string; readonly principalType: "USER" | "GROUP" }[]>;
  /** CreateAccountAssignment (provisions the set in the account as well). */
  createAssignment(assignment: AssignmentRef): Promise<OperationState>;
  /** DescribeAccountAssignmentCreationStatus. */
  assignmentCreation(requestID: string): Promise<OperationState>;
  /** DeleteAccountAssignment. */
  deleteAssignment(assignment: AssignmentRef): Promise<OperationState>;
  /** DescribeAccountAssignmentDeletionStatus. */
  assignmentDeletion(requestID: string): Promise<OperationState>;
  /** ProvisionPermissionSet to one account. */
  provision(permissionSetARN: string, accountID: string): Promise<OperationState>;
  /** DescribePermissionSetProvisioningStatus. */
  provisioning(requestID: string): Promise<OperationState>;
  /** DeletePermissionSet; done as well when it is already gone. `conflict` while anything is assigned. */
  deletePermissionSet(arn: string): Promise<void>;
}

/** A person of the Identity Store. */
export interface StoreUser {
  readonly userID: string;
  readonly userName: string;
  readonly displayName: string;
  readonly status: "ENABLED" | "DISABLED";
}

/** identitystore */
export interface IdentityStorePort {
  /** GetUserId by userName, then DescribeUser; undefined when there is nobody of that name. */
  findUser(userName: string): Promise<StoreUser | undefined>;
  /** DescribeUser; undefined when gone. */
  getUser(userID: string): Promise<StoreUser | undefined>;
  /** Names of the groups that the user is a direct member of (ListGroupMembershipsForMember, DescribeGroup). */
  groupsOf(userID: string): Promise<readonly string[]>;
}

/** ECS, IAM, SSM and RDS in one account and region. */
export interface AccountPort extends EcsPort {
  /** iam:ListRoles under `/aws-reserved/sso.amazonaws.com/` and iam:GetRole: the role that Identity Center made for this permission set; undefined until it exists. */
  findReservedRole(
    permissionSetName: string,
  ): Promise<{ readonly roleName: string; readonly roleID: string } | undefined>;
  /** iam:GetRole; undefined when there is none of that name. */
  getRole(roleName: string): Promise<{ readonly roleName: string; readonly roleID: string } | undefined>;
  /** ssm:DescribeSessions (Active, by owner's session name) and ssm:TerminateSession; the ids ended. */
  terminateSessions(filter: {
    readonly userName: string;
    readonly targets: readonly string[];
    readonly permissionSetName: string;
  }): Promise<readonly string[]>;
  /** rds:DescribeDBInstances; undefined when there is none. */
  getInstance(identifier: string): Promise<RdsEndpoint | undefined>;
  /** rds:DescribeDBClusters (writer endpoint); undefined when there is none. */
  getCluster(identifier: string): Promise<RdsEndpoint | undefined>;
}

export interface RdsEndpoint {
  readonly host: string;
  readonly port: number;
  readonly engine: string;
  readonly engineVersion: string;
  /** Security groups of its network interfaces; absent where RDS does not say. */
  readonly securityGroupIDs?: readonly string[];
  /** RDS's own word, such as `available` or `stopped`. */
  readonly status?: string;
  /** `db-…` or `cluster-…`: names it in policies for IAM authentication. */
  readonly resourceID?: string;
  /** Whether IAM authentication is on. */
  readonly iamAuthentication?: boolean;
}
