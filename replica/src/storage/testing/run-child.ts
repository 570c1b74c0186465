import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { ChildCommand } from "./child.ts";

const script = fileURLToPath(new URL("child.ts", import.meta.url));

export interface ChildRun {
  readonly code: number | null;
  readonly signal: string | null;
  readonly said: readonly Record<string, unknown>[];
}

export interface RunningChild {
  readonly process: ChildProcess;
  readonly ended: Promise<ChildRun>;
  /** Resolves when it has said a line for which this holds, or has ended. */
  saidThat(holds: (line: Record<string, unknown>) => boolean): Promise<void>;
}

export function startChild(command: ChildCommand): RunningChild {
  const child = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", script, JSON.stringify(command)],
    {
      stdio: ["ignore", "pipe", "ignore"],
    },
  );
  const said: Record<string, unknown>[] = [];
  const waiting = new Set<() => void>();
  let rest = "";
  child.stdout.on("data", (data: Buffer) => {
    const lines = (rest + data.toString()).split("\n");
    rest = lines.pop()!;
    // A line cut off by a kill was not said.
    for (const line of lines) said.push(JSON.parse(line) as Record<string, unknown>);
    for (const check of waiting) check();
  });
  const ended = once(child, "close").then(([code, signal]) => {
    for (const check of waiting) check();
    return { code: code as number | null, signal: signal as string | null, said };
  });
  return {
    process: child,
    ended,
    saidThat: (holds) =>
      new Promise((resolve) => {
        const check = (): void => {
          if (!said.some(holds) && child.exitCode === null && child.signalCode === null) return;
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      }),
  };
}

export function runChild(command: ChildCommand): Promise<ChildRun> {
  return startChild(command).ended;
}
