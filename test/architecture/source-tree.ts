import { readdirSync, readFileSync } from "node:fs";
import { join, posix, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { type ScannedSource, scanSource } from "./scan-source.ts";
import { testSupport } from "./tables.ts";

/** A source file of the repository. */
export interface SourceFile extends ScannedSource {
  /** From the root of the repository, with slashes. */
  readonly path: string;
  readonly text: string;
}

/** One place where a rule is broken; `message` says what is wrong and what to do. */
export interface Violation {
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

export const repositoryRoot = fileURLToPath(new URL("../../", import.meta.url));

const skippedFolders = new Set(["node_modules", "dist", "coverage", "testdata"]);

export function sourceFile(path: string, text: string): SourceFile {
  return { path, text, ...scanSource(text) };
}

/** Every TypeScript and JavaScript file of the packages. */
export function loadSources(packages: readonly string[]): SourceFile[] {
  const files: SourceFile[] = [];
  for (const name of packages) {
    for (const path of filesIn(join(repositoryRoot, name))) {
      const fromRoot = relative(repositoryRoot, path).split(sep).join("/");
      files.push(sourceFile(fromRoot, readFileSync(path, "utf8")));
    }
  }
  return files;
}

function* filesIn(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.name.startsWith(".") || skippedFolders.has(entry.name)) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesIn(path);
    else if (/\.(ts|js)$/.test(entry.name)) yield path;
  }
}

/** A test, or what only tests use. */
export function isTest(path: string): boolean {
  return /\.(test|bench)\.ts$/.test(path) || testSupport.some((pattern) => pattern.test(path));
}

/** The file of this repository that an import means; undefined for a package or a Node module. */
export function resolveImport(from: string, specifier: string): string | undefined {
  if (specifier.startsWith(".")) return posix.join(posix.dirname(from), specifier);
  const own = /^@rstore\/([a-z]+)(?:\/(.+))?$/.exec(specifier);
  if (own === null) return undefined;
  const [, name, rest] = own;
  if (name === "proto") return `proto/src/gen/${rest}_pb.js`;
  if (name === "charts") return `charts/monitoring/${rest}.ts`;
  if (rest !== undefined) return `${name}/src/${rest}.ts`;
  return name === "replica" ? "replica/src/main.ts" : `${name}/src/index.ts`;
}

/** Is the file in the folder (or is it the file that the name, with or without its ending, means)? */
export function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`) || path.startsWith(`${folder}.`);
}

export function describeViolations(violations: readonly Violation[]): string {
  return violations.map(({ file, line, message }) => `${file}:${line}: ${message}`).join("\n");
}

export function readRepositoryFile(path: string): string {
  return readFileSync(join(repositoryRoot, path), "utf8");
}

export function listRepositoryFolder(path: string): string[] {
  return readdirSync(join(repositoryRoot, path));
}
