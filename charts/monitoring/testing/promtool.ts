import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";

export interface PromtoolResult {
  readonly ok: boolean;
  readonly output: string;
}

/** Why promtool can't be run; undefined: it can. */
export function promtoolMissing(): string | undefined {
  try {
    execFileSync("promtool", ["--version"], { stdio: "ignore" });
    return undefined;
  } catch {
    return "promtool is not installed (Debian: apt-get install prometheus): NO RULE AND NO ALERT IS TESTED";
  }
}

/** Writes the files (text, or what is to be YAML) to a folder of their own and runs promtool there. */
export async function promtool(
  args: readonly string[],
  files: Readonly<Record<string, string | object>>,
): Promise<PromtoolResult> {
  const folder = mkdtempSync(join(tmpdir(), "rstore-promtool-"));
  try {
    for (const [name, content] of Object.entries(files)) {
      const text =
        typeof content === "string" ? content : stringify(content, { aliasDuplicateObjects: false });
      writeFileSync(join(folder, name), text);
    }
    return await new Promise((resolve) => {
      execFile("promtool", [...args], { cwd: folder }, (error, stdout, stderr) => {
        resolve({ ok: error === null, output: `${stdout}${stderr}` });
      });
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
