import { libraries } from "./libraries.ts";
import { isTest, isWithin, resolveImport, type SourceFile, type Violation } from "./source-tree.ts";
import { entryPoints, type Folder, folders, generated } from "./tables.ts";

/** Imports between folders go in the directions of the table only. Tests may look everywhere. */
export function checkDirections(files: readonly SourceFile[]): Violation[] {
  const violations: Violation[] = [];
  for (const file of files) {
    if (/\.(test|bench)\.ts$/.test(file.path) || file.path.endsWith(".config.ts")) continue;
    for (const { specifier, line, typeOnly } of file.imports) {
      const target = resolveImport(file.path, specifier);
      if (target === undefined || target.endsWith(".json")) continue;
      const message = judgeDirection(file.path, target, typeOnly);
      if (message !== undefined) violations.push({ file: file.path, line, message });
    }
  }
  return violations;
}

function judgeDirection(from: string, to: string, typeOnly: boolean): string | undefined {
  const importer = folderOf(from);
  const imported = folderOf(to);
  const place = "test/architecture/tables.ts";
  // A bin file only starts its package.
  if (/^[a-z]+\/bin\//.test(from)) return undefined;
  if (importer === undefined) return `this folder is not in the table of folders; add it in ${place}`;
  if (imported === undefined) return `${to} is in no folder of the table; add its folder in ${place}`;
  if (imported === importer || importer.imports.some((name) => isWithin(to, name))) return undefined;
  const asTypes = importer.types?.some((name) => isWithin(to, name)) ?? false;
  if (asTypes && typeOnly) return undefined;
  if (asTypes) {
    return `${importer.name} may know only types of ${imported.name}: use \`import type\`, or have the value passed in`;
  }
  const allowed = [...importer.imports, ...(importer.types ?? []).map((name) => `${name} (types)`)].join(
    ", ",
  );
  return (
    `${importer.name} must not import ${imported.name} (it may import: ${allowed || "nothing"}); ` +
    "move the code down, or pass it in from above"
  );
}

function folderOf(path: string): Folder | undefined {
  const found = folders.filter(({ name }) => isWithin(path, name));
  return found.sort((a, b) => b.name.length - a.name.length)[0];
}

/** One library, one folder. */
export function checkLibraries(files: readonly SourceFile[]): Violation[] {
  const violations: Violation[] = [];
  for (const file of files) {
    for (const { specifier, line } of file.imports) {
      const rule = libraries.find(({ library }) => library.test(specifier));
      if (rule === undefined || rule.places.some((place) => isWithin(file.path, place))) continue;
      const message = `${specifier} may be imported only in ${rule.places.join(", ")}; use what that folder exports`;
      violations.push({ file: file.path, line, message });
    }
  }
  return violations;
}

/**
 * No file that nothing uses: each must be reached from an entry point, and what ships must be reached without
 * the help of tests.
 */
export function checkDeadFiles(files: readonly SourceFile[]): Violation[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const entries = files.filter(({ path }) => entryPoints.some((pattern) => pattern.test(path)));
  const reached = reachable(entries, byPath);
  const shipped = reachable(
    entries.filter(({ path }) => !isTest(path)),
    byPath,
  );
  const violations: Violation[] = [];
  for (const { path } of files) {
    if (generated.some((pattern) => pattern.test(path))) continue;
    const line = 1;
    if (!reached.has(path)) {
      const message =
        "nothing imports this file; delete it, or name it in entryPoints if something else starts it";
      violations.push({ file: path, line, message });
    } else if (!shipped.has(path) && !isTest(path)) {
      const message = "only tests import this file; use it, delete it, or name it in testSupport";
      violations.push({ file: path, line, message });
    }
  }
  return violations;
}

function reachable(entries: readonly SourceFile[], files: ReadonlyMap<string, SourceFile>): Set<string> {
  const reached = new Set(entries.map(({ path }) => path));
  for (const path of reached) {
    const file = files.get(path);
    if (file === undefined) continue;
    // Any string that names a file counts, as in `new Worker(new URL("./x.ts", import.meta.url))`.
    const named = file.strings
      .map(({ value }) => value)
      .filter((value) => /^\.{1,2}\/.*\.(ts|js)$/.test(value));
    for (const specifier of [...file.imports.map((one) => one.specifier), ...named]) {
      const target = resolveImport(path, specifier);
      if (target !== undefined && files.has(target)) reached.add(target);
    }
  }
  return reached;
}
