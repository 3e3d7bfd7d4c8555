import { beforeEach, describe, expect, it } from "vitest";
import { type ManualClock, manualClock } from "#lib/clock.ts";
import { assumedRole, refreshBeforeMs, retryRefreshMs, type RoleCredentials } from "./assumed-role.ts";

const roleARN = "arn:aws:iam::444455556666:role/sallyport";
const hourMs = 3_600_000;

let clock: ManualClock;
let taken: number;
let failure: Error | undefined;

beforeEach(() => {
  clock = manualClock();
  taken = 0;
  failure = undefined;
});

const role = (externalID?: string) =>
  assumedRole(
    {
      roleARN,
      externalID,
      take: async (): Promise<RoleCredentials> => {
        taken += 1;
        if (failure !== undefined) {
          throw failure;
        }
        return { accessKeyId: `key-${taken}`, secretAccessKey: "", expiration: new Date(clock.now() + hourMs) };
      },
    },
    clock,
  );

function refusal(message: string): Error {
  return Object.assign(new Error(message), { name: "AccessDenied" });
}

describe("a role of another account", () => {
  it("is taken once for all who ask, and anew before its credentials end", async () => {
    const give = role();

    const first = await Promise.all([give(), give()]);
    clock.advance(hourMs - refreshBeforeMs - 1);
    const before = await give();
    clock.advance(1);
    const after = await give();

    expect(first.map(({ accessKeyId }) => accessKeyId)).toEqual(["key-1", "key-1"]);
    expect([before.accessKeyId, after.accessKeyId]).toEqual(["key-1", "key-2"]);
  });

  it("is used to the end of what is held while STS does not answer, and asked for no more often than needed", async () => {
    const give = role();
    await give();
    failure = new Error("connect ECONNREFUSED");
    clock.advance(hourMs - refreshBeforeMs);

    const held = [await give(), await give()];
    clock.advance(retryRefreshMs);
    await give();
    const tries = taken;
    clock.advance(refreshBeforeMs);

    expect(held.map(({ accessKeyId }) => accessKeyId)).toEqual(["key-1", "key-1"]);
    expect(tries).toBe(3);
    await expect(give()).rejects.toMatchObject({ failure: "unavailable", call: "sts:AssumeRole" });
  });

  it("that does not let the controller in says who must be let in, and with which external ID", async () => {
    failure = refusal(
      "User: arn:aws:sts::111122223333:assumed-role/sallyport-controller/pod is not authorized to perform: sts:AssumeRole",
    );

    const refused = await role("sallyport:prod")().catch((error: unknown) => error);

    expect(refused).toMatchObject({ failure: "denied", code: "AssumeRoleDenied" });
    expect((refused as Error).message).toContain(
      '{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/sallyport-controller"},"Action":"sts:AssumeRole",' +
        '"Condition":{"StringEquals":{"sts:ExternalId":"sallyport:prod"}}}',
    );
  });
});
