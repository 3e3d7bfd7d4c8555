import {
  DescribePermissionSetCommand,
  GetInlinePolicyForPermissionSetCommand,
  ListAccountAssignmentsCommand,
  ListInstancesCommand,
  paginateListPermissionSets,
  SSOAdminClient,
} from "@aws-sdk/client-sso-admin";
import type { Sandbox } from "#sandbox/sandbox.ts";

/** What Identity Center holds for a grant, as the AWS SDK reads it: not what the controller says of it. */
export interface AwsView {
  readonly permissionSetARN: string;
  readonly description: string;
  readonly policy: string;
  readonly assignedTo: readonly string[];
}

/** Reads Identity Center with the plain AWS SDK. */
export function awsViewer(
  sandbox: Sandbox,
  accountID: string,
): { find(grantID: string): Promise<AwsView | undefined> } {
  const { accessKeyID, secretAccessKey } = sandbox.controllerCredentials;
  const client = new SSOAdminClient({
    endpoint: sandbox.url,
    region: sandbox.region,
    credentials: { accessKeyId: accessKeyID, secretAccessKey },
  });
  return {
    async find(grantID) {
      const { Instances } = await client.send(new ListInstancesCommand({}));
      const InstanceArn = Instances?.[0]?.InstanceArn;
      for await (const page of paginateListPermissionSets({ client }, { InstanceArn })) {
        for (const PermissionSetArn of page.PermissionSets ?? []) {
          const view = await readSet(client, { InstanceArn, PermissionSetArn }, grantID, accountID).catch(unlessGone);
          if (view !== undefined) {
            return view;
          }
        }
      }
      return undefined;
    },
  };
}

/** The set as it stands, if it is the grant's. */
async function readSet(
  client: SSOAdminClient,
  set: { InstanceArn: string | undefined; PermissionSetArn: string },
  grantID: string,
  accountID: string,
): Promise<AwsView | undefined> {
  const { PermissionSet } = await client.send(new DescribePermissionSetCommand(set));
  if (PermissionSet?.Name !== grantID) {
    return undefined;
  }
  const policy = await client.send(new GetInlinePolicyForPermissionSetCommand(set));
  const assignments = await client.send(new ListAccountAssignmentsCommand({ ...set, AccountId: accountID }));
  return {
    permissionSetARN: set.PermissionSetArn,
    description: PermissionSet.Description ?? "",
    policy: policy.InlinePolicy ?? "",
    assignedTo: (assignments.AccountAssignments ?? []).map((assignment) => assignment.PrincipalId ?? ""),
  };
}

/** A set that was deleted since it was listed is simply not there. */
function unlessGone(error: Error): undefined {
  if (error.name !== "ResourceNotFoundException") {
    throw error;
  }
}
