import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { reasons } from "./reasons.ts";

it("every documented reason is given by some code", () => {
  const folders = ["../../controller", "../../plan", "../../status"].map((folder) =>
    join(import.meta.dirname, folder),
  );
  const code = folders
    .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
    .filter((path) => path.endsWith(".ts") && !path.endsWith(".test.ts"))
    .map((path) => readFileSync(path, "utf8"))
    .join("\n");
  const isGiven = (reason: string): boolean => {
    // Most reasons of pods are put together from why they wait.
    const parts = reason.startsWith("Pod") ? [reason, reason.slice("Pod".length)] : [reason];
    return parts.some((part) => code.includes(`"${part}"`));
  };
  expect(Object.keys(reasons).filter((reason) => !isGiven(reason))).toEqual([]);
});
