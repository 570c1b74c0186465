/** `npm run museum`: removes one guard after another and shows that the simulator notices. */
import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { Command, InvalidArgumentError } from "commander";
import { type Exhibit, exhibit, type HuntLimits } from "./exhibit.ts";
import { museumSection, withSection } from "./exhibit-table.ts";
import { quickSeeds, readKnownSeeds, writeKnownSeeds } from "./known-seeds.ts";
import { museum } from "./museum.ts";
import type { Mutation } from "./mutation.ts";
import { pickMutations } from "./pick-mutations.ts";

const document = fileURLToPath(new URL("../../../docs/testing.md", import.meta.url));

const options = new Command("npm run museum --")
  .description(
    "Removes the guards of the production code one after another and shows that the simulator notices.\n" +
      "Ends with 1 when a mutation was not caught, with 64 on a wrong flag.",
  )
  .option("--only <part...>", "only mutations whose name contains one of these")
  .option("--pick <n>", "so many of them, chosen by --by", wholeNumber)
  .option("--by <text>", "what chooses, such as a commit", "")
  .option("--all", "also those that no seed has caught yet; with --only they are there anyway")
  .option("--quick", "each by its known seed or another; bounded by seeds")
  .option("--seeds <n>", "most seeds for each", wholeNumber, 500)
  .option("--seconds <n>", "most seconds of processor time for each", wholeNumber, 90)
  .option("--first-seed <n>", "where the seeds begin", wholeNumber, 1)
  .option("--workers <n>", "at the same time", wholeNumber, availableParallelism())
  .option("--write", "writes the table into docs/testing.md, and the seeds for --quick")
  .option("--list", "lists the mutations")
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 64))
  .parse()
  .opts<{
    only?: string[];
    pick?: number;
    by: string;
    all?: boolean;
    quick?: boolean;
    seeds: number;
    seconds: number;
    firstSeed: number;
    workers: number;
    write?: boolean;
    list?: boolean;
  }>();

const known = readKnownSeeds();

function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError("give a whole number above 0");
  return Number(text);
}

function chosen(): Mutation[] {
  const { quick, all, only } = options;
  const withCandidates = !quick && (all === true || only !== undefined);
  const caught = museum.filter(({ name }) => known[name] !== undefined);
  return pickMutations(withCandidates ? museum : caught, options);
}

function limitsOf({ name }: Mutation): HuntLimits {
  const { quick, seeds, seconds, firstSeed } = options;
  const fresh = Array.from({ length: seeds }, (_, i) => firstSeed + i);
  return { seeds: quick ? quickSeeds(known[name], firstSeed)! : fresh, seconds };
}

async function runAll(mutations: readonly Mutation[]): Promise<Exhibit[]> {
  const waiting = [...mutations];
  const exhibits = new Map<Mutation, Exhibit>();
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const done = await exhibit(next, limitsOf(next));
      exhibits.set(next, done);
      const { property, message, seed, seeds, seconds } = done.caught;
      const verdict = property === undefined ? `NOT CAUGHT ${message}` : `${property}, seed ${seed}`;
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
  const section = museumSection(exhibits, museum);
  console.log(`\n${section}\n`);
  if (options.write) {
    writeFileSync(document, withSection(readFileSync(document, "utf8"), section));
    writeKnownSeeds(exhibits);
  }
  const missed = exhibits.filter(({ caught }) => caught.property === undefined);
  console.log(`${exhibits.length - missed.length} of ${exhibits.length} mutations caught`);
  process.exitCode = missed.length === 0 ? 0 : 1;
}

await main();
