import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { conformanceProblems } from "#kinds/conformance.ts";
import { kstatusOf, type Observed } from "#kinds/kstatus.ts";
import { isMissing } from "#tools/parts/part.ts";
import { statusPrograms } from "#tools/parts/status-programs.ts";
import { askProgram } from "./status-judge.ts";
import { grantSituations, otherSituations } from "./status-situations.ts";

interface Verdict {
  readonly status?: string;
  readonly error?: string;
}

const programs = statusPrograms();
const situations = [...grantSituations, ...otherSituations];

/** The verdicts of the library itself. */
function judge(objects: readonly object[]): readonly Verdict[] {
  return isMissing(programs) ? [] : (askProgram(programs.kstatus, objects) as Verdict[]);
}

describe("what kstatus, and with it Flux, makes of an object", () => {
  it.for(situations)("$name: $kstatus", ({ object, kstatus }) => {
    expect(kstatusOf(object)).toBe(kstatus);
    expect(conformanceProblems(object)).toEqual([]);
  });

  it("is what the library itself says, in every situation", ({ skip }) => {
    if (isMissing(programs)) {
      return skip(programs.missing);
    }

    const verdicts = judge(situations.map(({ object }) => object));

    expect(verdicts).toMatchObject(situations.map(({ kstatus }) => ({ status: kstatus })));
  });

  it("is what the library itself says, whatever the conditions", ({ skip }) => {
    if (isMissing(programs)) {
      return skip(programs.missing);
    }
    const condition = fc.record({
      type: fc.constantFrom("Ready", "Reconciling", "Stalled", "Active", "Approved", "ready"),
      status: fc.constantFrom("True" as const, "False" as const, "Unknown" as const),
      reason: fc.constantFrom("Because", "Progressing"),
      message: fc.constantFrom("", "It is so."),
      lastTransitionTime: fc.constant("2026-01-01T00:00:00Z"),
    });
    const generation = fc.integer({ min: 0, max: 2 });
    const object = fc.record({
      apiVersion: fc.constant("sallyport.dev/v1alpha1"),
      kind: fc.constantFrom("Grant", "Proxy"),
      metadata: fc.record(
        { name: fc.constant("any"), generation, deletionTimestamp: fc.constant("2026-01-01T00:00:00Z") },
        { requiredKeys: ["name"] },
      ),
      status: fc.option(
        fc.record(
          { observedGeneration: generation, conditions: fc.array(condition, { maxLength: 5 }) },
          { requiredKeys: [] },
        ),
        { nil: undefined },
      ),
    });
    const objects = fc.sample(object, 3_000) as readonly (Observed & object)[];

    const verdicts = judge(objects);

    const differing = objects.flatMap((one, index) => {
      const ours = kstatusOf(one);
      return ours === verdicts[index]?.status ? [] : [{ object: one, ours, theirs: verdicts[index] }];
    });
    expect(differing).toEqual([]);
  });
});
