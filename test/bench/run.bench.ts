import { Command, Option } from "commander";
import { measureFailover } from "./failover.ts";
import { measureObserved } from "./observed.ts";
import { median } from "./percentiles.ts";
import { type OutputFormat, print, type Report, type Row } from "./report.ts";
import { measureScrapes } from "./scrape-cost.ts";
import { measureStartUp, startUpLimits } from "./start-up.ts";
import { measureThroughput, type ThroughputOptions, type Workload, workloads } from "./throughput.ts";

/** What must not be exceeded by the median of the leader kills. */
const failoverLimitMs = 3_000;
/** Of processor time for each scrape of seven members. */
const scrapeLimitMs = 5;
/** Of the throughput without observers. */
const observedLeast = 0.97;

const number = (text: string): number => Number(text);
const numbers = (text: string): number[] => text.split(",").map(Number);

interface Flags {
  readonly output: OutputFormat;
  readonly smoke?: boolean;
  readonly callers: readonly number[];
  readonly workloads: string;
  readonly replicas: number;
  readonly clients: number;
  readonly seconds: number;
  readonly warmUp: number;
  readonly valueBytes: number;
  readonly profile?: string;
}

const program = new Command("bench")
  .description("Measures a cluster of replicas on this machine through @rstore/client.")
  .addOption(new Option("-o, --output <format>").choices(["table", "json"]).default("table"))
  .option("--smoke", "everything once, quickly: only whether it works, and the limits that hold for any size")
  .option("--callers <list>", "calls under way at one time", numbers, [1, 50, 1_000])
  .option("--workloads <list>", workloads.join(","), workloads.join(","))
  .option("--replicas <n>", "of the cluster", number, 3)
  .option("--clients <n>", "client objects that share the callers", number, 1)
  .option("--seconds <n>", "of each measurement", number, 5)
  .option("--warm-up <n>", "seconds before each measurement", number, 1)
  .option("--value-bytes <n>", "of each value", number, 256)
  .option("--profile <directory>", "every replica leaves a CPU profile there")
  .action(async (flags: Flags) => {
    if (flags.smoke === true) await smoke(flags.output);
    else await throughput(throughputOptions(flags), flags.output);
  });

program
  .command("failover")
  .description("kills the leader again and again: time to the first acknowledged write")
  .option("--kills <n>", "", number, 10)
  .action(async ({ kills }: { kills: number }) => {
    await failover(kills, outputFormat());
  });

program
  .command("start")
  .description("start-up time and anonymous memory with many small keys")
  .option("--keys <n>", "", number, 10_000_000)
  .action(async ({ keys }: { keys: number }) => startUp(keys, outputFormat()));

program
  .command("scrape")
  .description("what a scrape of /metrics costs a leader")
  .option("--scrapes <n>", "", number, 100)
  .option("--members <n>", "of the cluster", number, 7)
  .action(async ({ scrapes, members }: { scrapes: number; members: number }) => {
    const rows = await measureScrapes({ replicas: members, scrapes, onRow });
    printed({ title: `${members} replicas: a scrape`, rows }, outputFormat());
    for (const row of rows) {
      const cpuMs = row["cpu ms"] as number;
      check(cpuMs < scrapeLimitMs, `${row.page} took ${cpuMs} ms, the limit is ${scrapeLimitMs}`);
    }
  });

program
  .command("observed")
  .description("throughput with metrics scraped each second and consoles open, against neither")
  .option("--workload <name>", workloads.join(","), "put")
  .option("--calls <n>", "under way at one time", number, 200)
  .option("--rounds <n>", "pairs of measurements", number, 6)
  .action(async ({ workload, calls, rounds }: { workload: Workload; calls: number; rounds: number }) => {
    const options = throughputOptions(program.opts<Flags>());
    const rows = await measureObserved({
      ...options,
      workload,
      callers: calls,
      rounds,
      idleSeconds: 10,
      onRow,
    });
    printed({ title: `${options.replicas} replicas, observed`, rows }, outputFormat());
    const { ratio } = rows[0]!;
    check(
      Number(ratio) >= observedLeast,
      `observed, it does ${ratio} of the work; the least is ${observedLeast}`,
    );
  });

function outputFormat(): OutputFormat {
  return program.opts<Flags>().output;
}

function throughputOptions(flags: Flags): ThroughputOptions {
  return {
    workloads: flags.workloads.split(",") as Workload[],
    callers: flags.callers,
    replicas: flags.replicas,
    clients: flags.clients,
    seconds: flags.seconds,
    warmUpSeconds: flags.warmUp,
    valueBytes: flags.valueBytes,
    keys: 10_000,
    ...(flags.profile !== undefined && { profileDirectory: flags.profile }),
  };
}

const progress = (line: string): void => console.error(line);
const onRow = (row: Row): void => progress(Object.values(row).join("  "));

async function throughput(options: ThroughputOptions, format: OutputFormat): Promise<Report> {
  const rows = await measureThroughput({ ...options, onRow });
  const title = `${options.replicas} replicas, values of ${options.valueBytes} bytes`;
  return printed({ title, rows }, format);
}

async function failover(kills: number, format: OutputFormat): Promise<number> {
  const timesMs = await measureFailover({ kills, replicas: 3, onRow });
  const row = { kills, "median ms": median(timesMs), "worst ms": Math.max(...timesMs) };
  printed({ title: "leader killed: first write again", rows: [row] }, format);
  return row["median ms"];
}

async function startUp(keys: number, format: OutputFormat): Promise<void> {
  const rows = await measureStartUp({ keys, onRow, onProgress: progress });
  printed({ title: "start-up", rows }, format);
  // Loading holds the overlay, the log's cache and what is under way; the limits speak of what is there.
  for (const row of rows.filter(({ phase }) => phase !== "load")) {
    const { phase, seconds } = row as { phase: string; seconds: number };
    const rssAnonMib = row["RssAnon MiB"] as number;
    check(
      seconds <= startUpLimits.seconds,
      `${phase} took ${seconds} s, the limit is ${startUpLimits.seconds}`,
    );
    check(
      rssAnonMib <= startUpLimits.rssAnonMib,
      `${phase}: RssAnon of ${rssAnonMib} MiB, the limit is ${startUpLimits.rssAnonMib}`,
    );
  }
}

function printed(report: Report, format: OutputFormat): Report {
  print(report, format);
  return report;
}

/** A limit that is broken fails the command, after everything was measured. */
function check(holds: boolean, message: string): void {
  if (holds) return;
  console.error(`bench: ${message}`);
  process.exitCode = 1;
}

async function smoke(format: OutputFormat): Promise<void> {
  const options: ThroughputOptions = {
    workloads,
    callers: [1, 50, 1_000],
    replicas: 3,
    clients: 1,
    seconds: 1,
    warmUpSeconds: 0.3,
    valueBytes: 256,
    keys: 1_000,
  };
  const { rows } = await throughput(options, format);
  for (const row of rows) {
    check(row.errors === 0, `${row.operation} with ${row.callers} callers: ${row.errors} errors`);
    check((row["ops/s"] as number) > 0, `${row.operation} with ${row.callers} callers did nothing`);
  }
  const medianMs = await failover(3, format);
  check(medianMs <= failoverLimitMs, `first write after ${medianMs} ms, the limit is ${failoverLimitMs}`);
  await startUp(1_000_000, format);
  const scrapes = await measureScrapes({ replicas: 3, scrapes: 10, onRow });
  printed({ title: "3 replicas: a scrape", rows: scrapes }, format);
  const observed = { ...options, workload: "put", callers: 50, rounds: 2, idleSeconds: 2, onRow } as const;
  printed({ title: "3 replicas, observed", rows: await measureObserved(observed) }, format);
}

await program.parseAsync();
