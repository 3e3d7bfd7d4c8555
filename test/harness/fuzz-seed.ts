/** Seed of all random tests: `FUZZ_SEED`, else always the same one. */
export const fuzzSeed = Number(process.env["FUZZ_SEED"] ?? 20_261_123);
