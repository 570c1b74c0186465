import { Command, CommanderError, InvalidArgumentError } from "commander";
import { carryOut, type Surroundings } from "./carry-out.ts";
import {
  ciMinutes,
  ciSeeds,
  type Flags,
  positive,
  requestOf,
  seedRange,
  UsageError,
  wholeNumber,
  workerCount,
} from "./request.ts";

export const exitCodes = { ok: 0, violation: 1, usage: 64 } as const;

const examples = `
Examples:
  npm run sim -- --seed 4711                     one run again, from its seed
  npm run sim -- --seed 4711 --trace run.txt     the same, with a transcript of everything that happens
  npm run sim -- --seeds 1..2000 --workers 2     many, until one breaks a property
  npm run sim -- --fresh --minutes 10            seeds that nobody has tried, for ten minutes
  npm run sim -- --plan failure.json             a shrunk plan from a file
  npm run sim -- --regressions                   every plan that once failed

Ends with 0 when every property held, 1 when one was broken, 64 when the flags were wrong.
docs/testing.md says what is simulated, what is checked, and how a failure is read.`;

/** Answers the exit code. Never rejects. */
export async function simCommand(args: readonly string[], surroundings: Surroundings): Promise<number> {
  const { write, writeError } = surroundings;
  const program = createProgram(surroundings).configureOutput({ writeOut: write, writeErr: writeError });
  try {
    program.parse([...args], { from: "user" });
    return (await carryOut(requestOf(program.opts<Flags>()), surroundings))
      ? exitCodes.ok
      : exitCodes.violation;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    if (!(error instanceof UsageError)) throw error;
    writeError(`error: ${error.message}; --help shows examples\n`);
    return exitCodes.usage;
  }
}

function createProgram({ cores }: Surroundings): Command {
  return new Command("sim")
    .description("Runs whole clusters of the real code on simulated time, network and disks.")
    .option("--seed <n>", "one run", argument(wholeNumber))
    .option("--seeds <first..last>", "a range of runs", argument(seedRange))
    .option("--plan <file>", "one run, of a plan from a file")
    .option("--fresh", "seeds from a random one on, which is printed (default, for a minute)")
    .option("--regressions", "the plans that once failed, before anything else")
    .option(
      "--ci",
      `regressions, then ${ciSeeds} fresh seeds, with --require-coverage; ends after ${ciMinutes} minutes`,
    )
    .option("--by <text>", "what the fresh seeds depend on, such as a commit: the same for the same text")
    .option("--minutes <n>", "no run begins after so many", argument(positive))
    .option("--workers <n>", "processes that run at once", argument(workerCount), cores)
    .option("--trace <file>", "writes a readable transcript of one run")
    .option("--json", "the result for programs")
    .option("--check-determinism", "each run twice: both must be the same to the last event")
    .option("--require-coverage", "fails if something never happened that the suite is there for")
    .option("--keep-going", "goes on after a violation")
    .option("--shrink-seconds <n>", "time to find a smaller plan of a failure, 0: none", argument(number), 60)
    .addHelpText("after", examples)
    .exitOverride()
    .allowExcessArguments(false);
}

function number(text: string): number {
  return text === "0" ? 0 : positive(text);
}

/** As commander wants a parser's complaint. */
function argument<T>(parse: (text: string) => T): (text: string) => T {
  return (text) => {
    try {
      return parse(text);
    } catch (error) {
      throw new InvalidArgumentError((error as Error).message);
    }
  };
}
