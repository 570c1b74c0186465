import { cpSync, mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const workspaces = ["proto", "replica", "client", "operator", "charts", "test"];

/** What is not part of a clone. */
const notCloned = new Set(["node_modules", ".git", ".turbo", ".rstore", "coverage", "dist"]);

/**
 * A copy of this checkout's files, with what `npm ci` would have installed: the packages of others are links
 * to those of this checkout, our own are links within the copy.
 */
export function copyCheckout(target: string): void {
  for (const entry of readdirSync(root)) {
    if (notCloned.has(entry)) continue;
    cpSync(join(root, entry), join(target, entry), {
      recursive: true,
      verbatimSymlinks: true,
      filter: (source) => !notCloned.has(basename(source)),
    });
  }
  const installed = join(root, "node_modules");
  const copied = join(target, "node_modules");
  mkdirSync(join(copied, "@rstore"), { recursive: true });
  for (const entry of readdirSync(installed)) {
    if (entry === "@rstore") continue;
    // The links in .bin lead from there to the packages: copied as they are, they stay within the copy.
    if (entry === ".bin")
      cpSync(join(installed, entry), join(copied, entry), { recursive: true, verbatimSymlinks: true });
    else symlinkSync(join(installed, entry), join(copied, entry));
  }
  for (const name of workspaces) symlinkSync(join("..", "..", name), join(copied, "@rstore", name));
}

/** The shell blocks of a section of a Markdown text, a list of commands each. */
export function shellBlocks(markdown: string, heading: string): string[][] {
  const section = markdown.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? "";
  return [...section.matchAll(/^```sh\n(.*?)^```$/gms)].map((match) =>
    match[1]!.split("\n").filter((line) => line !== ""),
  );
}
