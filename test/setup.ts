import fc from "fast-check";
import { afterEach } from "vitest";
import { takeBroken } from "#kinds/conformance-watch.ts";
import { fuzzSeed } from "./harness/fuzz-seed.ts";

// Every property explores the same inputs in every run, so that a red run is red for its change. `FUZZ_SEED` explores others.
fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: fuzzSeed });

// Whatever status a test's source was given, tools can read it; see `kinds/conformance.ts`.
afterEach(() => {
  const broken = takeBroken();
  if (broken.length > 0) {
    throw new Error(broken.join("\n\n"));
  }
});
