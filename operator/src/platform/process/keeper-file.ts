import { join } from "node:path";
import { z } from "zod";
import { readFileIfThere, writeFileDurably } from "./durable-file.ts";
import { LocalError } from "./local-error.ts";
import { slotsMax } from "./slot-address.ts";

const port = z.number().int().min(1).max(65_535);

const schema = z.strictObject({
  version: z.literal(1),
  /** Of slot 0. The members know each other by them, so they stay. */
  clientPort: port,
  peerPort: port,
  metricsPort: port,
  /** A process is kept in each slot below it. */
  kept: z.number().int().min(0).max(slotsMax),
});

/** What keeps processes running, as a StatefulSet does elsewhere; `processes.json` in the folder of the store. */
export type KeeperFile = z.output<typeof schema>;

export function keeperFilePath(folder: string): string {
  return join(folder, "processes.json");
}

/** undefined when there is none yet. */
export function readKeeperFile(folder: string): KeeperFile | undefined {
  const path = keeperFilePath(folder);
  const text = readFileIfThere(path);
  if (text === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    const message = `${path} can't be read: restore it, or start anew with "rstore local wipe"`;
    throw new LocalError(message, { cause });
  }
}

export function writeKeeperFile(folder: string, file: KeeperFile): void {
  writeFileDurably(keeperFilePath(folder), `${JSON.stringify(file, null, 2)}\n`);
}
