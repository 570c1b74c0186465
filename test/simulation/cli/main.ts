import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { runPlan } from "../run.ts";
import type { Surroundings } from "./carry-out.ts";
import { createProgress } from "./progress.ts";
import { simCommand } from "./sim-command.ts";
import { WorkerPool } from "./worker-pool.ts";

const folder = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url));
/** The longest plans take some tens of seconds; beyond this something hangs. */
const runMaxMs = 300_000;

const progress = createProgress(process.stderr);

const surroundings: Surroundings = {
  runPlan,
  createPool: (workers) =>
    new WorkerPool({ workers, module: fileURLToPath(new URL("./worker.ts", import.meta.url)), runMaxMs }),
  cores: Math.max(1, Math.min(2, availableParallelism())),
  write: (text) => {
    progress.clear();
    process.stdout.write(text);
  },
  writeError: (text) => {
    progress.clear();
    process.stderr.write(text);
  },
  progress: progress.show,
  writeFile: (path, text) => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  },
  // npm runs scripts in the package's folder and says where the user was.
  resolvePath: (path) => resolve(process.env.INIT_CWD ?? process.cwd(), path),
  regressions: () =>
    readdirSync(folder("regressions"))
      .filter((name) => name.endsWith(".json"))
      .sort()
      .map((name) => join(folder("regressions"), name)),
  failuresFolder: folder("failures"),
  randomSeed: () => Math.floor(Math.random() * 1e9),
};

process.exitCode = await simCommand(process.argv.slice(2), surroundings);
