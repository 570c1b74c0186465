import { type Command, Option } from "commander";
import type { KeySelection, KeyValue } from "../types.ts";
import { countFrom, example, revisionFrom } from "./arguments.ts";
import { type CliIo, CommandContext, readAll } from "./context.ts";
import {
  decodeArgument,
  type Encoding,
  encodings,
  jsonFromKey,
  jsonFromKeyValue,
  printable,
} from "./encoding.ts";
import { CliError, exitCodes } from "./exit-codes.ts";
import { json, table } from "./output.ts";

function withEncoding(command: Command): Command {
  return command.addOption(
    new Option("--encoding <encoding>", "how keys and values are written, here and in the output")
      .choices(encodings)
      .default("utf8"),
  );
}

function withReadOptions(command: Command): Command {
  return command
    .option("--revision <n>", "read the state at this revision", revisionFrom)
    .option("--serializable", "the answering member's own state, which may be stale")
    .option("--min-revision <n>", "wait for a state of at least this revision", revisionFrom);
}

interface ReadFlags {
  readonly revision?: bigint;
  readonly serializable?: boolean;
  readonly minRevision?: bigint;
}

function readOptions({ revision, serializable, minRevision }: ReadFlags) {
  return {
    consistency: serializable === true ? ("serializable" as const) : ("linearizable" as const),
    ...(revision !== undefined && { revision }),
    ...(minRevision !== undefined && { minRevision }),
  };
}

export function addKvCommands(program: Command, io: CliIo): void {
  addPut(program, io);
  addGet(program, io);
  addRange(program, io);
  addDelete(program, io);
  program
    .command("compact")
    .description("discard the history before a revision; the newest value of each key stays")
    .argument("<revision>", "at most the store's revision", revisionFrom)
    .addHelpText("after", example("rstore compact 1200"))
    .action(async (revision: bigint, _options, command: Command) => {
      const context = new CommandContext(io, command);
      await context.withClient((client) => client.compact(revision));
      context.print({ compactedRevision: revision }, () => `compacted up to revision ${revision}`);
    });
}

interface PutFlags {
  readonly ifRevision?: bigint;
  readonly ifAbsent?: boolean;
  readonly previous?: boolean;
}

function addPut(program: Command, io: CliIo): void {
  withEncoding(program.command("put"))
    .description("set the value of a key")
    .argument("<key>")
    .argument("[value]", "taken from standard input, byte for byte, when it is `-` or left out in a pipe")
    .option("--if-revision <n>", "only if the key's mod revision is this (compare-and-set)", revisionFrom)
    .addOption(new Option("--if-absent", "only if the key does not exist").conflicts("ifRevision"))
    .option("--previous", "show what the key held before")
    .addHelpText("after", example("rstore put greeting hello", "rstore put report - < report.pdf"))
    .action(async (keyText: string, valueText: string | undefined, flags: PutFlags, command: Command) => {
      const context = new CommandContext(io, command);
      const { encoding } = context.options;
      const key = decodeArgument(keyText, encoding);
      const value = await valueFrom(io, valueText, encoding);
      const expected = flags.ifAbsent === true ? 0n : flags.ifRevision;
      const result = await context.withClient((client) =>
        client.put(key, value, {
          previous: flags.previous ?? false,
          ...(expected !== undefined && { expectedModRevision: expected }),
        }),
      );
      const { revision, previous } = result;
      context.print(
        {
          ...jsonFromKey(key, encoding),
          revision,
          ...(flags.previous === true && {
            previous: previous === undefined ? null : jsonFromKeyValue(previous, encoding),
          }),
        },
        () =>
          previous === undefined
            ? `OK, revision ${revision}`
            : `OK, revision ${revision}, was ${printable(previous.value, encoding)}`,
      );
    });
}

async function valueFrom(io: CliIo, text: string | undefined, encoding: Encoding): Promise<Uint8Array> {
  if (text !== undefined && text !== "-") return decodeArgument(text, encoding);
  if (text === undefined && io.stdin.isTTY === true) {
    throw new CliError(exitCodes.usage, "give a value, or send it to standard input: rstore put KEY < file");
  }
  return readAll(io.stdin);
}

function addGet(program: Command, io: CliIo): void {
  withReadOptions(withEncoding(program.command("get")))
    .description("print the value of a key; byte for byte when standard output is not a terminal")
    .argument("<key>")
    .addHelpText("after", example("rstore get greeting", "rstore get report > report.pdf"))
    .action(async (keyText: string, flags: ReadFlags, command: Command) => {
      const context = new CommandContext(io, command);
      const { encoding, output } = context.options;
      const key = decodeArgument(keyText, encoding);
      const { keyValue } = await context.withClient((client) => client.get(key, readOptions(flags)));
      if (keyValue === undefined) {
        if (output === "json") context.print(null, () => "");
        throw new CliError(exitCodes.keyNotFound, `no key ${keyText}`);
      }
      if (output === "json") context.print(jsonFromKeyValue(keyValue, encoding), () => "");
      else printValue(io, keyValue, encoding);
    });
}

function printValue(io: CliIo, keyValue: KeyValue, encoding: Encoding): void {
  if (encoding !== "utf8") io.stdout.write(`${printable(keyValue.value, encoding)}\n`);
  else if (io.stdout.isTTY === true) io.stdout.write(`${printable(keyValue.value, encoding)}\n`);
  else io.stdout.write(keyValue.value);
}

interface RangeFlags extends ReadFlags {
  readonly prefix?: string;
  readonly limit?: number;
  readonly reverse?: boolean;
  readonly keysOnly?: boolean;
  readonly count?: boolean;
}

function addRange(program: Command, io: CliIo): void {
  withReadOptions(withEncoding(program.command("range")))
    .description("list keys in order: all of them, those with a prefix, or from a key up to another")
    .argument("[first]", "the first key")
    .argument("[end]", "the key to stop before")
    .option("--prefix <prefix>", "keys that begin with this")
    .option("--limit <n>", "at most this many", countFrom)
    .option("--reverse", "in descending order")
    .option("--keys-only", "without values")
    .option("--count", "only how many there are")
    .addHelpText("after", example("rstore range --prefix users/ --limit 20", "rstore range a b --keys-only"))
    .action(
      async (first: string | undefined, end: string | undefined, flags: RangeFlags, command: Command) => {
        const context = new CommandContext(io, command);
        const { encoding } = context.options;
        if (flags.prefix !== undefined && first !== undefined) {
          throw new CliError(exitCodes.usage, "give either --prefix or a first key");
        }
        const options = {
          ...readOptions(flags),
          ...selection(first, end, flags.prefix, encoding),
          reverse: flags.reverse ?? false,
          keysOnly: flags.keysOnly ?? false,
          ...(flags.limit !== undefined && { limit: flags.limit }),
        };
        if (flags.count === true) {
          const { count, revision } = await context.withClient((client) =>
            client.range({ ...options, countOnly: true }),
          );
          context.print({ count, revision }, () => count.toString());
          return;
        }
        await context.withClient(async (client) => {
          let head = true;
          for await (const page of client.rangePages(options)) {
            io.stdout.write(pageText(page.keyValues, context, flags.keysOnly === true, head));
            head = false;
          }
        });
      },
    );
}

function selection(
  first: string | undefined,
  end: string | undefined,
  prefix: string | undefined,
  encoding: Encoding,
): KeySelection {
  return {
    ...(first !== undefined && { key: decodeArgument(first, encoding) }),
    ...(end !== undefined && { rangeEnd: decodeArgument(end, encoding) }),
    ...(prefix !== undefined && { prefix: decodeArgument(prefix, encoding) }),
  };
}

/** Longer values end here in a table: a line of megabytes helps nobody. */
const shownMaxCharacters = 200;

function shortened(text: string): string {
  return text.length <= shownMaxCharacters ? text : `${text.slice(0, shownMaxCharacters)}…`;
}

/** A table page by page, or one JSON document a line, so that a range of any size needs no memory. */
function pageText(
  keyValues: readonly KeyValue[],
  { options: { output, encoding } }: CommandContext,
  keysOnly: boolean,
  head: boolean,
): string {
  if (output === "json") {
    return keyValues
      .map((keyValue) => {
        const { value, encoding: used, ...meta } = jsonFromKeyValue(keyValue, encoding);
        return `${json(keysOnly ? meta : { ...meta, value, ...(used !== undefined && { encoding: used }) })}\n`;
      })
      .join("");
  }
  if (keysOnly) return keyValues.map(({ key }) => `${printable(key, encoding)}\n`).join("");
  const rows = keyValues.map(({ key, value, modRevision, version }) => [
    printable(key, encoding),
    modRevision.toString(),
    version.toString(),
    shortened(printable(value, encoding)),
  ]);
  if (rows.length === 0) return "";
  const text = table(["key", "revision", "version", "value"], rows);
  return `${head ? text : text.slice(text.indexOf("\n") + 1)}\n`;
}

interface DeleteFlags {
  readonly prefix?: boolean;
  readonly end?: string;
  readonly toEnd?: boolean;
  readonly ifRevision?: bigint;
  readonly previous?: boolean;
}

function addDelete(program: Command, io: CliIo): void {
  withEncoding(program.command("del"))
    .alias("delete")
    .description("delete a key, or a range of keys")
    .argument("<key>", "the key, the first key, or with --prefix the prefix")
    .addOption(
      new Option("--prefix", "all keys that begin with it").conflicts(["end", "toEnd", "ifRevision"]),
    )
    .addOption(
      new Option("--end <key>", "from the key up to but not including this").conflicts(["ifRevision"]),
    )
    .addOption(
      new Option("--to-end", "from the key to the end of the store").conflicts(["end", "ifRevision"]),
    )
    .option("--if-revision <n>", "only if the key's mod revision is this (compare-and-delete)", revisionFrom)
    .option("--previous", "show what was deleted")
    .addHelpText("after", example("rstore del greeting", "rstore del users/ --prefix"))
    .action(async (keyText: string, flags: DeleteFlags, command: Command) => {
      const context = new CommandContext(io, command);
      const { encoding } = context.options;
      const { deleted, revision, previous } = await context.withClient((client) =>
        client.delete(decodeArgument(keyText, encoding), {
          prefix: flags.prefix ?? false,
          toEnd: flags.toEnd ?? false,
          previous: flags.previous ?? false,
          ...(flags.end !== undefined && { rangeEnd: decodeArgument(flags.end, encoding) }),
          ...(flags.ifRevision !== undefined && { expectedModRevision: flags.ifRevision }),
        }),
      );
      const gone = previous.map((keyValue) => jsonFromKeyValue(keyValue, encoding));
      context.print({ deleted, revision, ...(flags.previous === true && { previous: gone }) }, () =>
        [
          ...previous.map(({ key, value }) => `${printable(key, encoding)}\t${printable(value, encoding)}`),
          `deleted ${deleted}${deleted === 1n ? " key" : " keys"}, revision ${revision}`,
        ].join("\n"),
      );
      if (deleted === 0n) throw new CliError(exitCodes.keyNotFound, `no key ${keyText}`);
    });
}
