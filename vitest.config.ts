import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["**/*.test.ts"],
    setupFiles: ["test/setup.ts"],
    exclude: ["node_modules/**"],
    pool: "forks",
    // Real servers start inside tests; a loaded two-core machine needs the room. Nothing timed is asserted.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    retry: 0,
  },
});
