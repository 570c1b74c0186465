import { readFileSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { getHeapStatistics } from "node:v8";
import type { ProcessReading } from "./reading.ts";

const intervalMs = 100;
/** Observed after one block: a process that was stopped for hours has no need of all. */
const MISSED_TICKS_MAX = 100;
/** What control groups of version 1 say when there is no limit is about 2^63. */
const noLimitBytes = 2 ** 60;

/** Looks at this process: how long its event loop is blocked, and at a scrape at its memory. */
export class ProcessWatch {
  readonly #version: string;
  readonly #eventLoopDelay: { observe(seconds: number): void };
  readonly #limitFiles = memoryLimitFiles();
  #timer: NodeJS.Timeout | undefined;
  #dueMs = 0;

  constructor(version: string, eventLoopDelay: { observe(seconds: number): void }) {
    this.#version = version;
    this.#eventLoopDelay = eventLoopDelay;
  }

  start(): void {
    this.#dueMs = performance.now() + intervalMs;
    this.#timer = setInterval(() => this.#tick(), intervalMs);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** These files are the kernel's: to read them does not wait for a disk. */
  read(): ProcessReading {
    return {
      version: this.#version,
      node: process.versions.node,
      loopActiveSeconds: performance.eventLoopUtilization().active / 1000,
      heapLimitBytes: getHeapStatistics().heap_size_limit,
      memoryLimitBytes: limitFrom(firstText(this.#limitFiles)),
      anonymousMemoryBytes: anonymousFrom(firstText(["/proc/self/status"])),
    };
  }

  #tick(): void {
    const nowMs = performance.now();
    let lateMs = Math.max(0, nowMs - this.#dueMs);
    // A block of any length is one tick; those that fell into it would have been late as well.
    for (let count = 0; count < MISSED_TICKS_MAX && lateMs >= 0; count++) {
      this.#eventLoopDelay.observe(lateMs / 1000);
      lateMs -= intervalMs;
    }
    this.#dueMs = nowMs + intervalMs;
  }
}

/** Of version 2 and 1, as seen on the host and from within a container. */
function memoryLimitFiles(): readonly string[] {
  const path = /^0::(.*)$/m.exec(firstText(["/proc/self/cgroup"]) ?? "")?.[1] ?? "";
  const root = "/sys/fs/cgroup";
  return [`${root}${path}/memory.max`, `${root}/memory.max`, `${root}/memory/memory.limit_in_bytes`];
}

export function limitFrom(text: string | undefined): number | undefined {
  const bytes = Number(text);
  return text === undefined || Number.isNaN(bytes) || bytes >= noLimitBytes ? undefined : bytes;
}

export function anonymousFrom(status: string | undefined): number | undefined {
  const kibibytes = /^RssAnon:\s+(\d+) kB$/m.exec(status ?? "")?.[1];
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
}

function firstText(files: readonly string[]): string | undefined {
  for (const file of files) {
    try {
      return readFileSync(file, "utf8");
    } catch {
      // Not on this system.
    }
  }
  return undefined;
}
