import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { version } from "../../version.ts";
import type { CommandContext } from "../context.ts";
import { CliError, exitCodes } from "../exit-codes.ts";
import { bytesText } from "../output.ts";
import { type Collected, collect } from "./collect.ts";
import { type ArchivedFile, makeArchive } from "./make-archive.ts";
import { readmeText } from "./readme-text.ts";

export interface DebugOptions {
  /** undefined: a name made from the time; `-`: standard output. */
  readonly file: string | undefined;
  readonly peers: readonly string[];
  /** The folder of `rstore local`. */
  readonly data: string;
}

const localFiles = ["status.json", "processes.json"];

/** Asks the replicas and writes the archive. It fails only if none of them answered. */
export async function debug(context: CommandContext, { file, peers, data }: DebugOptions): Promise<void> {
  const { io, endpoints, options } = context;
  if (file === "-" && io.stdout.isTTY === true) {
    throw new CliError(exitCodes.usage, "an archive is not for a terminal: write it to a file or a pipe");
  }
  const madeAt = new Date();
  const collected = await collect({
    endpoints,
    peers,
    timeoutMs: options.timeout,
    progress: (line) => context.progress(line),
  });
  const name = `rstore-debug-${madeAt.toISOString().replace(/[-:]|\.\d+/g, "")}`;
  const files = [...collected.files, ...filesOfLocal(resolve(io.cwd, data))];
  const all = [...described({ ...collected, files }, madeAt), ...files];
  const archive = await makeArchive(all, name, madeAt);
  if (file === "-") {
    await new Promise<unknown>((resolve) => io.stdout.write(archive, resolve));
  } else {
    const path = resolve(io.cwd, file ?? `${name}.tar.gz`);
    writeArchive(path, archive);
    context.print({ file: path, files: all.length, bytes: archive.length }, () => {
      return `wrote ${path}: ${all.length} files, ${bytesText(BigInt(archive.length))}`;
    });
  }
  if (!collected.asked.some(({ answered }) => answered)) {
    throw new CliError(exitCodes.unavailable, "no replica answered: the archive says why");
  }
}

/** Whoever may read it reads addresses and settings; and nothing is overwritten. */
function writeArchive(path: string, archive: Buffer): void {
  try {
    writeFileSync(path, archive, { flag: "wx", mode: 0o600 });
  } catch (error) {
    const isThere = (error as NodeJS.ErrnoException).code === "EEXIST";
    const message = isThere ? `${path} exists already` : `can't write ${path}: ${(error as Error).message}`;
    throw new CliError(exitCodes.error, message, { cause: error });
  }
}

function described(collected: Collected, madeAt: Date): ArchivedFile[] {
  const { asked, membersProblem } = collected;
  const summary = { madeAt: madeAt.toISOString(), version, asked, membersProblem };
  return [
    { path: "README.txt", content: readmeText(collected, madeAt, version) },
    { path: "summary.json", content: `${JSON.stringify(summary, undefined, 2)}\n` },
  ];
}

function filesOfLocal(folder: string): ArchivedFile[] {
  return localFiles.flatMap((name) => {
    try {
      return [{ path: `local/${name}`, content: readFileSync(join(folder, name), "utf8") }];
    } catch {
      return [];
    }
  });
}
