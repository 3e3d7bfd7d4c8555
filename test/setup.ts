import fc from "fast-check";
import { fuzzSeed } from "./harness/fuzz-seed.ts";

// Every property explores the same inputs in every run, so that a red run is red for its change. `FUZZ_SEED` explores others.
fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: fuzzSeed });
