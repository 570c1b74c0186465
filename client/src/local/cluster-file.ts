import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import { idFromText, idText } from "../bytes.ts";
import { LocalError } from "./local-error.ts";

const id = z
  .string()
  .regex(/^[0-9a-f]{16}$/)
  .transform((text) => idFromText(text)!);
const port = z.number().int().min(1).max(65_535);

const schema = z.strictObject({
  version: z.literal(1),
  replicas: z.number().int().min(1).max(9),
  /** The highest slot that may still hold a member; above `replicas` while the cluster shrinks. */
  slots: z.number().int().min(1).max(9),
  clientPort: port,
  peerPort: port,
  metricsPort: port,
  /** Intent: written before the founding call. */
  bootstrap: z.object({ clusterId: id, memberId: id }).nullable(),
  /** Written when the founding member has confirmed. */
  clusterId: id.nullable(),
  voters: z.array(id),
});

/** What a local cluster remembers between runs; `cluster.json` in its data folder. */
export type ClusterFile = z.infer<typeof schema>;

export function clusterFilePath(dataDir: string): string {
  return join(dataDir, "cluster.json");
}

/** undefined when there is none yet. */
export function readClusterFile(dataDir: string): ClusterFile | undefined {
  const path = clusterFilePath(dataDir);
  if (!existsSync(path)) return undefined;
  try {
    return schema.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch (cause) {
    const message = `${path} can't be read: restore it, or start anew with "rstore local wipe"`;
    throw new LocalError(message, { cause });
  }
}

/** On disk, whole or not at all, when it returns. */
export function writeClusterFile(dataDir: string, file: ClusterFile): void {
  const path = clusterFilePath(dataDir);
  const text = JSON.stringify(
    file,
    (_key, value: unknown) => (typeof value === "bigint" ? idText(value) : value),
    2,
  );
  const temporary = `${path}.new`;
  const descriptor = openSync(temporary, "w");
  try {
    writeSync(descriptor, `${text}\n`);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(temporary, path);
  const folder = openSync(dirname(path), "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
