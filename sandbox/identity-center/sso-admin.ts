import type { Context } from "../context.ts";
import { epochSeconds } from "../input.ts";
import { page } from "../paging.ts";
import { AwsError, type Operation, type Service } from "../service.ts";
import type { State } from "../state.ts";
import { tokenBucket } from "../token-bucket.ts";
import { assignmentOperations } from "./assignments.ts";
import { permissionSetOperations, requireInstance } from "./permission-sets.ts";
import { policyOperations } from "./policies.ts";
import type { RequestBook } from "./requests.ts";
import { tagOperations } from "./tags.ts";

/** Identity Center's administration API. */
export function ssoAdminService(context: Context, book: RequestBook): Service {
  const take = tokenBucket(context.clock, context.limits.identityCenterPerSecond);
  const operations = operationsOn(context, book);
  return {
    signingName: "sso",
    protocol: "json",
    target: "SWBExternalService",
    operations: Object.fromEntries(
      Object.entries(operations).map(([name, operation]) => [
        name,
        guarded(name, lagging(name, operation, context, book), context, take),
      ]),
    ),
    mutating: Object.keys(operations).filter((name) => !isRead(name)),
  };
}

function operationsOn(context: Context, book: RequestBook): Record<string, Operation> {
  return {
    ...instanceOperations(context.state),
    ...permissionSetOperations(context, book),
    ...policyOperations(context, book),
    ...tagOperations(context.state),
    ...assignmentOperations(context, book),
  };
}

function isRead(name: string): boolean {
  return /^(?:Describe|Get|List)/.test(name);
}

/** Reads see what `context.reads` shows, which may be older than what is. */
function lagging(name: string, operation: Operation, context: Context, book: RequestBook): Operation {
  return (input, call) => {
    const state = context.reads.view();
    const shown =
      state === context.state || !isRead(name) ? operation : operationsOn({ ...context, state }, book)[name];
    return shown?.(input, call);
  };
}

/** All administration calls together share one rate (Identity Center quotas: 20 per second), and each needs its own `sso:` action. */
function guarded(name: string, operation: Operation, context: Context, take: () => boolean): Operation {
  return (input, call) => {
    if (!take()) {
      throw new AwsError("ThrottlingException", "Rate exceeded");
    }
    const resource = [input["PermissionSetArn"], input["ResourceArn"], input["InstanceArn"]].find(
      (arn) => typeof arn === "string",
    );
    context.authorize(call, `sso:${name}`, resource ?? "*");
    return operation(input, call);
  };
}

function instanceOperations(state: State): Record<string, Operation> {
  const shape = (): Record<string, unknown> => ({
    InstanceArn: state.instance.instanceARN,
    IdentityStoreId: state.instance.identityStoreID,
    OwnerAccountId: state.instance.accountID,
    CreatedDate: epochSeconds(state.instance.createdAt),
    Status: "ACTIVE",
  });
  return {
    ListInstances(input) {
      const { items, next } = page([shape()], input);
      return { Instances: items, NextToken: next };
    },
    DescribeInstance(input) {
      requireInstance(state, input);
      return shape();
    },
  };
}
