import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { metricsReference } from "./metrics-reference.ts";
import { repositoryRoot } from "./source-tree.ts";

it("docs/reference/metrics.md is what the definitions say (npm run generate)", () => {
  expect(readFileSync(join(repositoryRoot, "docs/reference/metrics.md"), "utf8")).toBe(metricsReference());
});
