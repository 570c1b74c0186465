import { Command, Option } from "commander";
import { exitCodes, FatalError } from "./errors.ts";
import type { ReplicaEvents } from "./events.ts";
import { createLogger } from "./log.ts";
import {
  type ConfigKey,
  configSchema,
  environmentName,
  flagName,
  loadConfig,
  type ReplicaConfig,
  showBytes,
} from "./runtime/config.ts";
import { startReplica } from "./server.ts";
import { version } from "./version.ts";

/** After this long a stop that hangs is cut short. */
const STOP_DEADLINE_MS = 20_000;

function createCommand(): Command {
  const command = new Command("rstore-replica")
    .description(
      "One member of an rstore cluster: a Raft replica with its log and store on this machine's disk.",
    )
    .version(version)
    .option("--config <file>", "YAML file of settings, by the names of the flags in camelCase")
    .addHelpText(
      "after",
      `
Each flag is also an environment variable: --data-dir is RSTORE_DATA_DIR. Flags win over the environment,
the environment over the file. Sizes may be written as 64MiB.

A replica with an empty data directory waits until "rstore bootstrap" founds a cluster on it or
"rstore member add" adds it to one. Exit codes: docs/reference/exit-codes.md.

Example:
  rstore-replica --data-dir /var/lib/rstore --client-listen 0.0.0.0:4001 \\
    --client-advertise http://a.example:4001 --peer-listen 0.0.0.0:4101 --peer-advertise http://a.example:4101`,
    );
  for (const [key, schema] of Object.entries(configSchema.shape)) {
    const value = key === "supervised" ? "" : " <value>";
    command.addOption(new Option(`--${flagName(key)}${value}`, describeSetting(key as ConfigKey, schema)));
  }
  return command;
}

function describeSetting(key: ConfigKey, schema: (typeof configSchema.shape)[ConfigKey]): string {
  const fallback = schema.safeParse(undefined).data;
  const shown = key.endsWith("Bytes") ? showBytes(Number(fallback)) : String(fallback);
  const silent = fallback === "" || fallback === false || key === "name";
  return `${schema.description}${silent ? "" : ` (default: ${shown})`} [${environmentName(key)}]`;
}

async function main(): Promise<void> {
  const command = createCommand().exitOverride(({ exitCode }) =>
    process.exit(exitCode === 0 ? exitCodes.ok : exitCodes.invalidConfiguration),
  );
  command.parse();
  const flags: Record<string, unknown> = command.opts();
  const file = typeof flags.config === "string" ? flags.config : undefined;
  const config = loadConfig(flags, process.env, file);
  const log = createLogger({ level: config.logLevel, format: config.logFormat, name: config.name });
  log.record("replica.starting", { version, dataDir: config.dataDir, node: process.version });
  await run(config, log);
}

async function run(config: ReplicaConfig, log: ReplicaEvents): Promise<void> {
  const replica = await startReplica(config, log, (error) => end(error, log));
  let stopping = false;
  const stop = (why: string): void => {
    if (stopping) return;
    stopping = true;
    const beganMs = performance.now();
    log.record("replica.stopping", { why });
    setTimeout(
      () => end(new Error(`it did not stop within ${STOP_DEADLINE_MS} ms`), log),
      STOP_DEADLINE_MS,
    ).unref();
    replica.stop().then(
      () => {
        log.record("replica.stopped", { tookMs: performance.now() - beganMs });
        process.exit(exitCodes.ok);
      },
      (error) => end(error, log),
    );
  };
  process.on("SIGTERM", () => stop("SIGTERM"));
  process.on("SIGINT", () => stop("SIGINT"));
  process.on("unhandledRejection", (error) => end(error, log));
  process.on("uncaughtException", (error) => end(error, log));
  if (config.supervised) {
    process.stdin.resume();
    process.stdin.on("end", () => stop("standard input closed"));
    process.stdin.on("error", () => stop("standard input failed"));
  }
}

/** Ends the process with the exit code of what happened. Nothing is tried again in the same process. */
function end(error: unknown, log: ReplicaEvents): never {
  const fatal = error instanceof FatalError ? error : undefined;
  const exitCode = fatal?.exitCode ?? exitCodes.internal;
  log.record("replica.fatal", {
    reason: fatal?.reason ?? "internal",
    exitCode,
    message: error instanceof Error ? error.message : String(error),
    err: fatal === undefined ? error : undefined,
  });
  process.exit(exitCode);
}

main().catch((error: unknown) => {
  const fatal = error instanceof FatalError ? error : undefined;
  console.error(
    `rstore-replica: ${fatal === undefined && error instanceof Error ? error.stack : (error as Error).message}`,
  );
  process.exit(fatal?.exitCode ?? exitCodes.internal);
});
