/** `npm run museum`: removes one guard after another and shows that the simulator notices. */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { Command, InvalidArgumentError } from "commander";
import { type Exhibit, exhibit } from "./exhibit.ts";
import { exhibitTable, withTable } from "./exhibit-table.ts";
import { museum } from "./museum.ts";
import type { Mutation } from "./mutation.ts";

const document = fileURLToPath(new URL("../../../docs/testing.md", import.meta.url));

const options = new Command("npm run museum --")
  .description(
    "Removes the guards of the production code one after another and shows that the simulator notices.\n" +
      "Ends with 1 when a mutation was not caught, with 64 on a wrong flag.",
  )
  .option("--only <part...>", "only mutations whose name contains one of these")
  .option("--pick <n>", "so many of them, chosen by --by", wholeNumber)
  .option("--by <text>", "what chooses, such as a commit", "")
  .option("--seeds <n>", "most seeds for each", wholeNumber, 2000)
  .option("--seconds <n>", "most seconds for each", wholeNumber, 120)
  .option("--first-seed <n>", "where the seeds begin", wholeNumber, 1)
  .option("--workers <n>", "at the same time", wholeNumber, availableParallelism())
  .option("--write", "writes the table into docs/testing.md")
  .option("--list", "lists the mutations")
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 64))
  .parse()
  .opts<{
    only?: string[];
    pick?: number;
    by: string;
    seeds: number;
    seconds: number;
    firstSeed: number;
    workers: number;
    write?: boolean;
    list?: boolean;
  }>();

function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError("give a whole number above 0");
  return Number(text);
}

/** Those that a simulation can see; in an order that depends on `--by` when some are picked. */
function chosen(): Mutation[] {
  const { only, pick, by } = options;
  const all = museum.filter(
    ({ name, outsideOfSimulation }) =>
      outsideOfSimulation === undefined && (only === undefined || only.some((part) => name.includes(part))),
  );
  if (pick === undefined) return all;
  const rank = ({ name }: Mutation) => createHash("sha256").update(`${by}\n${name}`).digest("hex");
  return all.sort((a, b) => (rank(a) < rank(b) ? -1 : 1)).slice(0, pick);
}

async function runAll(mutations: readonly Mutation[]): Promise<Exhibit[]> {
  const waiting = [...mutations];
  const exhibits = new Map<Mutation, Exhibit>();
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const done = await exhibit(next, options);
      exhibits.set(next, done);
      const { property, seed, seeds, seconds } = done.caught;
      const verdict = property === undefined ? "NOT CAUGHT" : `${property}, seed ${seed}`;
      const spent = `${seeds} seeds, ${seconds.toFixed(1)} s`;
      console.log(`[${exhibits.size}/${mutations.length}] ${next.name}: ${verdict} (${spent})`);
    }
  };
  await Promise.all(Array.from({ length: options.workers }, worker));
  return mutations.map((mutation) => exhibits.get(mutation)!);
}

async function main(): Promise<void> {
  const mutations = chosen();
  if (options.list) {
    for (const { name, faults, file } of mutations) console.log([name, faults.join(","), file].join("\t"));
    return;
  }
  if (mutations.length === 0) throw new Error("no mutation has such a name: see --list");
  const exhibits = await runAll(mutations);
  const table = exhibitTable(exhibits);
  console.log(`\n${table}\n`);
  if (options.write) writeFileSync(document, withTable(readFileSync(document, "utf8"), table));
  const missed = exhibits.filter(({ caught }) => caught.property === undefined);
  console.log(`${exhibits.length - missed.length} of ${exhibits.length} mutations caught`);
  process.exitCode = missed.length === 0 ? 0 : 1;
}

await main();
