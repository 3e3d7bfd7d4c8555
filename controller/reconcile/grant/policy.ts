import { canonicalJson, type Proxy } from "#kinds/index.ts";

/** Tag of a Proxy's ECS service, inherited by its tasks: `namespace/name` of the Proxy. */
export const proxyTagKey = "sallyport.dev/proxy";

/** The only session document that people get. */
export const sessionDocument = "AWS-StartPortForwardingSession";

/** What a permission set's policy is made of. */
export interface PolicyTarget {
  /** `aws`, `aws-cn` or `aws-us-gov`. */
  readonly partition: string;
  readonly region: string;
  readonly accountID: string;
  readonly clusterName: string;
  /** `namespace/name` of the Proxy. */
  readonly proxyKey: string;
  /** User name of the person: their role session's name, with which their SSM session IDs begin. */
  readonly userName: string;
}

/**
 * What Identity Center takes as a user name may be more than STS takes as the name of a role session (STS API reference,
 * RoleSessionName: 2 to 64 of `[\w+=,.@-]`). None of these characters means anything in a policy, so the name can stand in
 * an ARN pattern.
 */
export function isSessionName(userName: string): boolean {
  return /^[\w+=,.@-]{2,64}$/.test(userName);
}

/**
 * The inline policy of a Grant's permission set (aws-and-ssm.md B6): port forwarding to the tasks of one Proxy, the person's
 * own sessions, nothing else.
 *
 * Every statement that allows StartSession carries SessionDocumentAccessCheck: without it Session Manager does not check
 * the document, and the shell document would be open. Unverified on live AWS: that `ssm:resourceTag` on an ECS task reads
 * the task's propagated tags; that `aws:ssmmessages:session-id` equals `aws:userid` for Identity Center sessions; that
 * OpenDataChannel is authorised on the session's ARN. `docs/` lists them for whoever runs this for the first time.
 */
export function inlinePolicy(target: PolicyTarget): string {
  const { partition, region, accountID, clusterName, proxyKey, userName } = target;
  const documentCheck = { BoolIfExists: { "ssm:SessionDocumentAccessCheck": "true" } };
  return JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      {
        Sid: "StartOnProxyTasks",
        Effect: "Allow",
        Action: "ssm:StartSession",
        // Any task of the cluster that carries the tag: task IDs change with every deployment.
        Resource: `arn:${partition}:ecs:${region}:${accountID}:task/${clusterName}/*`,
        Condition: { ...documentCheck, StringEquals: { [`ssm:resourceTag/${proxyTagKey}`]: proxyKey } },
      },
      {
        Sid: "PortForwardingOnly",
        Effect: "Allow",
        Action: "ssm:StartSession",
        // AWS owns the document: its ARN has no account.
        Resource: `arn:${partition}:ssm:${region}::document/${sessionDocument}`,
        Condition: documentCheck,
      },
      {
        Sid: "OwnSessions",
        Effect: "Allow",
        Action: ["ssm:ResumeSession", "ssm:TerminateSession"],
        Resource: `arn:${partition}:ssm:*:*:session/*`,
        // Escaped: the variable is AWS's, not JavaScript's.
        Condition: { StringLike: { "ssm:resourceTag/aws:ssmmessages:session-id": "${aws:userid}" } },
      },
      {
        Sid: "OwnDataChannels",
        Effect: "Allow",
        Action: "ssmmessages:OpenDataChannel",
        Resource: `arn:${partition}:ssm:*:*:session/${userName}-*`,
      },
    ],
  });
}

/** The policy for one person on one Proxy. `instanceARN` tells the partition. */
export function policyFor(proxy: Proxy, userName: string, instanceARN: string): string {
  const { ecs } = proxy.spec;
  return inlinePolicy({
    partition: instanceARN.split(":")[1] ?? "aws",
    region: ecs.region,
    accountID: ecs.accountID,
    clusterName: ecs.clusterName,
    proxyKey: `${proxy.metadata.namespace}/${proxy.metadata.name}`,
    userName,
  });
}

/** Whether two policies say the same, however they are written. Text that is not JSON equals nothing. */
export function samePolicy(one: string | undefined, other: string): boolean {
  try {
    return one !== undefined && canonicalJson(JSON.parse(one)) === canonicalJson(JSON.parse(other));
  } catch {
    return false;
  }
}
