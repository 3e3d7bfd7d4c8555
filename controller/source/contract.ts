import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ManualClock } from "#lib/clock.ts";
import { UserError } from "#lib/errors.ts";
import { formatKey, type Grant, type ObjectKey } from "#kinds/index.ts";
import type { Source } from "./source.ts";

/** One installation that a source reads: how a test acts on it as people do. */
export interface SourceHarness {
  readonly clock: ManualClock;
  /** A source on what is there, and on what it remembers; not started. Called again after `close` for a restart. */
  open(): Source;
  /** Writes an object, as a person does with a file or kubectl. Resolves when the source that is open has seen it. */
  apply(manifest: Manifest): Promise<void>;
  /** Removes the object's text. Resolves when the source that is open counts it as deleted, where it does. */
  remove(key: ObjectKey): Promise<void>;
  /** Frees everything. */
  dispose(): Promise<void>;
}

/** An object as a person writes it. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly spec: Readonly<Record<string, unknown>>;
}

/** A Grant of the contract's tests. */
export function grantManifest(name: string, spec: Readonly<Record<string, unknown>> = {}): Manifest {
  return {
    apiVersion: "sallyport.dev/v1alpha1",
    kind: "Grant",
    metadata: { name },
    spec: {
      principal: { name: "ada" },
      databaseRef: { name: "orders" },
      roleName: "read_only",
      durationSeconds: 3600,
      notAfterTime: "2026-02-01T00:00:00Z",
      ...spec,
    },
  };
}

/** A workflow of the contract's tests: a kind without anything to undo. */
export function workflowManifest(name: string, maxDurationSeconds = 3600): Manifest {
  const spec = { maxDurationSeconds };
  return { apiVersion: "sallyport.dev/v1alpha1", kind: "AccessWorkflow", metadata: { name }, spec };
}

/** The key of a manifest of the default namespace. */
export function keyOfManifest(manifest: Manifest): ObjectKey {
  return { kind: manifest.kind as ObjectKey["kind"], namespace: "default", name: manifest.metadata.name };
}

interface Stage {
  harness: SourceHarness;
  source: Source;
  grant(name?: string): Grant;
  restart(): Promise<void>;
}

/** What every source promises, whatever is behind it. `makeHarness` gives an empty installation. */
export function sourceContract(name: string, makeHarness: () => Promise<SourceHarness>): void {
  describe(`${name}: what every source promises`, () => {
    const stage = { grant: (grant = "ada") => stage.source.get("Grant", "default", grant)?.object } as Stage;
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
    await stage.source.writeStatus(stage.grant(), (old) => ({ ...old, grantID: "g1" }));
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
    await stage.harness.remove(keyOfManifest(workflowManifest("quick")));
    leave();
    await stage.harness.apply(workflowManifest("slow"));

    expect([...new Set(seen)]).toEqual(["AccessWorkflow/default/quick"]);
    expect(seen.length).toBeGreaterThanOrEqual(3);
  });
}

function status(stage: Stage): void {
  it("writes what the change makes of the newest status, and leaves the spec alone", async () => {
    await stage.source.start();
    await stage.harness.apply(grantManifest("ada"));
    const early = stage.grant();

    await stage.source.writeStatus(early, (old) => ({ ...old, grantID: "g1" }));
    await stage.source.writeStatus(early, (old) => ({ ...old, requestTime: "2026-01-01T00:00:00Z" }));

    expect(stage.grant().status).toMatchObject({ grantID: "g1", requestTime: "2026-01-01T00:00:00Z" });
    expect(stage.grant()).toMatchObject({ metadata: early.metadata, spec: early.spec });
  });

  it("tells nobody of a status unless asked to", async () => {
    await stage.source.start();
    await stage.harness.apply(grantManifest("ada"));
    const seen: string[] = [];
    stage.source.subscribe((key) => seen.push(formatKey(key)));

    await stage.source.writeStatus(stage.grant(), (old) => ({ ...old, grantID: "g1" }));
    expect(seen).toEqual([]);

    await stage.source.writeStatus(stage.grant(), (old) => ({ ...old, grantID: "g1" }), { notify: true });
    expect(seen).toEqual([]);

    await stage.source.writeStatus(stage.grant(), (old) => ({ ...old, grantID: "g2" }), { notify: true });
    expect(seen).toEqual(["Grant/default/ada"]);
  });

  it("writes nothing to an object that has taken the place of another", async () => {
    await stage.source.start();
    await stage.harness.apply(grantManifest("ada"));
    const first = stage.grant();
    await stage.harness.remove(keyOfManifest(grantManifest("ada")));
    await stage.source.release(stage.grant());
    await stage.harness.apply(grantManifest("ada"));

    await stage.source.writeStatus(first, () => ({ grantID: "stale" }));

    expect(stage.grant().metadata.uid).not.toBe(first.metadata.uid);
    expect(stage.grant().status?.grantID).toBeUndefined();
  });
}

function deletion(stage: Stage): void {
  it("keeps a deleted Grant, marked, with its status, until it is released", async () => {
    await stage.source.start();
    await stage.harness.apply(grantManifest("ada"));
    await stage.source.writeStatus(stage.grant(), (old) => ({ ...old, grantID: "g1" }));

    await stage.harness.remove(keyOfManifest(grantManifest("ada")));
    expect(stage.grant().metadata.deletionTimestamp).toBeDefined();
    expect(stage.grant().status?.grantID).toBe("g1");

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

  it("lets any other kind go at once", async () => {
    await stage.source.start();
    await stage.harness.apply(workflowManifest("quick"));

    await stage.harness.remove(keyOfManifest(workflowManifest("quick")));

    expect(stage.source.list("AccessWorkflow")).toEqual([]);
  });
}

function apiObjects(stage: Stage): void {
  const made = grantManifest("made") as unknown as Grant;

  it("keeps an object made through the API over a restart, and says where it is from", async () => {
    await stage.source.start();
    const { object } = await stage.source.create(made);

    await stage.restart();

    expect(stage.source.get("Grant", "default", "made")).toMatchObject({ object, origin: "api" });
  });

  it("refuses a name that is taken and an object that is not valid, with a message for a person", async () => {
    await stage.source.start();
    await stage.source.create(made);

    await expect(stage.source.create(made)).rejects.toThrow(UserError);
    const invalid = grantManifest("other", { durationSeconds: 1 }) as unknown as Grant;
    await expect(stage.source.create(invalid)).rejects.toThrow(/durationSeconds/);
    expect(stage.source.list("Grant")).toHaveLength(1);
  });

  it("applies the rules for changes when such an object is updated", async () => {
    await stage.source.start();
    await stage.source.create(made);

    const shorter = grantManifest("made", { durationSeconds: 600 }) as unknown as Grant;
    const { object } = await stage.source.update(shorter);
    expect(object.metadata.generation).toBe(2);
    expect(object.spec.durationSeconds).toBe(600);

    await expect(stage.source.update(made)).rejects.toThrow(/durationSeconds/);
  });

  it("deletes what the API made as it deletes anything else, and leaves alone what people wrote", async () => {
    await stage.source.start();
    await stage.source.create(made);
    await stage.harness.apply(grantManifest("ada"));

    await stage.source.delete(keyOfManifest(grantManifest("made")));

    expect(stage.grant("made").metadata.deletionTimestamp).toBeDefined();
    await expect(stage.source.delete(keyOfManifest(grantManifest("ada")))).rejects.toThrow(UserError);
  });
}

function memory(stage: Stage): void {
  it("is blank until it has started for the first time", async () => {
    expect(stage.source.isBlank()).toBe(true);

    await stage.source.start();
    await stage.source.close();
    stage.source = stage.harness.open();

    expect(stage.source.isBlank()).toBe(false);
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
    const [uidOfAda, uidOfBob] = [crypto.randomUUID(), crypto.randomUUID()];
    stage.source.adopt([
      { key: keyOfManifest(grantManifest("ada")), uid: uidOfAda, status: { grantID: "g1" } },
      { key: keyOfManifest(grantManifest("bob")), uid: uidOfBob, status: { grantID: "g2" } },
    ]);

    await stage.source.start();
    await stage.harness.remove(keyOfManifest(grantManifest("bob")));

    expect(stage.grant()).toMatchObject({ metadata: { uid: uidOfAda }, status: { grantID: "g1" } });
    expect(stage.grant().spec.databaseRef.name).toBe("orders");
    expect(stage.grant().metadata.deletionTimestamp).toBeUndefined();
    expect(stage.grant("bob")).toMatchObject({ metadata: { uid: uidOfBob }, status: { grantID: "g2" } });
    expect(stage.grant("bob").metadata.deletionTimestamp).toBeDefined();
  });
}
