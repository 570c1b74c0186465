import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";

export interface ConsoleAsset {
  /** Below `/console`; the page itself is "". */
  readonly path: string;
  readonly contentType: string;
  readonly body: Buffer;
  readonly etag: string;
}

const page = new URL("./page/", import.meta.url);

const contentTypes: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
  ts: "text/javascript; charset=utf-8",
};

/**
 * The files of the page. From the sources, TypeScript has its types taken out, nothing more; a build puts what
 * this returns into the program (client/scripts/console-inside.ts).
 */
export function loadAssets(): ConsoleAsset[] {
  return readdirSync(page).flatMap((name) => {
    const contentType = contentTypes[name.split(".").at(-1)!];
    if (contentType === undefined || name.endsWith(".test.ts")) return [];
    const source = readFileSync(new URL(name, page), "utf8");
    const body = Buffer.from(name.endsWith(".ts") ? withoutTypes(source) : source);
    const path = name === "index.html" ? "" : `/${name}`;
    return [{ path, contentType, body, etag: etagOf(body) }];
  });
}

function etagOf(body: Buffer): string {
  return `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
}

/** Node announces this function as experimental to whoever starts a store. */
function withoutTypes(source: string): string {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return stripTypeScriptTypes(source);
  } finally {
    process.emitWarning = emitWarning;
  }
}
