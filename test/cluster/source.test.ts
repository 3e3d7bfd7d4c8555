import { afterAll, beforeAll, beforeEach, describe } from "vitest";
import { controlPlaneMissing, startControlPlane, type ControlPlane } from "#test/harness/control-plane.ts";
import { sourceContract } from "#controller/source/contract.ts";
import { ClusterHarness } from "./source-harness.ts";

const missing = controlPlaneMissing();
let plane: ControlPlane;

beforeAll(async () => {
  if (missing === undefined) {
    plane = await startControlPlane();
    await plane.installCRDs();
  }
});
afterAll(() => plane?.close());

describe("on a real API server", () => {
  beforeEach(({ skip }) => skip(missing !== undefined, missing));

  sourceContract("cluster", () => ClusterHarness.make(plane));
});
