import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { readCorpus } from "#kinds/corpus.ts";
import { type ControlPlane, controlPlaneMissing, startControlPlane } from "#test/harness/control-plane.ts";
import { judge } from "./corpus-judge.ts";

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
