import { describe, expect, it } from "vitest";
import type { Limiter } from "./limiter.ts";
import { type IdentityCenterParts, limited, limitedInTurn, limitedOptional } from "./sso-admin-parts.ts";

const unavailable = Object.assign(new Error("Service Unavailable"), { $metadata: { httpStatusCode: 503 } });
const named = (name: string): Error => Object.assign(new Error("no"), { name });

/** A call that fails with `failures` in turn and is then answered, and what it and the limiter saw. */
function aCall(failures: readonly Error[]) {
  let taken = 0;
  let sent = 0;
  const limiter: Limiter = {
    take: () => {
      taken += 1;
      return Promise.resolve();
    },
  };
  const parts = { limiter, urgency: "change" } as unknown as IdentityCenterParts;
  const run = (): Promise<string> => {
    const failure = failures[sent];
    sent += 1;
    return failure === undefined ? Promise.resolve("answer") : Promise.reject(failure);
  };
  return { parts, run, counts: () => ({ taken, sent }) };
}

describe.each([
  ["limited", limited],
  ["limitedInTurn", limitedInTurn],
  ["limitedOptional", limitedOptional],
])("%s", (_name, call) => {
  it.each(["ListAccountAssignments", "GetInlinePolicyForPermissionSet", "TagResource", "CreatePermissionSet"])(
    "tries %s again where it fails at once, each time in its turn of the rate",
    async (operation) => {
      const { parts, run, counts } = aCall([unavailable, named("InternalServerException")]);

      await expect(call(parts, operation, run)).resolves.toBe("answer");

      expect(counts()).toEqual({ taken: 3, sent: 3 });
    },
  );

  it("gives a call up after three attempts", async () => {
    const { parts, run, counts } = aCall([unavailable, unavailable, unavailable]);

    await expect(call(parts, "DescribePermissionSet", run)).rejects.toMatchObject({ failure: "unavailable" });

    expect(counts().sent).toBe(3);
  });

  it.each(["ThrottlingException", "AccessDeniedException", "TimeoutError", "AbortError"])(
    "leaves a read that ends with %s to the next pass",
    async (name) => {
      const { parts, run, counts } = aCall([named(name)]);

      await expect(call(parts, "ListTagsForResource", run)).rejects.toMatchObject({ code: name });

      expect(counts().sent).toBe(1);
    },
  );

  it.each(["CreatePermissionSet", "CreateAccountAssignment", "DeleteAccountAssignment", "ProvisionPermissionSet"])(
    "leaves %s to the next pass where a repetition is refused, since the first may have had its effect",
    async (operation) => {
      const { parts, run, counts } = aCall([unavailable, named("ConflictException")]);

      await expect(call(parts, operation, run)).rejects.toMatchObject({ failure: "unavailable" });

      expect(counts().sent).toBe(2);
    },
  );
});
