import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { isSettled } from "@rstore/operator/platform/process/is-settled";
import { keeperFilePath, readKeeperFile } from "@rstore/operator/platform/process/keeper-file";
import { LocalError } from "@rstore/operator/platform/process/local-error";
import { checkPortRanges } from "@rstore/operator/platform/process/ports";
import { slotAddresses } from "@rstore/operator/platform/process/slot-address";
import { readStatusFile, type StoredResource } from "@rstore/operator/platform/process/status-file";
import { readStoreFile, storeFilePath, writeReplicas } from "@rstore/operator/platform/process/store-file";
import type { CliIo } from "../context.ts";
import { isUnlocked } from "./run-file.ts";

export interface ScaleOptions {
  readonly data: string;
  readonly waitMs: number;
  /** Told what is being done, a line at a time. */
  readonly onProgress: (line: string) => void;
}

export interface Scaled {
  readonly replicas: number;
  /** False: it does not run, so the next start does it. */
  readonly settled: boolean;
}

const pollMs = 200;

/** Writes the wanted number to the store's file, and waits until the process that runs the store has made it so. */
export async function scale(replicas: number, options: ScaleOptions, io: CliIo): Promise<Scaled> {
  const folder = resolve(io.cwd, options.data);
  if (!existsSync(keeperFilePath(folder))) {
    throw new LocalError(`there is no local cluster in ${folder}: start one with "rstore local up"`);
  }
  checkPortRanges(slotAddresses(replicas, readKeeperFile(folder)!, folder));
  writeReplicas(folder, replicas);
  if (isUnlocked(folder)) return { replicas, settled: false };
  const deadlineMs = performance.now() + options.waitMs;
  let told = "";
  for (;;) {
    const resource = readStatusFile(folder);
    expectWanted(folder, replicas);
    if (resource?.spec.replicas === replicas) {
      const line = progressOf(resource);
      if (line !== told && line !== "") options.onProgress(line);
      told = line;
      if (isSettled(resource)) return { replicas, settled: true };
      expectGoingOn(resource);
    }
    if (isUnlocked(folder))
      throw new LocalError(`the cluster in ${folder} was ended; its next start goes on`);
    if (performance.now() > deadlineMs) {
      const why = told === "" ? "the process that runs it has not looked at the file" : told;
      throw new LocalError(`not within ${options.waitMs / 1_000} s, it goes on without this command: ${why}`);
    }
    await new Promise((wake) => setTimeout(wake, pollMs));
  }
}

/** Somebody else may edit the file as well. */
function expectWanted(folder: string, replicas: number): void {
  const file = readStoreFile(folder);
  if (file.kind === "refused") {
    throw new LocalError(`${storeFilePath(folder)} is refused: ${file.problems.join("; ")}`);
  }
  if (file.kind === "valid" && file.spec.replicas !== replicas) {
    throw new LocalError(
      `${storeFilePath(folder)} was edited meanwhile: it asks for ${file.spec.replicas} replicas`,
    );
  }
}

/** What the operator itself waits for a person or a long time for is not waited for here. */
function expectGoingOn({ status, metadata }: StoredResource): void {
  if (status.observedGeneration !== metadata.generation) return;
  for (const { reason, message } of status.conditions ?? []) {
    if (reason === "ScaleOutGivenUp" || reason === "Paused") throw new LocalError(message);
  }
}

function progressOf({ status, metadata }: StoredResource): string {
  if (status.observedGeneration !== metadata.generation) return "";
  const shown = (status.conditions ?? []).filter(
    ({ type, status: is }) => type !== "Available" && is === "True",
  );
  return shown.map(({ message }) => message).join("; ");
}
