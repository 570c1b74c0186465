import { configDefaults, defineConfig } from "vitest/config";

/** What a mode runs; the rest belongs to no mode and runs by `npm test`. */
const modes: Readonly<Record<string, string>> = {
  /** Minutes of real processes under faults: `npm run test:faults`. */
  faults: "**/*.fault.test.ts",
  /** Against a real API server: `npm run test:kubernetes`. */
  kubernetes: "**/*.kubernetes.test.ts",
  /** Against a real cluster: `npm run test:cluster`. */
  cluster: "**/*.cluster.test.ts",
};

export default defineConfig(({ mode }) => {
  const files = modes[mode];
  const others = Object.values(modes).filter((pattern) => pattern !== files);
  const suffix = files === undefined ? "" : `-${mode}`;
  return {
    test: {
      include: [files ?? "**/*.test.ts"],
      exclude: [...configDefaults.exclude, ...others],
      testTimeout: 30_000,
      hookTimeout: 60_000,
      // Most of the time goes into waiting for elections and starts, also on two cores. Fault runs load the
      // machine by themselves.
      maxWorkers: files === undefined ? 2 : 1,
      // Stores of one cluster that are tried at the same time: more of them starve each other on two cores.
      maxConcurrency: Number(process.env.RSTORE_CLUSTER_LANES ?? 3),
      reporters: ["default", ["json", { outputFile: `test-results${suffix}.json` }]],
    },
  };
});
