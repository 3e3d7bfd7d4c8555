/** The parts of an assumed role's STS ARN, `arn:<partition>:sts::<account>:assumed-role/<role>/<session>`. */
export interface AssumedRole {
  readonly accountID: string;
  readonly roleName: string;
  /** For a person of IAM Identity Center the user name; for an ECS task the task id. */
  readonly sessionName: string;
}

const assumedRolePattern = /^arn:aws[a-z-]*:sts::(\d{12}):assumed-role\/([\w+=,.@-]{1,64})\/([\w+=,.@-]{1,64})$/;
const reservedRolePattern = /^AWSReservedSSO_([\w+=,.@-]{1,32})_[0-9a-f]{16}$/;

/** Reads an assumed role's ARN; undefined for users, root, federated users and anything malformed. */
export function parseAssumedRole(arn: string): AssumedRole | undefined {
  const [, accountID, roleName, sessionName] = assumedRolePattern.exec(arn) ?? [];
  return accountID === undefined || roleName === undefined || sessionName === undefined
    ? undefined
    : { accountID, roleName, sessionName };
}

/**
 * The permission set that a reserved role name claims to come from. The name alone proves nothing (an account's
 * administrator can make a look-alike outside the reserved path); compare the role's unique id too.
 */
export function permissionSetOfRole(roleName: string): string | undefined {
  return reservedRolePattern.exec(roleName)?.[1];
}
