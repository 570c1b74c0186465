import { resolve } from "node:path";
import { LocalError } from "@rstore/operator/platform/process/local-error";
import type { CliIo } from "../context.ts";
import { isUnlocked, readRunPid } from "./run-file.ts";

const pollMs = 100;

/** Ends the store that runs in a folder and waits for it. False when none runs. */
export async function down(data: string, io: CliIo, timeoutMs = 40_000): Promise<boolean> {
  const folder = resolve(io.cwd, data);
  if (isUnlocked(folder)) return false;
  const pid = readRunPid(folder);
  if (pid === undefined) {
    throw new LocalError(`the cluster in ${folder} is just starting or ending: try again`);
  }
  process.kill(pid, "SIGTERM");
  const deadlineMs = performance.now() + timeoutMs;
  while (!isUnlocked(folder)) {
    if (performance.now() > deadlineMs) {
      throw new LocalError(`process ${pid} has not ended within ${timeoutMs / 1_000} s: look at its output`);
    }
    await new Promise((wake) => setTimeout(wake, pollMs));
  }
  return true;
}
