import { renameSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { grantManifest } from "../contract-objects.ts";
import { massWindowMs } from "../absence.ts";
import { FolderHarness } from "./harness.ts";

const names = ["ada", "bob", "eve"] as const;
const files = ["1.yaml", "2.yaml", "team/3.yaml"] as const;

/** What a file says: which grants, with which reason; undefined where it is no YAML at all. */
type Text = ReadonlyMap<string, string> | undefined;

interface Expected {
  uid: string | undefined;
  deleting: boolean;
  reason: string;
  file: string;
}

/** The folder source as simply as it can be said, to be compared with the real one. */
class Model {
  readonly folder = new Map<string, Text>();
  seen: ReadonlyMap<string, Text> = new Map();
  readonly objects = new Map<string, Expected>();

  look(): void {
    this.seen = new Map(this.folder);
    const absent = names.filter((name) => this.judge(name));
    // More than two, and of three grants more than half: held.
    if (absent.length <= 2) {
      for (const name of absent) {
        (this.objects.get(name) as Expected).deleting = true;
      }
    }
  }

  /** Takes over what the folder says of one name; answers whether it is missing. */
  judge(name: string): boolean {
    const places = [...this.seen].filter(([, text]) => text?.has(name) === true);
    const object = this.objects.get(name);
    const isOwnerBroken =
      object !== undefined && this.seen.has(object.file) && this.seen.get(object.file) === undefined;
    const [file, text] = places[0] ?? [];
    if (places.length > 1 || object?.deleting === true) {
      return false;
    }
    if (file === undefined) {
      return object !== undefined && !isOwnerBroken;
    }
    if (file === object?.file || !isOwnerBroken) {
      this.objects.set(name, { uid: object?.uid, deleting: false, reason: text?.get(name) ?? "", file });
    }
    return false;
  }
}

type Step =
  | { readonly do: "write"; readonly file: string; readonly names: readonly string[] }
  | { readonly do: "break" | "erase"; readonly file: string }
  | { readonly do: "move"; readonly file: string; readonly to: string }
  | { readonly do: "look" | "restart" }
  | { readonly do: "release"; readonly name: string };

const file = fc.constantFrom(...files);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("write" as const), file, names: fc.subarray([...names]) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("break" as const, "erase" as const), file }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("move" as const), file, to: file }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom("look" as const, "restart" as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("release" as const), name: fc.constantFrom(...names) }) },
);

async function perform(step: Step, index: number, harness: FolderHarness, model: Model): Promise<void> {
  switch (step.do) {
    case "write": {
      const reason = `step ${index}`;
      harness.write(step.file, ...step.names.map((name) => grantManifest(name, { reason })));
      model.folder.set(step.file, new Map(step.names.map((name) => [name, reason])));
      return;
    }
    case "break":
      harness.write(step.file, "{");
      model.folder.set(step.file, undefined);
      return;
    case "erase":
      harness.erase(step.file);
      model.folder.delete(step.file);
      return;
    case "move":
      if (model.folder.has(step.file) && step.file !== step.to) {
        harness.write(step.to, "");
        renameSync(join(harness.folder, step.file), join(harness.folder, step.to));
        model.folder.set(step.to, model.folder.get(step.file));
        model.folder.delete(step.file);
      }
      return;
    case "release": {
      const stored = harness.source.get("Grant", "default", step.name);
      if (stored?.object.metadata.deletionTimestamp !== undefined) {
        await harness.source.release(stored.object);
        model.objects.delete(step.name);
        model.judge(step.name);
      }
      return;
    }
    case "restart":
      await harness.source.close();
      harness.open();
      await harness.source.start();
      break;
    case "look":
      break;
    default:
      step satisfies never;
  }
  // Deletions of earlier looks no longer count together with those of this one.
  harness.clock.advance(massWindowMs);
  await harness.look();
  model.look();
}

/** Compares, and notes the uid of what is new. */
function compare(harness: FolderHarness, model: Model): void {
  const real = harness.source.list("Grant").map(({ object }) => object);
  expect(real.map(({ metadata }) => metadata.name).sort()).toEqual([...model.objects.keys()].sort());
  for (const { metadata, spec } of real) {
    const expected = model.objects.get(metadata.name) as Expected;
    expected.uid ??= metadata.uid;
    const { uid, deleting, reason } = expected;
    expect({ uid: metadata.uid, deleting: metadata.deletionTimestamp !== undefined, reason: spec.reason }).toEqual({
      uid,
      deleting,
      reason,
    });
  }
}

describe("any schedule of edits, looks and restarts", () => {
  it("comes to what the rules say: nothing lost, nothing deleted by mistake, no uid changed", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
        const harness = new FolderHarness();
        const model = new Model();
        try {
          harness.open();
          await harness.source.start();
          for (const [index, next] of steps.entries()) {
            await perform(next, index, harness, model);
            compare(harness, model);
          }
        } finally {
          await harness.dispose();
        }
      }),
      { numRuns: 25 },
    );
  });
});
