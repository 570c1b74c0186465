import { type Command, InvalidArgumentError, Option } from "commander";
import { durationMsFrom, example } from "./arguments.ts";
import { type CliIo, CommandContext } from "./context.ts";
import { CliError, exitCodes } from "./exit-codes.ts";

const replicasMax = 9;

function replicasFrom(text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || count < 1 || count > replicasMax) {
    throw new InvalidArgumentError(`Give a number from 1 to ${replicasMax}.`);
  }
  return count;
}

function portFrom(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port < 1 || port > 65_535) throw new InvalidArgumentError("Give a port number.");
  return port;
}

function dataOption(): Option {
  return new Option("--data <folder>", "where the data is kept")
    .env("RSTORE_LOCAL_DATA")
    .default("./.rstore");
}

interface UpFlags {
  readonly data: string;
  readonly replicas?: number;
  readonly clientPort?: number;
  readonly peerPort?: number;
  readonly metricsPort?: number;
  readonly logLevel: string;
}

interface ScaleFlags {
  readonly data: string;
  readonly wait: number;
}

/** What runs a cluster is loaded only when it is asked for. */
export function addLocalCommands(program: Command, io: CliIo): void {
  const local = program.command("local").description("a cluster of processes on this machine");
  local
    .command("up")
    .description("start it, and keep it running until Ctrl-C; the data stays, and the settings with it")
    .option("--replicas <n>", "how many (default: as before, or 3)", replicasFrom)
    .addOption(dataOption())
    .option(
      "--client-port <n>",
      "for clients of the first replica, the next of the next (default: 4001)",
      portFrom,
    )
    .option("--peer-port <n>", "the same for members and administrators (default: 4101)", portFrom)
    .option("--metrics-port <n>", "the same for metrics and probes (default: 4201)", portFrom)
    .addOption(
      new Option("--log-level <level>", "of the replicas")
        .choices(["trace", "debug", "info", "warn", "error"])
        .default("warn"),
    )
    .addHelpText("after", example("npx rstore local up", "npx rstore local up --replicas 5"))
    .action(async (flags: UpFlags) => {
      const { up } = await import("./local/up.ts");
      await localError(() => up(flags, io));
    });
  local
    .command("scale")
    .description("another number of replicas: writes it to store.yaml, and waits until it is so")
    .argument("<replicas>", "1 to 9", replicasFrom)
    .addOption(dataOption())
    .addOption(
      new Option("--wait <duration>", "until it is so; it goes on afterwards")
        .default(300_000, "5m")
        .argParser(durationMsFrom),
    )
    .addHelpText("after", example("npx rstore local scale 5"))
    .action(async (replicas: number, flags: ScaleFlags, command: Command) => {
      const { scale } = await import("./local/scale.ts");
      const context = new CommandContext(io, command);
      const onProgress = (line: string): void => context.progress(line);
      const options = { data: flags.data, waitMs: flags.wait, onProgress };
      const scaled = await localError(() => scale(replicas, options, io));
      context.print(scaled, () =>
        scaled.settled
          ? `${replicas} replicas: all voters, alive and caught up`
          : `${replicas} replicas from the next start on: it does not run now`,
      );
    });
  local
    .command("down")
    .description("end the cluster that runs in a folder, and wait for it")
    .addOption(dataOption())
    .addHelpText("after", example("npx rstore local down"))
    .action(async (flags: { readonly data: string }, command: Command) => {
      const { down } = await import("./local/down.ts");
      const ended = await localError(() => down(flags.data, io));
      new CommandContext(io, command).print({ ended }, () =>
        ended ? "ended" : "no local cluster runs here",
      );
    });
  local
    .command("status")
    .description("whether a cluster runs in a folder, its members, and its conditions with their reasons")
    .addOption(dataOption())
    .addHelpText("after", example("npx rstore local status"))
    .action(async (flags: { readonly data: string }, command: Command) => {
      const { describeLocal, localStatusText } = await import("./local/status.ts");
      const described = await localError(() => describeLocal(flags.data, io));
      new CommandContext(io, command).print(described, () => localStatusText(described));
    });
  local
    .command("wipe")
    .description("delete all data and settings of the cluster in a folder")
    .addOption(dataOption())
    .option("--yes", "really delete it")
    .addHelpText("after", example("npx rstore local wipe --yes"))
    .action(async (flags: { readonly data: string; readonly yes?: boolean }, command: Command) => {
      if (flags.yes !== true) {
        const message = `this deletes all data of the cluster in ${flags.data}: say --yes if that is meant`;
        throw new CliError(exitCodes.usage, message);
      }
      const { wipe } = await import("./local/wipe.ts");
      const wiped = await localError(() => wipe(flags.data, io));
      new CommandContext(io, command).print({ wiped }, () => `deleted the data in ${wiped}`);
    });
}

async function localError<T>(call: () => T | Promise<T>): Promise<T> {
  const { LocalError } = await import("@rstore/operator/platform/process/local-error");
  try {
    return await call();
  } catch (error) {
    if (error instanceof LocalError) throw new CliError(exitCodes.error, error.message, { cause: error });
    throw error;
  }
}
