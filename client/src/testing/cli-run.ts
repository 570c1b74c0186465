import { Readable, Writable } from "node:stream";
import { run } from "../cli/program.ts";

export interface CliRun {
  readonly code: number;
  readonly stdout: string;
  readonly stdoutBytes: Buffer;
  readonly stderr: string;
}

/** Runs a command line in this process. Without `stdin`, standard input is a terminal. */
export async function runCli(
  argv: readonly string[],
  options: {
    readonly stdin?: string | Uint8Array;
    readonly env?: Record<string, string>;
    readonly stdoutIsTTY?: boolean;
  } = {},
): Promise<CliRun> {
  const [stdout, stderr] = [collector(), collector()];
  const stdin = Readable.from(options.stdin === undefined ? [] : [Buffer.from(options.stdin)]);
  const code = await run(argv, {
    stdin: Object.assign(stdin, { isTTY: options.stdin === undefined }),
    stdout: Object.assign(stdout.stream, { isTTY: options.stdoutIsTTY ?? false }),
    stderr: stderr.stream,
    env: options.env ?? {},
    cwd: process.cwd(),
  });
  const stdoutBytes = Buffer.concat(stdout.chunks);
  return {
    code,
    stdout: stdoutBytes.toString(),
    stdoutBytes,
    stderr: Buffer.concat(stderr.chunks).toString(),
  };
}

function collector() {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(Buffer.from(chunk));
      done();
    },
  });
  return { chunks, stream };
}
