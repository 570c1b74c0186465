/**
 * What a put costs from the committed entry to the disk: CPU on the main thread, while applying and while
 * handing a batch to LMDB, and of the whole process. With `--no-commit` batches go nowhere, and it is the
 * cost of applying alone. Run by hand:
 *
 *   node replica/bench/apply.ts [--puts N] [--keys N] [--value-bytes N] [--flush-puts N] [--entry-puts N]
 *                                 [--no-commit]
 */
import { parseArgs } from "node:util";
import { Applier } from "../src/apply/applier.ts";
import { encodeCommandBatch } from "../src/apply/command.ts";
import type { WriteOperation } from "../src/apply/operation.ts";
import { decodeConfiguration } from "../src/raft/confchange/codec.ts";
import type { Entry } from "../src/raft/types.ts";
import { openScratchStore } from "./scratch-store.ts";

const { values: flags } = parseArgs({
  options: {
    puts: { type: "string", default: "400000" },
    keys: { type: "string", default: "100000" },
    "value-bytes": { type: "string", default: "256" },
    // 200 ms at 40,000 puts a second.
    "flush-puts": { type: "string", default: "8000" },
    "entry-puts": { type: "string", default: "100" },
    "no-commit": { type: "boolean", default: false },
  },
});
const puts = Number(flags.puts);
const keys = Number(flags.keys);
const valueBytes = Number(flags["value-bytes"]);
const flushPuts = Number(flags["flush-puts"]);
const entryPuts = Number(flags["entry-puts"]);

const { backend, remove } = openScratchStore();

/** CPU that phases took, on this thread and in all. */
class Meter {
  readonly micros = new Map<string, number>();

  measure<T>(phase: string, work: () => T): T {
    const start = process.threadCpuUsage();
    const result = work();
    const { user, system } = process.threadCpuUsage(start);
    this.micros.set(phase, (this.micros.get(phase) ?? 0) + user + system);
    return result;
  }
}

let state = 12345;
function nextKey(): number {
  state = (Math.imul(state, 1103515245) + 12345) >>> 0;
  return (state >>> 4) % keys;
}

function buildData(): Uint8Array {
  const operations: WriteOperation[] = [];
  for (let i = 0; i < entryPuts; i++) {
    const value = Buffer.alloc(valueBytes, i);
    operations.push({
      type: "put",
      key: Buffer.from(`/registry/pods/key-${nextKey().toString().padStart(9, "0")}`),
      value,
      lease: 0n,
      previous: false,
      expectedModRevision: undefined,
    });
  }
  return encodeCommandBatch({ originTimeMs: 0, operations });
}

/** Made beforehand and used again and again, so that making them is not measured. */
const commands = Array.from({ length: Math.ceil(keys / entryPuts) * 2 }, buildData);

let index = 0n;
function nextEntry(): Entry {
  const data = commands[Number(index) % commands.length]!;
  return { index: ++index, term: 1n, type: "normal", data };
}

const applier = new Applier({ backend, clusterId: 1n, decodeConfiguration });

async function run(count: number, meter: Meter): Promise<void> {
  let flushing: Promise<void> | undefined;
  let sinceFlush = 0;
  for (let done = 0; done < count; done += entryPuts) {
    meter.measure("apply", () => applier.apply([nextEntry()]));
    sinceFlush += entryPuts;
    if (sinceFlush < flushPuts) continue;
    sinceFlush = 0;
    if (flushing !== undefined) {
      await flushing;
      meter.measure("release", () => applier.release());
    }
    const batch = meter.measure("freeze", () => applier.freeze());
    flushing = flags["no-commit"]
      ? Promise.resolve()
      : meter.measure("commit call", () => backend.commit(batch!.writes));
  }
  await flushing;
  if (flushing !== undefined) applier.release();
}

await run(2 * keys, new Meter());
const meter = new Meter();
const before = process.cpuUsage();
const mainBefore = process.threadCpuUsage();
const startMs = performance.now();
await run(puts, meter);
const seconds = (performance.now() - startMs) / 1000;
const main = process.threadCpuUsage(mainBefore);
const all = process.cpuUsage(before);
const per = (micros: number) => `${(micros / puts).toFixed(2)} µs a put`;
for (const [phase, micros] of meter.micros) console.log(phase.padEnd(24), per(micros));
console.log("main thread".padEnd(24), per(main.user + main.system));
console.log("whole process".padEnd(24), per(all.user + all.system));
console.log("puts a second".padEnd(24), Math.round(puts / seconds));
console.log("file".padEnd(24), `${Math.round(backend.usage().fileBytes / 2 ** 20)} MiB`);
await remove();
