import { posix } from "node:path";
import type { Violation } from "./source-tree.ts";
import { documentedFolders, madeByRunning } from "./tables.ts";

/** A Markdown file of the repository. */
export interface Document {
  /** From the root of the repository, with slashes. */
  readonly path: string;
  readonly text: string;
}

/** Does the repository have a file or folder of this path? */
export type Exists = (path: string) => boolean;

/** Every relative link leads to a file or folder that is there, and every anchor to a heading. */
export function checkLinks(documents: readonly Document[], exists: Exists): Violation[] {
  const anchors = new Map(documents.map(({ path, text }) => [path, anchorsOf(text)]));
  const violations: Violation[] = [];
  for (const { path: file, text } of documents) {
    for (const { target, line } of linksOf(text)) {
      if (/^[a-z][a-z0-9+.-]*:/i.test(target)) continue;
      const [linked = "", anchor] = target.split("#");
      const path = linked === "" ? file : resolved(file, linked);
      if (!exists(path)) {
        violations.push({ file, line, message: `the link leads to ${path}, which is not there` });
      } else if (anchor !== undefined && anchors.get(path)?.has(anchor) !== true) {
        violations.push({ file, line, message: `${path} has no heading with the anchor #${anchor}` });
      }
    }
  }
  return violations;
}

/** Every path in backticks that begins with a folder of the repository is there; `*` stands for any name. */
export function checkNamedPaths(documents: readonly Document[], exists: Exists): Violation[] {
  const violations: Violation[] = [];
  for (const { path: file, text } of documents) {
    for (const { value, line } of codeSpansOf(text)) {
      const [first = ""] = value.split("/");
      if (!/^[\w.*-]+(?:\/[\w.*-]+)*\/?$/.test(value) || !value.includes("/")) continue;
      if (!documentedFolders.includes(first) || madeByRunning.includes(value)) continue;
      const path = value.replace(/\/?[^/]*\*.*$/, "").replace(/\/$/, "");
      if (!exists(path)) violations.push({ file, line, message: `\`${value}\` is not there` });
    }
  }
  return violations;
}

/** Every `npm run x` in text or in a block of commands is a script. */
export function checkScripts(documents: readonly Document[], scripts: ReadonlySet<string>): Violation[] {
  const violations: Violation[] = [];
  for (const { path: file, text } of documents) {
    for (const [at, content] of text.split("\n").entries()) {
      if (/\s-w\s/.test(content)) continue;
      for (const [, name = ""] of content.matchAll(/\bnpm run ([a-z][\w:-]*)/g)) {
        if (!scripts.has(name)) {
          violations.push({ file, line: at + 1, message: `package.json has no script ${name}` });
        }
      }
    }
  }
  return violations;
}

/** `*Dashboard* › **Panel**, **Panel**`: those that the dashboard lacks, as `Dashboard › Panel`. */
export function checkPanels(text: string, panelsOf: (dashboard: string) => ReadonlySet<string>): string[] {
  const references = text.matchAll(/\*([^*\n]+)\* › ((?:\*\*[^*]+\*\*(?:, )?)+)/g);
  return [...references].flatMap(([, dashboard = "", titles = ""]) => {
    const there = panelsOf(dashboard);
    const named = [...titles.matchAll(/\*\*([^*]+)\*\*/g)].map(([, title]) => title!);
    return named.filter((title) => !there.has(title)).map((title) => `${dashboard} › ${title}`);
  });
}

function resolved(from: string, target: string): string {
  const path = posix.join(posix.dirname(from), decodeURIComponent(target));
  return path.replace(/\/$/, "");
}

function* linksOf(text: string): Generator<{ target: string; line: number }> {
  for (const [at, content] of withoutBlocks(text).entries()) {
    const line = content.replaceAll(/`[^`]*`/g, (code) => " ".repeat(code.length));
    for (const [, target = ""] of line.matchAll(/\]\(\s*<?([^)\s>]+)>?[^)]*\)/g))
      yield { target, line: at + 1 };
    const definition = /^\s*\[[^\]]+\]:\s*(\S+)/.exec(line);
    if (definition !== null) yield { target: definition[1]!, line: at + 1 };
    for (const [, target = ""] of line.matchAll(/<(?:img|source)\b[^>]*\bsrc(?:set)?="([^"]+)"/g)) {
      yield { target, line: at + 1 };
    }
  }
}

function* codeSpansOf(text: string): Generator<{ value: string; line: number }> {
  for (const [at, content] of withoutBlocks(text).entries()) {
    for (const [, value = ""] of content.matchAll(/`([^`]+)`/g)) yield { value, line: at + 1 };
  }
}

/** The lines, those of fenced blocks empty. */
function withoutBlocks(text: string): string[] {
  let fence: string | undefined;
  return text.split("\n").map((line) => {
    const mark = /^\s*(```+|~~~+)/.exec(line)?.[1];
    if (fence === undefined && mark === undefined) return line;
    if (fence === undefined) fence = mark;
    else if (mark?.startsWith(fence) === true) fence = undefined;
    return "";
  });
}

/** As GitHub makes them: of the text in small letters, without punctuation, spaces as hyphens, counted. */
function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>();
  const seen = new Map<string, number>();
  for (const line of withoutBlocks(text)) {
    const heading = /^#{1,6}\s+(.*?)\s*#*$/.exec(line)?.[1];
    if (heading === undefined) continue;
    const shown = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1");
    const slug = shown
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(/\s/g, "-");
    const count = seen.get(slug) ?? 0;
    seen.set(slug, count + 1);
    anchors.add(count === 0 ? slug : `${slug}-${count}`);
  }
  return anchors;
}
