import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { validateObject } from "#kinds/validate.ts";
import { type ControlPlane, controlPlaneMissing, startControlPlane } from "#test/harness/control-plane.ts";
import { judgeNew, judgeNext, store } from "./corpus-judge.ts";
import { mutate, mutations, originals } from "./corpus-mutants.ts";

/** Objects of each property: about two seconds of the API server. */
const runs = 400;
const missing = controlPlaneMissing();
let cluster: ControlPlane;

beforeAll(async () => {
  if (missing === undefined) {
    cluster = await startControlPlane();
    await cluster.installCRDs();
  }
});
afterAll(() => cluster?.close());
beforeEach(({ skip }) => skip(missing !== undefined, missing));

test("the API server accepts and refuses the same changed objects of the corpus as we do", async () => {
  const verdicts = { accepted: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...originals), mutations, async (original, changes) => {
      const object = mutate(original, changes);

      const theirs = await judgeNew(cluster, object, original.kind);
      const ours = validateObject(object);

      expect({ accepted: ours.problems === undefined, object, theirs, ours: ours.problems }).toMatchObject({
        accepted: theirs.accepted,
      });
      verdicts[theirs.accepted ? "accepted" : "refused"] += 1;
    }),
    { numRuns: runs },
  );
  expect(Math.min(verdicts.accepted, verdicts.refused)).toBeGreaterThan(runs / 10);
});

test("the API server accepts and refuses the same changes of an object that is there as we do", async () => {
  const namespace = await cluster.createNamespace();
  const stored = await Promise.all(
    originals.map((original, index) => {
      const metadata = { ...original.metadata, name: `object-${index}`, namespace };
      return store(cluster, { ...original, metadata } as typeof original);
    }),
  );
  const verdicts = { accepted: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...stored), mutations, async (old, changes) => {
      const object = mutate(old, changes);

      const theirs = await judgeNext(cluster, object, old.kind);
      const ours = validateObject(object, { old });

      expect({ accepted: ours.problems === undefined, object, theirs, ours: ours.problems }).toMatchObject({
        accepted: theirs.accepted,
      });
      verdicts[theirs.accepted ? "accepted" : "refused"] += 1;
    }),
    { numRuns: runs },
  );
  expect(Math.min(verdicts.accepted, verdicts.refused)).toBeGreaterThan(runs / 10);
});
