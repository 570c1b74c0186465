import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { TranscriptScript } from "./transcript-script.ts";

/**
 * testdata/*.txt are golden: blocks of commands, a line `----`, and what came of them; a line that begins
 * with `#` is a remark. UPDATE_TRANSCRIPTS=1 writes what comes of them now; review the difference.
 */
const folder = join(import.meta.dirname, "testdata");
const isUpdate = process.env.UPDATE_TRANSCRIPTS === "1";

for (const name of readdirSync(folder).sort()) {
  test(`transcript ${name}`, () => {
    const path = join(folder, name);
    const golden = readFileSync(path, "utf8");
    const actual = replay(golden);
    if (isUpdate) writeFileSync(path, actual);
    else expect(actual).toBe(golden);
  });
}

/** Blocks are separated by an empty line. */
function replay(golden: string): string {
  const script = new TranscriptScript();
  const blocks = golden.trimEnd().split(/\n\n+/);
  return `${blocks.map((block) => replayBlock(script, block)).join("\n\n")}\n`;
}

function replayBlock(script: TranscriptScript, block: string): string {
  const [input = ""] = block.split(/^----$/m);
  const lines = input.trimEnd().split("\n");
  const commands = lines.filter((line) => !line.startsWith("#") && line !== "");
  if (commands.length === 0) return lines.join("\n");
  return `${lines.join("\n")}\n----\n${script.run(commands.join("\n"))}`;
}
