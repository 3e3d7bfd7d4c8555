import { StartSessionCommand } from "@aws-sdk/client-ssm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { IssuedCredentials } from "#sandbox/credentials.ts";
import type { FaultEvent } from "#sandbox/faults.ts";
import type { GrantList, GrantView } from "#wire/control-api.ts";
import { type ControlApi, controlApi } from "../harness/control-api.ts";
import { type Installation, startInstallation, untilProxyLinked } from "../harness/installation.ts";
import { eventually } from "../harness/process.ts";
import { type GrantWatch, watchGrant } from "./grant-watch.ts";
import {
  type ArrangedKill,
  killAt,
  type KillPoint,
  killPoints,
  killWhen,
  recordMutations,
  watchOnly,
} from "./kill-points.ts";
import { verdictAtDoor } from "./proxy-door.ts";
import * as support from "./support.ts";

/**
 * What the controller changes in AWS for one grant, and to take it away while its person has a session. Sessions and
 * assignment are ended side by side, so that neither waits for the other; all else comes in this order.
 */
const grantSteps = ["CreatePermissionSet", "PutInlinePolicyToPermissionSet", "CreateAccountAssignment", "TagResource"];
const revokeSteps = ["TerminateSession", "DeleteAccountAssignment", "TagResource", "DeletePermissionSet"];
const person = "ada";

let installation: Installation;
let api: ControlApi;
/** The policy of an undisturbed grant; it names the person and the proxy, not the grant, so that all of ada's are equal. */
let policy: string | undefined;
/** Grants that have ended and whose files are there again. */
const ended: string[] = [];

beforeAll(async () => {
  installation = await startInstallation({ sandbox: { delays: { identityCenterMs: 30 } } });
  api = controlApi(installation, "margaret");
  await untilProxyLinked(installation);
});

afterAll(() => installation?.stop());

/** One Grant from its file to nothing left. */
class Life {
  readonly name: string;
  readonly file: string;
  readonly manifest: string;
  readonly watch: GrantWatch;

  constructor(name: string) {
    this.name = name;
    this.file = `grants/${name}.yaml`;
    this.manifest = support.grantManifest(name, person);
    this.watch = watchGrant(installation.sandbox.state, name, () => policy);
    watchOnly(installation.sandbox, this.watch.observe);
  }

  begin(): void {
    installation.writeManifest(this.file, this.manifest);
  }

  /** Live, in AWS exactly once, and with the window that was written first. */
  async active(): Promise<GrantView> {
    const grant = await support.grantReaches(api, this.name, "Active");
    expect(this.watch.violations).toEqual([]);
    expect(this.watch.sets().map((set) => set.name)).toEqual([grant.grantID]);
    expect({ activation: grant.activationTime, expiry: grant.expiryTime }).toEqual(this.watch.firstWindow());
    return grant;
  }

  /** Nothing of it is left anywhere, and nobody gets in with credentials that outlive it. */
  async gone(grantID: string, credentials: IssuedCredentials): Promise<void> {
    await support.grantReleased(api, this.name);
    const { sandbox } = installation;
    expect(this.watch.violations).toEqual([]);
    expect(this.watch.sets()).toEqual([]);
    expect(
      [...sandbox.state.assignments.values()].filter(({ permissionSetARN }) => isOrphan(permissionSetARN)),
    ).toEqual([]);
    expect(sandbox.state.roles.list("111122223333").filter(({ roleName }) => roleName.includes(grantID))).toEqual([]);
    await expect(startSession(credentials)).rejects.toThrow(/not authorized/);
    await eventually("the proxy refuses the ended grant", async () => {
      const verdict = await verdictAtDoor(installation, { grantID, credentials });
      return verdict === "welcome" ? undefined : verdict;
    });
  }

  /** The same file again opens nothing. It stays: no restart that follows may change that. */
  async cannotComeBack(): Promise<void> {
    this.begin();
    const grant = await support.grantReaches(api, this.name, "Refused", "Active");
    expect(grant).toMatchObject({ state: "Refused", readyReason: "PreviouslyEnded" });
    expect(this.watch.sets()).toEqual([]);
    ended.push(this.name);
  }
}

function isOrphan(permissionSetARN: string): boolean {
  return !installation.sandbox.state.permissionSets.has(permissionSetARN);
}

function startSession(credentials: IssuedCredentials): Promise<unknown> {
  const Target = installation.sandbox.ecs.tasks()[0]?.targets[0] ?? "";
  const request = { Target, DocumentName: "AWS-StartPortForwardingSession", Parameters: { portNumber: ["9432"] } };
  return support.ssmClient(installation, credentials).send(new StartSessionCommand(request));
}

/** The person's own credentials with an open SSM session, which revoking must end. */
async function withSession(grantID: string): Promise<IssuedCredentials> {
  const credentials = installation.sandbox.credentialsFor(person, grantID);
  await startSession(credentials);
  return credentials;
}

describe("an undisturbed grant", () => {
  it("takes these changes to AWS, so that the walk below kills at every one of them", async () => {
    const life = new Life("undisturbed");

    const granting = recordMutations(installation.sandbox, life.watch.observe);
    life.begin();
    const { grantID } = await life.active();
    granting.stop();
    policy = life.watch.sets()[0]?.inlinePolicy;
    const credentials = await withSession(grantID);
    const revoking = recordMutations(installation.sandbox, life.watch.observe);
    installation.deleteManifest(life.file);
    await life.gone(grantID, credentials);
    revoking.stop();

    expect(granting.names).toEqual(grantSteps);
    expect(revoking.names.toSorted()).toEqual(revokeSteps.toSorted());
    expect(revoking.names.at(-1)).toBe("DeletePermissionSet");
    await life.cannotComeBack();
  });
});

describe("a controller that is killed with SIGKILL", () => {
  const named = (point: KillPoint, index: number) => [`${point.phase} ${point.operation}`, point, index] as const;
  const granting = killPoints(grantSteps).map(named);
  const revoking = killPoints(revokeSteps).map(named);

  it.each(
    granting.map((entry, index) => [entry[0], revoking[index]?.[0], entry[1], revoking[index]?.[1], index] as const),
  )(
    "%s, and when the grant ends %s, gives access once and leaves nothing behind",
    async (_granting, _revoking, grantPoint, revokePoint, index) => {
      const life = new Life(`walk-${index}`);

      const killedWhileGranting = killAt(installation, grantPoint, life.watch.observe);
      life.begin();
      await killedWhileGranting.restarted;
      const { grantID } = await life.active();
      const credentials = await withSession(grantID);
      const killedWhileRevoking = killAt(installation, revokePoint as KillPoint, life.watch.observe);
      installation.deleteManifest(life.file);
      await killedWhileRevoking.restarted;

      await life.gone(grantID, credentials);
      await life.cannotComeBack();
    },
  );
});

describe("a controller that is killed at any moment", () => {
  const seed = 20_260_101;

  // Ten restarts, after each of which a set that is not shown is waited for.
  it(`converges, whatever was under way (seed ${seed})`, async () => {
    const random = seeded(seed);
    for (let round = 0; round < 5; round += 1) {
      const life = new Life(`random-${round}`);
      const isDeletedMeanwhile = random() < 0.4;

      const whileGranting = killSomewhere(
        random,
        life,
        () => isDeletedMeanwhile && installation.deleteManifest(life.file),
      );
      life.begin();
      await whileGranting.restarted;
      if (isDeletedMeanwhile) {
        await support.grantReleased(api, life.name);
        expect(life.watch.sets()).toEqual([]);
        expect(life.watch.violations).toEqual([]);
        continue;
      }
      const { grantID } = await life.active();
      const credentials = await withSession(grantID);
      const whileRevoking = killSomewhere(random, life, () => {});
      installation.deleteManifest(life.file);
      await whileRevoking.restarted;

      await life.gone(grantID, credentials);
    }
  }, 120_000);

  /** At one of the first calls, reads included, and up to 40 ms later: status is written in between. */
  function killSomewhere(random: () => number, life: Life, whileDown: () => void): ArrangedKill {
    const wanted = Math.floor(random() * 8);
    const afterMs = Math.floor(random() * 40);
    let calls = -1;
    const isThere = (event: FaultEvent): boolean => {
      calls += event.phase === "before" ? 1 : 0;
      return calls === wanted;
    };
    return killWhen(installation, { isThere, observe: life.watch.observe, afterMs, whileDown });
  }
});

describe("grants that have ended", () => {
  it("are still refused after all these restarts", async () => {
    const { items } = await api.get<GrantList>("/v1/grants");
    const { permissionSets } = installation.sandbox.state;

    expect(ended.length).toBeGreaterThanOrEqual(1);
    expect(items.map(({ name, readyReason }) => [name, readyReason]).toSorted()).toEqual(
      ended.map((name) => [name, "PreviouslyEnded"]).toSorted(),
    );
    expect([...permissionSets.values()].map((set) => set.name)).toEqual(["sallyport"]);
  });
});

/** Numbers in [0, 1) that are the same in every run: mulberry32, public domain. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
