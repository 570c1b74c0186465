import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { claimUid, deleteClaim, makeClaim, removeDeletedClaims } from "./claim.ts";

let folder: string;
let dir: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "rstore-claim-"));
  dir = join(folder, "replica-0");
});
afterEach(() => rmSync(folder, { recursive: true }));

test("a directory gets a uid once, and another directory in its place another one (B1)", () => {
  expect(claimUid(dir)).toBeUndefined();
  const uid = makeClaim(dir);
  expect(makeClaim(dir)).toBe(uid);
  expect(claimUid(dir)).toBe(uid);
  rmSync(dir, { recursive: true });
  expect(claimUid(dir)).toBeUndefined();
  expect(makeClaim(dir)).not.toBe(uid);
});

test("only the directory that was meant is deleted (E1)", () => {
  const old = makeClaim(dir);
  rmSync(dir, { recursive: true });
  const uid = makeClaim(dir);
  deleteClaim(dir, old);
  expect(claimUid(dir)).toBe(uid);
  deleteClaim(dir, uid);
  expect(existsSync(dir)).toBe(false);
  expect(readdirSync(folder)).toEqual([]);
  deleteClaim(dir, uid);
});

test("what an interrupted deletion left is removed, and nothing else", () => {
  makeClaim(dir);
  mkdirSync(join(folder, "deleted-x"));
  writeFileSync(join(folder, "store.yaml"), "");
  removeDeletedClaims(folder);
  expect(readdirSync(folder).sort()).toEqual(["replica-0", "store.yaml"]);
});
