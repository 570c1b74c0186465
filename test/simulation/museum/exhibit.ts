import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Catch } from "./hunt.ts";
import type { Mutation } from "./mutation.ts";

const hunt = fileURLToPath(new URL("hunt.ts", import.meta.url));
const mutatedSource = new URL("mutated-source.ts", import.meta.url).href;

export interface HuntLimits {
  readonly firstSeed: number;
  readonly seeds: number;
  readonly seconds: number;
}

export interface Exhibit {
  readonly mutation: Mutation;
  readonly caught: Catch;
}

/** A run that hangs within one event can't end itself. */
const GRACE_SECONDS = 60;

/** Lets the simulator look for a mutation, in a process of its own. */
export async function exhibit(mutation: Mutation, limits: HuntLimits): Promise<Exhibit> {
  return { mutation, caught: await huntFor(mutation.name, limits) };
}

function huntFor(name: string, { firstSeed, seeds, seconds }: HuntLimits): Promise<Catch> {
  const child = spawn(
    process.execPath,
    ["--import", mutatedSource, hunt, `${firstSeed}`, `${seeds}`, `${seconds}`],
    { env: { ...process.env, RSTORE_MUTATION: name }, stdio: ["ignore", "pipe", "pipe"] },
  );
  let output = "";
  let errors = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-2000);
  });
  const startMs = performance.now();
  const timer = setTimeout(() => child.kill("SIGKILL"), (seconds + GRACE_SECONDS) * 1000);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      if (code === 0) return resolve(JSON.parse(output) as Catch);
      const spent = (performance.now() - startMs) / 1000;
      if (signal === "SIGKILL") {
        const message = "an event did not end";
        return resolve({ property: "terminates", message, seed: firstSeed, seeds: 1, seconds: spent });
      }
      reject(new Error(`the hunt for ${name} ended with ${signal ?? code}: ${errors}`));
    });
  });
}
