import { type Command, Option } from "commander";
import { example } from "./arguments.ts";
import { type CliIo, CommandContext } from "./context.ts";

interface DebugFlags {
  readonly file?: string;
  readonly peer?: readonly string[];
  readonly data: string;
}

/** What makes the archive is loaded only when it is asked for. */
export function addDebugCommand(program: Command, io: CliIo): void {
  program
    .command("debug")
    .description("write an archive for a bug report: status, metrics, settings, recent log of every replica")
    .option("--file <path>", "where to; - is standard output (default: rstore-debug-<time>.tar.gz here)")
    .option(
      "--peer <url>",
      "peer URL of another replica to ask, such as one that is no member; may be repeated",
      (url: string, urls: readonly string[] = []) => [...urls, url],
    )
    .addOption(
      new Option("--data <folder>", "of `rstore local`, whose status goes along if there is one")
        .env("RSTORE_LOCAL_DATA")
        .default("./.rstore"),
    )
    .addHelpText(
      "after",
      `
There are no keys and no values in it. A replica that does not answer is noted in it. The replicas are asked on
their peer ports, so on Kubernetes it runs in one of them.
${example("rstore debug", "kubectl exec example-0 -- rstore debug --file - > debug.tar.gz")}`,
    )
    .action(async (flags: DebugFlags, command: Command) => {
      const context = new CommandContext(io, command);
      const { debug } = await import("./debug/debug.ts");
      await debug(context, { file: flags.file, peers: flags.peer ?? [], data: flags.data });
    });
}
