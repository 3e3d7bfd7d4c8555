import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readCorpus } from "#kinds/corpus.ts";
import { validateObject } from "#kinds/validate.ts";
import type { ControlPlane } from "#test/harness/control-plane.ts";
import { givenControlPlane } from "#test/harness/given-control-plane.ts";
import { judge, judgeNew, judgeNext, store } from "./corpus-judge.ts";
import { mutate, mutations, originals } from "./corpus-mutants.ts";

/** Objects of each property: about two seconds of the API server. */
const runs = 400;
let cluster: ControlPlane;

givenControlPlane(async (started) => {
  cluster = started;
  await cluster.installCRDs();
});

describe("the API server's verdict on the corpus of crds/examples is ours", () => {
  test.for(readCorpus("valid"))("$file is accepted", async (example) => {
    const verdict = await judge(cluster, example);

    expect(verdict).toEqual({ accepted: true, message: "" });
  });

  test.for(readCorpus("invalid"))("$file is refused for the stated reason", async (example) => {
    const verdict = await judge(cluster, example);

    expect(verdict.accepted).toBe(false);
    expect(verdict.message).toContain(example.refusedBy);
  });
});

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
