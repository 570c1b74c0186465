import { configDefaults, defineConfig } from "vitest/config";

/** Runs of minutes under faults: `npm run test:faults`. */
const faultRuns = "**/*.fault.test.ts";

export default defineConfig(({ mode }) => {
  const faults = mode === "faults";
  return {
    test: {
      include: [faults ? faultRuns : "**/*.test.ts"],
      exclude: faults ? configDefaults.exclude : [...configDefaults.exclude, faultRuns],
      testTimeout: 30_000,
      hookTimeout: 60_000,
      // Most of the time goes into waiting for elections and starts, also on two cores. Fault runs load the
      // machine by themselves.
      maxWorkers: faults ? 1 : 2,
      reporters: [
        "default",
        ["json", { outputFile: faults ? "test-results-faults.json" : "test-results.json" }],
      ],
    },
  };
});
