import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["monitoring/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 30_000,
    reporters: ["default", ["json", { outputFile: "test-results.json" }]],
  },
});
