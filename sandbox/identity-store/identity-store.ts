import type { Context } from "../context.ts";
import { AwsError, type Operation, type Service } from "../service.ts";
import { tokenBucket } from "../token-bucket.ts";
import { groupOperations } from "./groups.ts";
import { userOperations } from "./users.ts";

/** The directory of people and groups. */
export function identityStoreService(context: Context): Service {
  const take = tokenBucket(context.clock, context.limits.identityStorePerSecond);
  const operations = { ...userOperations(context), ...groupOperations(context) };
  return {
    signingName: "identitystore",
    protocol: "json",
    target: "AWSIdentityStore",
    operations: Object.fromEntries(
      Object.entries(operations).map(([name, operation]) => [name, guarded(name, operation, context, take)]),
    ),
    mutating: Object.keys(operations).filter((name) => /^(?:Create|Update|Delete)/.test(name)),
  };
}

function guarded(name: string, operation: Operation, context: Context, take: () => boolean): Operation {
  const { instance } = context.state;
  const resource = `arn:aws:identitystore::${instance.accountID}:identitystore/${instance.identityStoreID}`;
  return (input, call) => {
    if (!take()) {
      throw new AwsError("ThrottlingException", "Rate exceeded", 400, {
        RetryAfterSeconds: 1,
        RequestId: call.requestID,
      });
    }
    context.authorize(call, `identitystore:${name}`, resource);
    return operation(input, call);
  };
}
