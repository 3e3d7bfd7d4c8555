import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
  // The console's components, in the tests that render them.
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  test: {
    include: ["**/*.test.{ts,tsx}"],
    setupFiles: ["test/setup.ts"],
    exclude: ["node_modules/**"],
    pool: "forks",
    // Most of a file's time is spent waiting for servers to start and for AWS's delays: one file more than there are cores keeps them busy.
    maxWorkers: availableParallelism() + 1,
    // Real servers start inside tests; a loaded two-core machine needs the room. Nothing timed is asserted.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 25_000 } },
    retry: 0,
  },
});
