import { describe } from "vitest";
import type { ControlPlane } from "#test/harness/control-plane.ts";
import { givenControlPlane } from "#test/harness/given-control-plane.ts";
import { sourceContract } from "#controller/source/contract.ts";
import { ClusterHarness } from "./source-harness.ts";

let plane: ControlPlane;

givenControlPlane(async (started) => {
  plane = started;
  await plane.installCRDs();
});

describe("on a real API server", () => {
  sourceContract("cluster", () => ClusterHarness.make(plane));
});
