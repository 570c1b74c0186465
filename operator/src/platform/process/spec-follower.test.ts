import { mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { EffectiveSpec } from "../../api/v1alpha1/effective-spec.ts";
import { specSchema } from "../../api/v1alpha1/spec-schema.ts";
import { SpecFollower } from "./spec-follower.ts";
import { storeFilePath, writeNewStoreFile } from "./store-file.ts";

const writtenMs = 1_800_000_000_000;
const laterMs = writtenMs + 60_000;
const three: EffectiveSpec = specSchema.parse({ replicas: 3 });

let folder: string;
let follower: SpecFollower;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "rstore-follow-"));
  writeNewStoreFile(folder, three);
  stamp();
  follower = new SpecFollower(folder, { clientPort: 14_001, peerPort: 14_006, metricsPort: 14_101 });
});
afterEach(() => rmSync(folder, { recursive: true }));

function stamp(): void {
  utimesSync(storeFilePath(folder), writtenMs / 1_000, writtenMs / 1_000);
}

function edit(from: string, to: string): void {
  const path = storeFilePath(folder);
  writeFileSync(path, readFileSync(path, "utf8").replace(from, to));
  stamp();
}

test("an edit is told once, when the file is at rest", () => {
  expect(follower.look(laterMs, three)).toEqual({ kind: "same" });
  edit("replicas: 3", "replicas: 4");
  expect(follower.look(writtenMs + 100, three)).toEqual({ kind: "fresh" });
  const seen = follower.look(laterMs, three);
  expect(seen.kind === "changed" && seen.spec.replicas).toBe(4);
  expect(seen.kind === "changed" && follower.look(laterMs, seen.spec)).toEqual({ kind: "same" });
});

test("an edit of comments alone is no new spec", () => {
  follower.look(laterMs, three);
  edit("# Voters", "# My voters");
  expect(follower.look(laterMs, three)).toEqual({ kind: "same" });
});

test("a mistake is told once, and the correction of it is no change", () => {
  follower.look(laterMs, three);
  edit("replicas: 3", "replicas: x");
  expect(follower.look(laterMs, three).kind).toBe("refused");
  expect(follower.look(laterMs, three).kind).toBe("same");
  edit("replicas: x", "replicas: 3");
  expect(follower.look(laterMs, three)).toEqual({ kind: "same" });
});

test("a file that is gone asks for nothing", () => {
  rmSync(storeFilePath(folder));
  expect(follower.look(laterMs, three).kind).toBe("refused");
  expect(follower.look(laterMs, three).kind).toBe("same");
});

test("more replicas than there are ports for are refused", () => {
  edit("replicas: 3", "replicas: 6");
  const seen = follower.look(laterMs, three);
  expect(seen.kind === "refused" && seen.problems[0]).toMatch(/^spec.replicas: port 14006 is meant for/);
});
