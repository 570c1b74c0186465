import { Command, CommanderError, Option } from "commander";
import { version } from "../version.ts";
import { durationMsFrom } from "./arguments.ts";
import { addClusterCommands } from "./cluster-commands.ts";
import { type CliIo, defaultEndpoint } from "./context.ts";
import { addDebugCommand } from "./debug-command.ts";
import { adviceFrom, CliError, exitCodeFrom, exitCodes } from "./exit-codes.ts";
import { addKvCommands } from "./kv-commands.ts";
import { addLocalCommands } from "./local-commands.ts";
import { addMemberCommands } from "./member-commands.ts";

export function createProgram(io: CliIo): Command {
  const program = new Command("rstore")
    .description("Reads and writes an rstore cluster, and looks after its members.")
    .version(version, "-V, --version")
    .addOption(
      new Option("--endpoints <urls>", "client URLs of one or more replicas, separated by commas")
        .env("RSTORE_ENDPOINTS")
        .default(defaultEndpoint),
    )
    .addOption(
      new Option("--timeout <duration>", "for each request, with all its attempts")
        .env("RSTORE_TIMEOUT")
        .default(5_000, "5s")
        .argParser(durationMsFrom),
    )
    .addOption(
      new Option("-o, --output <format>", "a table for people, or JSON for programs")
        .choices(["table", "json"])
        .default("table"),
    )
    .addHelpText("after", "\nExit codes and the JSON of every command: docs/reference/cli.md")
    .showHelpAfterError("(add --help for how to use it)")
    .configureHelp({ showGlobalOptions: true });
  addKvCommands(program, io);
  addClusterCommands(program, io);
  addMemberCommands(program, io);
  addLocalCommands(program, io);
  addDebugCommand(program, io);
  const output = {
    writeOut: (text: string) => io.stdout.write(text),
    writeErr: (text: string) => io.stderr.write(text),
  };
  const visit = (command: Command): void => {
    command.exitOverride().configureOutput(output);
    if (command !== program) command.copyInheritedSettings(program);
    command.commands.forEach(visit);
  };
  visit(program);
  return program;
}

/** Runs one command line; resolves to the exit code. */
export async function run(argv: readonly string[], io: CliIo): Promise<number> {
  try {
    await createProgram(io).parseAsync([...argv], { from: "user" });
    return exitCodes.ok;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    report(error, io);
    return exitCodeFrom(error);
  }
}

function report(error: unknown, io: CliIo): void {
  const message = error instanceof Error ? error.message : String(error);
  if (message === "") return;
  io.stderr.write(`rstore: ${message}\n`);
  const advice = adviceFrom(error);
  if (advice !== undefined) io.stderr.write(`rstore: ${advice}\n`);
  if (exitCodeFrom(error) === exitCodes.error && error instanceof Error && !(error instanceof CliError)) {
    if (io.env.RSTORE_DEBUG !== undefined) io.stderr.write(`${error.stack}\n`);
  }
}
