import { memoryTrail } from "#audit/event/memory-trail.ts";
import { type ManualClock, manualClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import type { AnyObject } from "#kinds/index.ts";
import {
  aDatabase,
  anAvailability,
  aProxy,
  aWorkflow,
  memorySource,
  type MemorySource,
} from "#controller/reconcile/testing.ts";
import { GrantNews } from "#controller/serve/grants/grant-news.ts";
import type { Caller } from "#controller/serve/route.ts";
import { entitlementsOf } from "#controller/serve/grants/entitlements.ts";
import type { AuditReader, LinkedTask, Services } from "#controller/serve/services.ts";

/** Services on a source in memory; what a test does not touch is empty. */
export interface TestServices extends Services {
  readonly clock: ManualClock;
  readonly source: MemorySource;
}

/** Developers may have read_only on orders under the workflow auto, unless a test puts other objects. */
export const demoObjects: readonly AnyObject[] = [aProxy(), aDatabase(), aWorkflow(), anAvailability()];

export function testServices(
  objects: readonly AnyObject[] = demoObjects,
  change: Partial<Services> & { readonly linked?: readonly LinkedTask[] } = {},
): TestServices {
  const clock = manualClock();
  const source = memorySource(objects, () => clock.now());
  const audit: AuditReader = {
    search: async () => ({ items: [] }),
    newest: async () => 0,
    async *tail() {},
    sessions: async () => [],
    statistics: async () => ({ since: "", bucketSeconds: 1, buckets: [], slowest: [], errors: [] }),
    async *text() {},
    verify: async () => ({ verdict: "complete", records: 0, sessions: 0, findings: [] }),
    async *export() {},
    publicKey: { keyID: "sha256:0", publicKeyPEM: "" },
  };
  const { linked, ...rest } = change;
  const grantNews = new GrantNews();
  grantNews.follow(source);
  return {
    source,
    clock,
    log: silentLog,
    random: (bytes) => new Uint8Array(bytes).fill(0xab),
    installation: "test",
    signIn: () => ({
      installation: "test",
      startURL: "https://start",
      ssoRegion: "eu-west-1",
      identityPermissionSet: "sallyport",
      identityAccountID: "111122223333",
    }),
    verifier: {
      sts: { url: "https://sts.test", region: "eu-west-1" },
      clock,
      fetch: () => Promise.reject(new Error("asked STS")),
    },
    directory: {} as Services["directory"],
    audit,
    trail: memoryTrail(),
    // Nobody counts here, unless a test does.
    reviewWaitMs: 0,
    events: { page: async () => ({ items: [] }), async *tail() {} },
    grantNews,
    entitlements: async (person, namespace) => entitlementsOf(source, person, namespace),
    killSession: async () => "gone",
    linkedTasks: () => linked ?? [],
    ...rest,
  } as TestServices;
}

/** A signed-in person. */
export function caller(userName: string, change: Partial<Caller> = {}): Caller {
  return {
    userName,
    userID: `u-${userName}`,
    displayName: userName,
    groups: ["developers"],
    auditor: false,
    administrator: false,
    auditGroup: false,
    session: `session of ${userName}`,
    ...change,
  };
}
