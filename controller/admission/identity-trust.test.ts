import { afterEach, describe, expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import { KubeFailure } from "../kube/failure.ts";
import type { KubeTransport } from "../kube/transport.ts";
import { clusterTrust, folderTrust, lookEveryMs, verdictMaxMs, type IdentityTrust } from "./identity-trust.ts";
import { identityCondition } from "./condition.ts";
import { expectedPolicies } from "./expected.ts";

const clock = manualClock(Date.UTC(2026, 0, 1));
let trust: IdentityTrust | undefined;
afterEach(() => trust?.close());

/** A server that answers each read as `answer` says, and counts. */
function server(answer: () => unknown): { readonly transport: KubeTransport; reads: number } {
  const state = { reads: 0, transport: undefined as unknown as KubeTransport };
  state.transport = {
    async request() {
      state.reads += 1;
      const said = answer();
      if (said instanceof Error) {
        throw said;
      }
      return said as never;
    },
  } as unknown as KubeTransport;
  return state;
}

const gone = (): Error => new KubeFailure("notFound", "not found");
const silent = (): Error => new KubeFailure("unavailable", "no answer");
const readsOfALook = expectedPolicies.length * 2 + 1;

function start(answer: () => unknown): { trust: IdentityTrust; reads: () => number } {
  const at = server(answer);
  trust = clusterTrust({ transport: at.transport, namespace: "sallyport-system", clock, log: silentLog });
  return { trust, reads: () => at.reads };
}

describe("looking at the admission policies", () => {
  it("trusts nothing before the first look, and looks again of its own accord", async () => {
    const { trust: looking, reads } = start(gone);
    expect(looking.current()).toMatchObject({ kind: "untrusted", reason: "NotLooked" });
    expect(looking.reviewsFromClusterCount()).toBe(false);

    await looking.look();
    expect(looking.current()).toMatchObject({ reason: "PolicyMissing" });
    const before = reads();
    clock.advance(lookEveryMs);
    await looking.look();
    expect(reads()).toBeGreaterThanOrEqual(before + readsOfALook);
  });

  it("answers whoever asks while a look runs from one that began later, one for all of them", async () => {
    const { trust: looking, reads } = start(gone);

    await Promise.all([looking.look(), looking.look(), looking.look()]);

    expect(reads()).toBe(2 * readsOfALook);
  });

  it("tells when what it says changes, and only then", async () => {
    let answer: () => unknown = gone;
    const { trust: looking } = start(() => answer());
    await looking.look();
    let told = 0;
    looking.onChange(() => (told += 1));

    await looking.look();
    expect(told).toBe(0);
    answer = () => ({ metadata: { generation: 1 }, spec: {} });
    await looking.look();
    expect([told, looking.current()]).toMatchObject([1, { reason: "PolicyAltered" }]);
  });

  it("keeps its verdict through lost looks, but not for ever", async () => {
    let answer: () => unknown = gone;
    const { trust: looking } = start(() => answer());
    await looking.look();
    answer = silent;

    await looking.look();
    expect(looking.current()).toMatchObject({ reason: "PolicyMissing" });
    clock.advance(verdictMaxMs + 1);
    await looking.look();
    expect(looking.current()).toMatchObject({ reason: "NotLooked" });
  });
});

describe("the condition", () => {
  it("is there in a cluster only, and says what to do", async () => {
    expect(identityCondition(folderTrust().current())).toEqual([]);
    const { trust: looking } = start(gone);
    const [condition] = identityCondition(await looking.look());
    expect(condition).toMatchObject({ type: "IdentityVerified", status: "False", reason: "PolicyMissing" });
    expect(condition?.message).toContain("apply manifests/admission of this version again");
    expect(identityCondition({ kind: "trusted", sinceMs: 0 })).toMatchObject([{ status: "True" }]);
  });
});
