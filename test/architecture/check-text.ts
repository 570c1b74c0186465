import { lineAt } from "./scan-source.ts";
import { isWithin, type SourceFile, type Violation } from "./source-tree.ts";
import { fileMaxLines, folders, generated, impureTokens, pureNodeModules, simulated } from "./tables.ts";

/** No clock, chance, I/O, timer or promise in the pure folders, and no package. */
export function checkPurity(files: readonly SourceFile[]): Violation[] {
  const pure = folders.filter((folder) => folder.pure);
  const violations: Violation[] = [];
  for (const file of files) {
    const folder = pure.find(({ name }) => isWithin(file.path, name));
    if (folder === undefined || file.path.endsWith(".test.ts")) continue;
    for (const { token, instead } of impureTokens) {
      for (const match of file.code.matchAll(token)) {
        const message = `\`${match[0]}\` in the pure folder ${folder.name}; ${instead}`;
        violations.push({ file: file.path, line: lineAt(file.text, match.index), message });
      }
    }
    for (const { specifier, line, typeOnly } of file.imports) {
      if (specifier.startsWith(".") || (pureNodeModules.includes(specifier) && typeOnly)) continue;
      const message = `import of ${specifier} in the pure folder ${folder.name}; have what it does passed in`;
      violations.push({ file: file.path, line, message });
    }
  }
  return violations;
}

/** No clock, chance, files or timers of their own in what a simulation runs. */
export function checkAmbience(files: readonly SourceFile[]): Violation[] {
  const { places, except, tokens, modules } = simulated;
  const violations: Violation[] = [];
  for (const file of files) {
    if (/\.test\.ts$/.test(file.path) || !places.some((place) => isWithin(file.path, place))) continue;
    if (except.some((place) => isWithin(file.path, place))) continue;
    for (const { token, instead } of tokens) {
      for (const match of file.code.matchAll(token)) {
        const message = `\`${match[0]}\` in what a simulation runs; ${instead}`;
        violations.push({ file: file.path, line: lineAt(file.text, match.index), message });
      }
    }
    for (const { specifier, line } of file.imports) {
      if (!modules.test(specifier)) continue;
      const message = `import of ${specifier} in what a simulation runs; use the machine that is handed in`;
      violations.push({ file: file.path, line, message });
    }
  }
  return violations;
}

const sleeps: readonly RegExp[] = [
  /\bnew\s+Promise\b[^;]{0,200}?\bsetTimeout\b/g,
  /(?<![.\w$])(?:sleep|delay|pause)(?:Ms)?\s*\(/g,
  /\bAtomics\s*\.\s*wait\b/g,
  /\bscheduler\s*\.\s*wait\b/g,
];

/** A test waits for a condition with a deadline, never for time to pass. */
export function checkSleeps(files: readonly SourceFile[]): Violation[] {
  const violations: Violation[] = [];
  for (const file of files) {
    if (!file.path.endsWith(".test.ts")) continue;
    const message = "a test sleeps; wait for the condition itself, with a deadline";
    for (const sleep of sleeps) {
      for (const { index } of file.code.matchAll(sleep)) {
        violations.push({ file: file.path, line: lineAt(file.text, index), message });
      }
    }
    for (const { specifier, line } of file.imports) {
      if (/^(node:)?timers\/promises$/.test(specifier)) violations.push({ file: file.path, line, message });
    }
  }
  return violations;
}

const marks: readonly {
  readonly where: "code" | "comments";
  readonly mark: RegExp;
  readonly instead: string;
}[] = [
  { where: "comments", mark: /\b(?:TODO|FIXME|XXX)\b/g, instead: "do it, or open an issue" },
  { where: "comments", mark: /@ts-(?:ignore|nocheck)\b/g, instead: "make the types right" },
  {
    where: "code",
    mark: /\b(?:it|test|describe|suite)(?:\.\w+)*\.(?:skip|only|todo|fails)\b/g,
    instead: "every test runs; where it cannot, use skipIf with a reason that is printed",
  },
];

/** Nothing is left for later, and nothing is switched off. */
export function checkMarks(files: readonly SourceFile[]): Violation[] {
  const violations: Violation[] = [];
  for (const file of files) {
    if (generated.some((pattern) => pattern.test(file.path))) continue;
    for (const { where, mark, instead } of marks) {
      for (const match of file[where].matchAll(mark)) {
        const message = `\`${match[0]}\`; ${instead}`;
        violations.push({ file: file.path, line: lineAt(file.text, match.index), message });
      }
    }
  }
  return violations;
}

export function checkFileLengths(files: readonly SourceFile[]): Violation[] {
  const violations: Violation[] = [];
  for (const { path, text } of files) {
    if (generated.some((pattern) => pattern.test(path))) continue;
    const lines = text.split("\n").length - 1;
    if (lines <= fileMaxLines) continue;
    const message = `${lines} lines, at most ${fileMaxLines}; split it where it speaks of two things`;
    violations.push({ file: path, line: fileMaxLines + 1, message });
  }
  return violations;
}
