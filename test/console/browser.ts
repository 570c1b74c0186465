import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

const programs = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** Debian's Chromium, or the one that RSTORE_CHROMIUM names; undefined: there is none. */
export const chromiumPath: string | undefined =
  process.env.RSTORE_CHROMIUM ?? programs.find((path) => existsSync(path));

/** Without a window. Its sandbox does not work for root. */
export function launchBrowser(): Promise<Browser> {
  if (chromiumPath === undefined) throw new Error("there is no Chromium here: apt-get install chromium");
  const isRoot = process.getuid?.() === 0;
  return chromium.launch({ executablePath: chromiumPath, args: isRoot ? ["--no-sandbox"] : [] });
}
