import type { Readable, Writable } from "node:stream";
import type { Command } from "commander";
import { Client } from "../client.ts";
import { normalUrl } from "../endpoints.ts";
import type { Encoding } from "./encoding.ts";
import { CliError, exitCodes } from "./exit-codes.ts";
import { json } from "./output.ts";

/** What the command line sees of its process; a test hands in its own. */
export interface CliIo {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Writable & { readonly isTTY?: boolean };
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
}

export interface GlobalOptions {
  readonly endpoints: string;
  readonly timeout: number;
  readonly output: "table" | "json";
  readonly encoding: Encoding;
}

export const defaultEndpoint = "http://127.0.0.1:4001";

/** What every command needs: its options, a client, a way to speak. */
export class CommandContext {
  readonly io: CliIo;
  readonly options: GlobalOptions;

  constructor(io: CliIo, command: Command) {
    this.io = io;
    this.options = command.optsWithGlobals<GlobalOptions>();
  }

  get endpoints(): string[] {
    const list = this.options.endpoints.split(",").map((text) => text.trim());
    return list
      .filter((text) => text !== "")
      .map((text) => {
        const url = normalUrl(text);
        if (url === "") throw new CliError(exitCodes.usage, `--endpoints: "${text}" is not an http URL`);
        return url;
      });
  }

  async withClient<T>(call: (client: Client) => Promise<T>, endpoints = this.endpoints): Promise<T> {
    if (endpoints.length === 0) throw new CliError(exitCodes.usage, "--endpoints is empty");
    const client = new Client({ endpoints, timeoutMs: this.options.timeout, discover: false });
    try {
      return await call(client);
    } finally {
      client.close();
    }
  }

  /** The result: `value` for programs, or what `text` makes for people. */
  print(value: unknown, text: () => string): void {
    this.io.stdout.write(`${this.options.output === "json" ? json(value) : text()}\n`);
  }

  /** A line about work that takes long; never on standard output. */
  progress(line: string): void {
    this.io.stderr.write(`${line}\n`);
  }
}

/** The bytes of standard input. */
export async function readAll(stream: Readable): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) {
    chunks.push(typeof chunk === "string" ? new TextEncoder().encode(chunk) : (chunk as Uint8Array));
  }
  return Buffer.concat(chunks);
}
