import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { checkDeadFiles, checkDirections, checkLibraries } from "./check-imports.ts";
import { checkAdrNames, checkLockFile } from "./check-repository.ts";
import { checkAmbience, checkFileLengths, checkMarks, checkPurity, checkSleeps } from "./check-text.ts";
import {
  describeViolations,
  listRepositoryFolder,
  loadSources,
  readRepositoryFile,
  repositoryRoot,
  type Violation,
} from "./source-tree.ts";

const packages = ["proto", "replica", "client", "operator", "charts", "test"].filter((name) =>
  existsSync(join(repositoryRoot, name)),
);
const sources = loadSources(packages);

function expectNone(violations: readonly Violation[]): void {
  expect(describeViolations(violations)).toBe("");
}

describe("the repository keeps its architecture rules", () => {
  it("imports between folders go in the directions of the table", () => expectNone(checkDirections(sources)));
  it("each library lives in its folder", () => expectNone(checkLibraries(sources)));
  it("pure folders have no clock, chance, I/O, timers or promises", () => expectNone(checkPurity(sources)));
  it("what a simulation runs has no clock, chance, files or timers of its own", () =>
    expectNone(checkAmbience(sources)));
  it("no file that nothing imports", () => expectNone(checkDeadFiles(sources)));
  it("no file is too long", () => expectNone(checkFileLengths(sources)));
  it("no test sleeps", () => expectNone(checkSleeps(sources)));
  it("nothing is left for later or switched off", () => expectNone(checkMarks(sources)));
  it("the lock file names no registry host", () =>
    expectNone(checkLockFile("package-lock.json", readRepositoryFile("package-lock.json"))));
  it("each decision record has its own number", () =>
    expectNone(checkAdrNames("docs/adr", listRepositoryFolder("docs/adr"))));
});
