import { buffer } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import { pack } from "tar-stream";

export interface ArchivedFile {
  /** Relative, with slashes. */
  readonly path: string;
  readonly content: string;
}

/** A gzipped tar of a few megabytes at most, all files in one folder. */
export async function makeArchive(
  files: readonly ArchivedFile[],
  folder: string,
  mtime: Date,
): Promise<Buffer> {
  const archive = pack();
  const bytes = buffer(archive);
  for (const { path, content } of files) {
    archive.entry({ name: `${folder}/${path}`, mtime, mode: 0o644 }, content);
  }
  archive.finalize();
  return gzipSync(await bytes);
}
