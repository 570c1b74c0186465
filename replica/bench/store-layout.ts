/**
 * What layouts of `store/` cost (docs/adr/0003-store-layout.md): the same puts, random over the keys, in
 * batches as large as a flush is, written and then read. Run by hand:
 *
 *   node replica/bench/store-layout.ts [--keys N] [--value-bytes N] [--batches N] [--batch-puts N]
 */
import { parseArgs } from "node:util";
import type { KvWrite } from "../src/storage/kv-backend.types.ts";
import { openScratchStore } from "./scratch-store.ts";

const { values: flags } = parseArgs({
  options: {
    keys: { type: "string", default: "100000" },
    "value-bytes": { type: "string", default: "256" },
    batches: { type: "string", default: "50" },
    "batch-puts": { type: "string", default: "8000" },
  },
});
const keys = Number(flags.keys);
const valueBytes = Number(flags["value-bytes"]);
const batches = Number(flags.batches);
const batchPuts = Number(flags["batch-puts"]);

interface Layout {
  readonly name: string;
  /** The value is in `cur` too. */
  readonly inline: boolean;
  /** An entry (key, revision) for each event. */
  readonly index: boolean;
}

const layouts: readonly Layout[] = [
  { name: "rev, cur with value, idx", inline: true, index: true },
  { name: "rev, cur, idx", inline: false, index: true },
  { name: "rev, cur with value", inline: true, index: false },
  { name: "rev, cur with pointers", inline: false, index: false },
];

/** A state is about this long; with a chain of pointers in it a little longer. */
const stateBytes = 16;
const pointerBytes = 5;

function keyOf(number: number): Buffer {
  return Buffer.from(`/registry/pods/key-${number.toString().padStart(9, "0")}`);
}

function revKey(revision: number): Buffer {
  const key = Buffer.alloc(16);
  key.writeUIntBE(revision, 2, 6);
  return key;
}

let state = 12345;
function random(below: number): number {
  state = (Math.imul(state, 1103515245) + 12345) >>> 0;
  return (state >>> 4) % below;
}

let revision = 1;
function batchOf(layout: Layout, next: () => number, puts: number): KvWrite[] {
  const cur = new Map<number, KvWrite>();
  const rev: KvWrite[] = [];
  const idx: KvWrite[] = [];
  const chainBytes = layout.index ? 0 : pointerBytes;
  for (let i = 0; i < puts; i++) {
    const number = next();
    const key = keyOf(number);
    revision++;
    rev.push({
      table: "rev",
      key: revKey(revision),
      value: Buffer.alloc(12 + chainBytes + key.length + valueBytes),
    });
    const stored = stateBytes + chainBytes + (layout.inline ? valueBytes : 0);
    cur.set(number, { table: "cur", key, value: Buffer.alloc(stored) });
    if (layout.index)
      idx.push({ table: "idx", key: Buffer.concat([key, revKey(revision)]), value: Buffer.alloc(1) });
  }
  const byKey = (a: KvWrite, b: KvWrite) => Buffer.compare(a.key, b.key);
  return [...[...cur.values()].sort(byKey), ...idx.sort(byKey), ...rev];
}

function micros({ user, system }: NodeJS.CpuUsage): number {
  return user + system;
}

for (const layout of layouts) {
  const { backend, remove } = openScratchStore();
  let filled = 0;
  while (filled < keys) await backend.commit(batchOf(layout, () => filled++ % keys, Math.min(20_000, keys)));
  let all = 0;
  let main = 0;
  let seconds = 0;
  for (let i = 0; i < batches; i++) {
    const batch = batchOf(layout, () => random(keys), batchPuts);
    const startAll = process.cpuUsage();
    const startMain = process.threadCpuUsage();
    const startMs = performance.now();
    await backend.commit(batch);
    seconds += (performance.now() - startMs) / 1000;
    main += micros(process.threadCpuUsage(startMain));
    all += micros(process.cpuUsage(startAll));
  }
  const reads = 100_000;
  const startRead = process.threadCpuUsage();
  for (let i = 0; i < reads; i++) {
    backend.get("cur", keyOf(random(keys)));
    if (!layout.inline) backend.get("rev", revKey(revision - random(keys)));
  }
  const read = micros(process.threadCpuUsage(startRead)) / reads;
  const startScan = process.threadCpuUsage();
  let rows = 0;
  for (const _ of backend.scan("cur", { start: Buffer.from("/"), end: undefined })) {
    if (!layout.inline) backend.get("rev", revKey(revision - random(keys)));
    if (++rows === 50_000) break;
  }
  const scan = micros(process.threadCpuUsage(startScan)) / rows;
  const puts = batches * batchPuts;
  console.log(
    `${layout.name.padEnd(26)} put: main ${(main / puts).toFixed(2)} µs, all ${(all / puts).toFixed(2)} µs,` +
      ` ${Math.round(puts / seconds)}/s; get ${read.toFixed(2)} µs; row of a range ${scan.toFixed(2)} µs;` +
      ` file ${Math.round(backend.usage().fileBytes / 2 ** 20)} MiB`,
  );
  await remove();
}
