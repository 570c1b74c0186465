import type { Violation } from "./source-tree.ts";

/** The lock file must work with any registry: it pins by integrity and names no host. */
export function checkLockFile(path: string, text: string): Violation[] {
  const violations: Violation[] = [];
  for (const [at, line] of text.split("\n").entries()) {
    if (!/"resolved":\s*"(?:git\+)?https?:/.test(line)) continue;
    const message = "names a registry host; run npm with omit-lockfile-registry-resolved=true (see .npmrc)";
    violations.push({ file: path, line: at + 1, message });
  }
  return violations;
}

/** `NNNN-title.md`, each number once. */
export function checkAdrNames(folder: string, names: readonly string[]): Violation[] {
  const violations: Violation[] = [];
  const taken = new Map<string, string>();
  for (const name of [...names].sort()) {
    const file = `${folder}/${name}`;
    const number = /^(\d{4})-[a-z0-9]+(?:-[a-z0-9]+)*\.md$/.exec(name)?.[1];
    if (number === undefined) {
      violations.push({ file, line: 1, message: "is not named NNNN-title.md; rename it" });
      continue;
    }
    const other = taken.get(number);
    if (other !== undefined) {
      violations.push({ file, line: 1, message: `has the number of ${other}; take the next free one` });
    }
    taken.set(number, name);
  }
  return violations;
}
