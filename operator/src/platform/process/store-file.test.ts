import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  parseStoreFile,
  readStoreFile,
  storeFilePath,
  writeNewStoreFile,
  writeReplicas,
} from "./store-file.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "rstore-store-file-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const head = "apiVersion: rstore.dev/v1alpha1\nkind: ReplicatedStore\n";

function problemsOf(text: string): readonly string[] {
  const file = parseStoreFile(text);
  return file.kind === "refused" ? file.problems : [];
}

test("the file of the first start is a valid resource", () => {
  writeNewStoreFile(folder, { replicas: 5 });
  const file = readStoreFile(folder);
  expect(file.kind === "valid" && file.spec.replicas).toBe(5);
  expect(file.kind === "valid" && file.unused).toEqual([]);
});

test.each([
  ["spec:\n  replicas: 0", "spec.replicas: Too small: expected number to be >=1 (it is 0)"],
  [
    "spec:\n  replicas: three",
    'spec.replicas: Invalid input: expected number, received string (it is "three")',
  ],
  ["spec:\n  replcas: 3", "spec.replcas: there is no such field"],
  ["spec:\n  storage: { whenScale: Retain }", "spec.storage.whenScale: there is no such field"],
  ["spec:\n  storage: { size: big }", "spec.storage.size: big is no quantity such as 10Gi"],
  ["spec:\n  limits: { storeQuota: '0' }", "spec.limits.storeQuota: must be at least 1Mi"],
  ["spec:\n  limits: { requestMax: 65Mi }", "spec.limits.requestMax: must be at most 64Mi"],
  [
    "spec:\n  raft: { heartbeatIntervalSeconds: 1 }",
    "spec.raft.electionTimeoutSeconds: 1 is less than five times heartbeatIntervalSeconds",
  ],
  ["spec: 3", "spec: must be a map of fields"],
  ["spec: {}\nstatus: {}", "status: there is no such field here"],
])("refused, naming the field: %j", (rest, problem) => {
  expect(problemsOf(`${head}${rest}\n`)).toEqual([problem]);
});

test("what is no YAML, no map or another kind is refused", () => {
  expect(problemsOf("a: [")).toHaveLength(1);
  expect(problemsOf("a: [")[0]).toMatch(/line 1/);
  expect(problemsOf("")).toEqual([expect.stringContaining("must hold a ReplicatedStore")]);
  expect(problemsOf("apiVersion: apps/v1\nkind: Pod\nspec: {}\n")).toEqual([
    "apiVersion: must be rstore.dev/v1alpha1",
    "kind: must be ReplicatedStore",
  ]);
});

test("fields that mean nothing on one machine are let in and named", () => {
  const file = parseStoreFile(`${head}spec:\n  image: a\n  storage: { size: 1Gi, storageClassName: fast }\n`);
  expect(file.kind === "valid" && file.unused).toEqual(["spec.image", "spec.storage.storageClassName"]);
});

test("scaling writes the number and keeps the rest, comments included", () => {
  const text = `# mine\n${head}spec:\n  # why three\n  replicas: 3 # voters\n  paused: false\n`;
  writeFileSync(storeFilePath(folder), text);
  writeReplicas(folder, 5);
  expect(readFileSync(storeFilePath(folder), "utf8")).toBe(text.replace("replicas: 3", "replicas: 5"));
});

test("a file that is wrong is not scaled, but named", () => {
  writeFileSync(storeFilePath(folder), `${head}spec:\n  replcas: 3\n`);
  expect(() => writeReplicas(folder, 5)).toThrow(/put right first: spec.replcas/);
});
