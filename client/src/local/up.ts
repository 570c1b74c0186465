import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { CliIo } from "../cli/context.ts";
import { type ClusterFile, readClusterFile, writeClusterFile } from "./cluster-file.ts";
import { lockDirectory } from "./directory-lock.ts";
import { LocalCluster } from "./local-cluster.ts";
import { LocalError } from "./local-error.ts";
import { checkPortRanges, checkPortsFree } from "./ports.ts";
import { replicaLauncher } from "./replica-process.ts";
import { type AskedSettings, settleSettings } from "./settings.ts";
import { type SlotAddress, slotAddress } from "./slots.ts";
import { Voice } from "./voice.ts";

export interface UpOptions extends AskedSettings {
  readonly data: string;
  readonly logLevel: string;
  /** The script that starts a replica; that of @rstore/replica by default. */
  readonly launcher?: string;
}

/** Replicas of a run that was killed end within this. */
const patienceMs = 10_000;
/** Signals closer together are one: a terminal, npm and the launcher may each send the same Ctrl-C. */
const sameSignalMs = 500;

/** Runs a local cluster until a signal ends it. Resolves when all replicas have ended. */
export async function up(options: UpOptions, io: CliIo): Promise<void> {
  const dataDir = resolve(io.cwd, options.data);
  mkdirSync(dataDir, { recursive: true });
  const lock = lockDirectory(dataDir);
  try {
    const killed = readRunPid(dataDir) !== undefined;
    const remembered = readClusterFile(dataDir);
    const file = settleSettings(remembered, options);
    const addresses = Array.from({ length: file.slots }, (_, i) => slotAddress(i + 1, file, dataDir));
    checkPortRanges(addresses);
    await checkPortsFree(addresses, {
      patienceMs: killed ? patienceMs : 0,
      remembered: remembered !== undefined,
    });
    writeClusterFile(dataDir, file);
    writeFileSync(runPath(dataDir), `${JSON.stringify({ pid: process.pid })}\n`);
    const launcher = options.launcher ?? replicaLauncher();
    await runUntilSignal(file, addresses, { dataDir, launcher, logLevel: options.logLevel }, io);
    rmSync(runPath(dataDir), { force: true });
  } finally {
    lock.release();
  }
}

function runPath(dataDir: string): string {
  return join(dataDir, "run.json");
}

/**
 * The process that last ran a cluster here; undefined after a clean end. It says whom to signal, not whether
 * anybody runs: the lock says that.
 */
export function readRunPid(dataDir: string): number | undefined {
  try {
    const { pid } = JSON.parse(readFileSync(runPath(dataDir), "utf8")) as { pid: unknown };
    return typeof pid === "number" ? pid : undefined;
  } catch {
    return undefined;
  }
}

async function runUntilSignal(
  file: ClusterFile,
  addresses: readonly SlotAddress[],
  options: { readonly dataDir: string; readonly logLevel: string; readonly launcher: string },
  io: CliIo,
): Promise<void> {
  const voice = new Voice(io);
  const { dataDir } = options;
  const cluster = new LocalCluster({
    ...options,
    file,
    events: {
      onReplicaLine: (slot, line) => voice.replica(slot, line),
      onReplicaNote: (slot, text) => voice.say(`${slot.name} ${text}`),
      onStep: (reason) => voice.say(reason),
      onWaiting: (text) => voice.say(`waiting for ${text}`),
      onStuck: (text) => voice.alarm(text),
      onLeader: (name, term) => voice.say(`${name} leads in term ${term}`),
      onReady: (list) => voice.ready(file, list.members.length, dataDir),
    },
  });
  voice.greet(addresses, dataDir);
  const end = Promise.withResolvers<void>();
  let firstMs: number | undefined;
  const onSignal = (signal: NodeJS.Signals): void => {
    const nowMs = performance.now();
    if (firstMs === undefined) {
      firstMs = nowMs;
      voice.say(`${signal}: ending all replicas; Ctrl-C again kills them`);
      cluster.stop().then(end.resolve, end.reject);
    } else if (nowMs - firstMs > sameSignalMs) {
      cluster.kill();
    }
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, onSignal);
  try {
    cluster.start(end.reject);
    await end.promise;
    voice.say("all replicas have ended");
  } catch (error) {
    cluster.kill();
    throw error;
  } finally {
    for (const signal of signals) process.off(signal, onSignal);
  }
}

/** Ends the cluster that runs in a folder and waits for it. False when none runs. */
export async function down(data: string, io: CliIo, timeoutMs = 40_000): Promise<boolean> {
  const dataDir = resolve(io.cwd, data);
  if (isUnlocked(dataDir)) return false;
  const pid = readRunPid(dataDir);
  if (pid === undefined)
    throw new LocalError(`the cluster in ${dataDir} is just starting or ending: try again`);
  process.kill(pid, "SIGTERM");
  const deadlineMs = performance.now() + timeoutMs;
  while (!isUnlocked(dataDir)) {
    if (performance.now() > deadlineMs) {
      throw new LocalError(`process ${pid} has not ended within ${timeoutMs / 1_000} s: look at its output`);
    }
    await new Promise((wake) => setTimeout(wake, 100));
  }
  return true;
}

/** Deletes all data of the cluster in a folder; refused while it runs. */
export function wipe(data: string, io: CliIo): string {
  const dataDir = resolve(io.cwd, data);
  const file = existing(dataDir);
  const lock = lockDirectory(dataDir);
  try {
    for (let slot = 1; slot <= 9; slot++) {
      rmSync(slotAddress(slot, file, dataDir).dataDir, { recursive: true, force: true });
    }
    rmSync(join(dataDir, "cluster.json"), { force: true });
    rmSync(runPath(dataDir), { force: true });
  } finally {
    lock.release();
  }
  return dataDir;
}

/** The ports matter not, and the file may be damaged: only that it is there says that a cluster was. */
function existing(dataDir: string): Pick<ClusterFile, "clientPort" | "peerPort" | "metricsPort"> {
  try {
    readFileSync(join(dataDir, "cluster.json"));
  } catch (cause) {
    throw new LocalError(`there is no local cluster in ${dataDir}: name its folder with --data`, { cause });
  }
  return { clientPort: 1, peerPort: 1, metricsPort: 1 };
}

export function isUnlocked(dataDir: string): boolean {
  try {
    lockDirectory(dataDir).release();
    return true;
  } catch (error) {
    if (error instanceof LocalError) return false;
    throw error;
  }
}

/** The client URLs of the cluster in a folder, and whether it runs. */
export function describeLocal(
  data: string,
  io: CliIo,
): { readonly running: boolean; readonly endpoints: string[] } {
  const dataDir = resolve(io.cwd, data);
  const file = readClusterFile(dataDir);
  if (file === undefined) {
    throw new LocalError(`there is no local cluster in ${dataDir}: start one with "rstore local up"`);
  }
  const endpoints = Array.from({ length: file.slots }, (_, i) => slotAddress(i + 1, file, dataDir).clientUrl);
  return { running: !isUnlocked(dataDir), endpoints };
}
