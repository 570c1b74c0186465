import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { lockDirectory } from "@rstore/operator/platform/process/directory-lock";
import { LocalStore } from "@rstore/operator/platform/process/local-store";
import {
  type AskedSettings,
  type OpenedStore,
  openStore,
} from "@rstore/operator/platform/process/open-store";
import type { CliIo } from "../context.ts";
import { Narrator } from "./narrator.ts";
import { replicaLauncher } from "./replica-launcher.ts";
import { readRunPid, removeRunPid, writeRunPid } from "./run-file.ts";
import { Voice } from "./voice.ts";

export interface UpOptions extends AskedSettings {
  readonly data: string;
  readonly logLevel: string;
}

/** Replicas of a run that was killed end within this. */
const patienceMs = 10_000;
/** Signals closer together are one: a terminal, npm and the launcher may each send the same Ctrl-C. */
const sameSignalMs = 500;

/** Runs a store on this machine until a signal ends it. Resolves when all replicas have ended. */
export async function up(options: UpOptions, io: CliIo): Promise<void> {
  const folder = resolve(io.cwd, options.data);
  mkdirSync(folder, { recursive: true });
  const lock = lockDirectory(folder);
  try {
    const wasKilled = readRunPid(folder) !== undefined;
    const opened = await openStore(folder, options, wasKilled ? patienceMs : 0);
    writeRunPid(folder);
    await runUntilSignal(opened, folder, options.logLevel, io);
    removeRunPid(folder);
  } finally {
    lock.release();
  }
}

async function runUntilSignal(
  { keeper, resource, unused }: OpenedStore,
  folder: string,
  logLevel: string,
  io: CliIo,
): Promise<void> {
  const voice = new Voice(io);
  const narrator = new Narrator(voice, keeper, folder);
  const launcher = replicaLauncher();
  const store = new LocalStore({ folder, resource, keeper, launcher, logLevel, events: narrator });
  narrator.greet(resource, unused);
  const end = Promise.withResolvers<void>();
  let firstMs: number | undefined;
  const onSignal = (signal: NodeJS.Signals): void => {
    const nowMs = performance.now();
    if (firstMs === undefined) {
      firstMs = nowMs;
      narrator.end();
      voice.say(`${signal}: ending all replicas; Ctrl-C again kills them`);
      store.stop().then(end.resolve, end.reject);
    } else if (nowMs - firstMs > sameSignalMs) {
      store.kill();
    }
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, onSignal);
  try {
    store.start(end.reject);
    await end.promise;
    voice.say("all replicas have ended");
  } catch (error) {
    store.kill();
    throw error;
  } finally {
    for (const signal of signals) process.off(signal, onSignal);
  }
}
