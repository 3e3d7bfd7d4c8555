import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ManualClock } from "#lib/clock.ts";
import { UserError } from "#lib/errors.ts";
import { formatKey, type Grant, type ObjectKey, type Proxy } from "#kinds/index.ts";
import {
  firstID,
  givenStatus,
  grantManifest,
  keyOfManifest,
  proxyManifest,
  secondID,
  workflowManifest,
  type Manifest,
} from "./contract-objects.ts";
import type { Source } from "./source.ts";

/** One installation that a source reads: how a test acts on it as people do. */
export interface SourceHarness {
  readonly clock: ManualClock;
  /** Namespace of the objects that people write here. */
  readonly namespace: string;
  /** A source on what is there, and on what it remembers; not started. Called again after `close` for a restart. */
  open(): Source;
  /** Writes an object, as a person does with a file or kubectl. Resolves when the source that is open has seen it. */
  apply(manifest: Manifest): Promise<void>;
  /** Removes the object's text. Resolves when the source that is open counts it as deleted, where it does. */
  remove(key: ObjectKey): Promise<void>;
  /** The uid that a recovered Grant must have to be the object of that name: any where the source gives out uids. */
  uidOf(key: ObjectKey): Promise<string>;
  /** Frees everything. */
  dispose(): Promise<void>;
}

interface Stage {
  harness: SourceHarness;
  source: Source;
  grant(name?: string): Grant;
  key(manifest: Manifest): ObjectKey;
  restart(): Promise<void>;
}

/** What every source promises, whatever is behind it. `makeHarness` gives an empty installation. */
export function sourceContract(name: string, makeHarness: () => Promise<SourceHarness>): void {
  describe(`${name}: what every source promises`, () => {
    const stage = {} as Stage;
    stage.grant = (grant = "ada") => stage.source.get("Grant", stage.harness.namespace, grant)?.object as Grant;
    stage.key = (manifest) => keyOfManifest(manifest, stage.harness.namespace);
    stage.restart = async () => {
      await stage.source.close();
      stage.source = stage.harness.open();
      await stage.source.start();
    };
    beforeEach(async () => {
      stage.harness = await makeHarness();
      stage.source = stage.harness.open();
    });
    afterEach(async () => {
      await stage.source.close();
      await stage.harness.dispose();
    });

    describe("identity", () => identity(stage));
    describe("status", () => status(stage));
    describe("deletion", () => deletion(stage));
    describe("objects of the control API", () => apiObjects(stage));
    describe("memory", () => memory(stage));
  });
}

function identity(stage: Stage): void {
  it("gives an object a uid, the first generation and the time it was seen", async () => {
    await stage.source.start();
    await stage.harness.apply(grantManifest("ada"));

    const { metadata } = stage.grant();
    expect(metadata.uid).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(metadata.generation).toBe(1);
    expect(Date.parse(metadata.creationTimestamp ?? "")).not.toBeNaN();
  });

  it("raises the generation with the spec, and with nothing else", async () => {
    await stage.source.start();
    await stage.harness.apply(grantManifest("ada"));
    const { uid } = stage.grant().metadata;

    await stage.harness.apply({ ...grantManifest("ada"), metadata: { name: "ada", labels: { team: "data" } } });
    expect(stage.grant().metadata).toMatchObject({ uid, generation: 1, labels: { team: "data" } });

    await stage.harness.apply(grantManifest("ada", { durationSeconds: 600 }));
    expect(stage.grant().metadata).toMatchObject({ uid, generation: 2 });
  });

  it("keeps uid, generation and status over a restart", async () => {
    await stage.source.start();
    await stage.harness.apply(grantManifest("ada"));
    await stage.harness.apply(grantManifest("ada", { durationSeconds: 600 }));
    await stage.source.writeStatus(stage.grant(), (old) => ({ ...old, grantID: firstID }));
    const before = stage.grant();

    await stage.restart();

    expect(stage.grant()).toEqual(before);
  });

  it("hands out objects that nobody can change", async () => {
    await stage.source.start();
    await stage.harness.apply(grantManifest("ada"));

    expect(Object.isFrozen(stage.grant())).toBe(true);
    expect(Object.isFrozen(stage.grant().spec.principal)).toBe(true);
  });

  it("tells subscribers of what is added, changed and deleted, and of nothing once they left", async () => {
    await stage.source.start();
    const seen: string[] = [];
    const leave = stage.source.subscribe((key) => seen.push(formatKey(key)));

    await stage.harness.apply(workflowManifest("quick"));
    await stage.harness.apply(workflowManifest("quick", 7200));
    await stage.harness.remove(stage.key(workflowManifest("quick")));
    leave();
    await stage.harness.apply(workflowManifest("slow"));

    expect([...new Set(seen)]).toEqual([formatKey(stage.key(workflowManifest("quick")))]);
    expect(seen.length).toBeGreaterThanOrEqual(3);
  });
}

function status(stage: Stage): void {
  it("writes what the change makes of the newest status, and leaves the spec alone", async () => {
    await stage.source.start();
    await stage.harness.apply(grantManifest("ada"));
    const early = stage.grant();

    await stage.source.writeStatus(early, (old) => ({ ...old, grantID: firstID }));
    await stage.source.writeStatus(early, (old) => ({ ...old, requestTime: "2026-01-01T00:00:00Z" }));

    expect(stage.grant().status).toMatchObject({ grantID: firstID, requestTime: "2026-01-01T00:00:00Z" });
    const { uid, generation } = early.metadata;
    expect(stage.grant()).toMatchObject({ metadata: { uid, generation }, spec: early.spec });
  });

  it("tells nobody of a status unless asked to", async () => {
    await stage.source.start();
    await stage.harness.apply(grantManifest("ada"));
    const seen: string[] = [];
    stage.source.subscribe((key) => seen.push(formatKey(key)));

    await stage.source.writeStatus(stage.grant(), (old) => ({ ...old, grantID: firstID }));
    expect(seen).toEqual([]);

    await stage.source.writeStatus(stage.grant(), (old) => ({ ...old, grantID: firstID }), { notify: true });
    expect(seen).toEqual([]);

    // What the write set off behind the source has been seen once this one is.
    await stage.harness.apply(grantManifest("other"));
    expect([...new Set(seen)]).toEqual([formatKey(stage.key(grantManifest("other")))]);
    seen.length = 0;

    await stage.source.writeStatus(stage.grant(), (old) => ({ ...old, grantID: secondID }), { notify: true });
    expect(seen).toEqual([formatKey(stage.key(grantManifest("ada")))]);
  });

  it("writes nothing to an object that has taken the place of another", async () => {
    await stage.source.start();
    await stage.harness.apply(grantManifest("ada"));
    await stage.source.writeStatus(stage.grant(), (old) => ({ ...old, grantID: firstID }));
    const first = stage.grant();
    await stage.harness.remove(stage.key(grantManifest("ada")));
    await stage.source.release(stage.grant());
    await stage.harness.apply(grantManifest("ada"));

    await stage.source.writeStatus(first, () => ({ grantID: secondID }));

    expect(stage.grant().metadata.uid).not.toBe(first.metadata.uid);
    expect(stage.grant().status?.grantID).toBeUndefined();
  });
}

function deletion(stage: Stage): void {
  it("keeps a deleted Grant, marked, with its status, until it is released", async () => {
    await stage.source.start();
    await stage.harness.apply(grantManifest("ada"));
    await stage.source.writeStatus(stage.grant(), (old) => ({ ...old, grantID: firstID }));

    await stage.harness.remove(stage.key(grantManifest("ada")));
    expect(stage.grant().metadata.deletionTimestamp).toBeDefined();
    expect(stage.grant().status?.grantID).toBe(firstID);

    await stage.restart();
    expect(stage.grant().metadata.deletionTimestamp).toBeDefined();

    await stage.source.writeStatus(stage.grant(), (old) => ({ ...old, endTime: "2026-01-01T00:00:00Z" }));
    await stage.source.release(stage.grant());
    expect(stage.grant()).toBeUndefined();

    await stage.restart();
    expect(stage.grant()).toBeUndefined();
  });

  it("does not release what is not being deleted", async () => {
    await stage.source.start();
    await stage.harness.apply(grantManifest("ada"));

    await stage.source.release(stage.grant());

    expect(stage.grant()).toBeDefined();
  });

  const proxy = (): Proxy => stage.source.get("Proxy", stage.harness.namespace, "main")?.object as Proxy;
  const seen = (): Promise<void> =>
    stage.source.writeStatus(proxy(), (old) => ({ ...old, observedGeneration: proxy().metadata.generation ?? 0 }));

  it("keeps a deleted Proxy, marked, until its ECS service is gone and it is released", async () => {
    await stage.source.start();
    await stage.harness.apply(proxyManifest("main"));
    await seen();

    await stage.harness.remove(stage.key(proxyManifest("main")));
    await stage.restart();
    expect(proxy().metadata.deletionTimestamp).toBeDefined();

    await stage.source.release(proxy());
    expect(proxy()).toBeUndefined();
  });

  it.each([{ managementPolicy: "Observe" }, { deletionPolicy: "Retain" }])(
    "lets a Proxy go at once whose ECS service stays: %o",
    async (spec) => {
      await stage.source.start();
      await stage.harness.apply(proxyManifest("main", spec));
      await seen();

      await stage.harness.remove(stage.key(proxyManifest("main")));

      expect(proxy()).toBeUndefined();
    },
  );

  it("goes by what a Proxy said last, whether its service is to stay or to go", async () => {
    await stage.source.start();
    await stage.harness.apply(proxyManifest("main", { deletionPolicy: "Retain" }));
    await seen();
    await stage.harness.apply(proxyManifest("main", { deletionPolicy: "Delete" }));
    await seen();
    await stage.harness.remove(stage.key(proxyManifest("main")));
    expect(proxy().metadata.deletionTimestamp).toBeDefined();
    await stage.source.release(proxy());

    await stage.harness.apply(proxyManifest("main"));
    await seen();
    await stage.harness.apply(proxyManifest("main", { deletionPolicy: "Retain" }));
    await seen();
    await stage.harness.remove(stage.key(proxyManifest("main")));

    expect(proxy()).toBeUndefined();
  });

  it("lets any other kind go at once", async () => {
    await stage.source.start();
    await stage.harness.apply(workflowManifest("quick"));

    await stage.harness.remove(stage.key(workflowManifest("quick")));

    expect(stage.source.list("AccessWorkflow")).toEqual([]);
  });
}

function apiObjects(stage: Stage): void {
  const made = (spec: Readonly<Record<string, unknown>> = {}, name = "made"): Grant => {
    const manifest = grantManifest(name, spec);
    return { ...manifest, metadata: { name, namespace: stage.harness.namespace } } as unknown as Grant;
  };

  it("keeps an object made through the API over a restart, and says where it is from", async () => {
    await stage.source.start();
    const { object } = await stage.source.create(made());

    await stage.restart();

    expect(stage.source.get("Grant", stage.harness.namespace, "made")).toMatchObject({ object, origin: "api" });
  });

  it("refuses a name that is taken and an object that is not valid, with a message for a person", async () => {
    await stage.source.start();
    await stage.source.create(made());

    await expect(stage.source.create(made())).rejects.toThrow(UserError);
    const invalid = made({ durationSeconds: 1 }, "other");
    await expect(stage.source.create(invalid)).rejects.toThrow(/durationSeconds/);
    expect(stage.source.list("Grant")).toHaveLength(1);
  });

  it("applies the rules for changes when such an object is updated", async () => {
    await stage.source.start();
    await stage.source.create(made());

    const shorter = made({ durationSeconds: 600 });
    const { object } = await stage.source.update(shorter);
    expect(object.metadata.generation).toBe(2);
    expect(object.spec.durationSeconds).toBe(600);

    await expect(stage.source.update(made())).rejects.toThrow(/durationSeconds/);
  });

  it("deletes what the API made as it deletes anything else, and leaves alone what people wrote", async () => {
    await stage.source.start();
    await stage.source.create(made());
    await stage.harness.apply(grantManifest("ada"));

    await stage.source.delete(stage.key(grantManifest("made")));

    expect(stage.grant("made").metadata.deletionTimestamp).toBeDefined();
    await expect(stage.source.delete(stage.key(grantManifest("ada")))).rejects.toThrow(UserError);
  });

  it("forgets what the API made and has had its time, and nothing that has come under its name since", async () => {
    await stage.source.start();
    await stage.source.create(made());
    const grant = stage.grant("made");

    await stage.source.forget({ ...grant, metadata: { ...grant.metadata, uid: secondID } });
    expect(stage.grant("made").metadata.deletionTimestamp).toBeUndefined();
    await stage.source.forget(grant);

    expect(stage.grant("made").metadata.deletionTimestamp).toBeDefined();
  });
}

function memory(stage: Stage): void {
  it("is blank until it has started for the first time", async () => {
    expect(await stage.source.isBlank()).toBe(true);

    await stage.source.start();
    await stage.source.close();
    stage.source = stage.harness.open();

    expect(await stage.source.isBlank()).toBe(false);
    await stage.source.start();
  });

  it("remembers a tombstone for each spec until its time is over", async () => {
    await stage.source.start();
    const tombstone = { namespace: "default", name: "ada", uid: crypto.randomUUID(), specDigest: "sha256:a" };
    const now = stage.harness.clock.now();
    const later = (ms: number): string => new Date(now + ms).toISOString();
    await stage.source.putTombstone({ ...tombstone, notAfterTime: later(60_000) });
    await stage.source.putTombstone({ ...tombstone, specDigest: "sha256:b", notAfterTime: later(30_000) });

    await stage.restart();
    expect(stage.source.tombstone("default", "ada")?.specDigest).toBe("sha256:a");
    expect(stage.source.tombstone("default", "ada", "sha256:b")?.notAfterTime).toBe(later(30_000));

    stage.harness.clock.advance(45_000);
    expect(stage.source.tombstone("default", "ada", "sha256:b")).toBeUndefined();
    stage.harness.clock.advance(45_000);
    expect(stage.source.tombstone("default", "ada")).toBeUndefined();
  });

  it("gives back what AWS remembers: to the object that is still written, and as a deletion where it is not", async () => {
    await stage.harness.apply(grantManifest("ada"));
    await stage.harness.apply(workflowManifest("quick"));
    const uidOfAda = await stage.harness.uidOf(stage.key(grantManifest("ada")));
    const uidOfBob = crypto.randomUUID();
    stage.source.adopt([
      { key: stage.key(grantManifest("ada")), uid: uidOfAda, status: givenStatus(firstID) },
      { key: stage.key(grantManifest("bob")), uid: uidOfBob, status: givenStatus(secondID) },
    ]);

    await stage.source.start();
    await stage.harness.remove(stage.key(grantManifest("bob")));

    expect(stage.grant()).toMatchObject({ metadata: { uid: uidOfAda }, status: { grantID: firstID } });
    expect(stage.grant().spec.databaseRef.name).toBe("orders");
    expect(stage.grant().metadata.deletionTimestamp).toBeUndefined();
    expect(stage.grant("bob")).toMatchObject({ metadata: { uid: uidOfBob }, status: { grantID: secondID } });
    expect(stage.grant("bob").metadata.deletionTimestamp).toBeDefined();
  });

  it("takes away what AWS remembers of a Grant that is another one by now, before the new one is seen", async () => {
    await stage.harness.apply(grantManifest("ada", { roleName: "app_owner" }));
    const spec = { databaseRef: { name: "orders" }, roleName: "read_only", notAfterTime: "2026-02-01T00:00:00Z" };
    const key = stage.key(grantManifest("ada"));
    const uid = crypto.randomUUID();
    stage.source.adopt([{ key, uid, status: givenStatus(firstID), spec }]);

    await stage.source.start();
    await stage.harness.apply(workflowManifest("quick"));
    expect(stage.grant()).toMatchObject({ metadata: { uid }, status: { grantID: firstID } });
    expect(stage.grant().metadata.deletionTimestamp).toBeDefined();

    const end = { reason: "Deleted", message: "", time: "2026-01-01T00:00:00Z" };
    await stage.source.writeStatus(stage.grant(), (old) => ({ ...old, end, endTime: end.time }));
    expect(stage.grant().status?.end).toEqual(end);
    await stage.source.release(stage.grant());
    expect(stage.grant().metadata.uid).not.toBe(uid);
    expect(stage.grant().spec.roleName).toBe("app_owner");
    expect(stage.grant().status?.external).toBeUndefined();
  });
}
