import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Catch, HuntRequest } from "./hunt.ts";
import type { Mutation } from "./mutation.ts";

const hunt = fileURLToPath(new URL("hunt.ts", import.meta.url));
const mutatedSource = new URL("mutated-source.ts", import.meta.url).href;

export interface HuntLimits {
  /** Tried in this order. */
  readonly seeds: readonly number[];
  /** Of processor time. */
  readonly seconds: number;
}

export interface Exhibit {
  readonly mutation: Mutation;
  readonly caught: Catch;
}

/** A run that hangs within one event can't end itself; a busy machine gives a process a tenth of a core. */
const KILLED_AFTER = { factor: 10, seconds: 60 };

/** Lets the simulator look for a mutation, in a process of its own. */
export async function exhibit(mutation: Mutation, limits: HuntLimits): Promise<Exhibit> {
  const { name, themes = [], isAboutLiveness = false } = mutation;
  return { mutation, caught: await huntFor(name, { ...limits, themes, isSafetyOnly: !isAboutLiveness }) };
}

function huntFor(name: string, request: HuntRequest): Promise<Catch> {
  const child = spawn(process.execPath, ["--import", mutatedSource, hunt, JSON.stringify(request)], {
    env: { ...process.env, RSTORE_MUTATION: name },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  let errors = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-2000);
  });
  const killMs = (request.seconds * KILLED_AFTER.factor + KILLED_AFTER.seconds) * 1000;
  const timer = setTimeout(() => child.kill("SIGKILL"), killMs);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      if (code === 0) return resolve(JSON.parse(output) as Catch);
      if (signal !== "SIGKILL") {
        return reject(new Error(`the hunt for ${name} ended with ${signal ?? code}: ${errors}`));
      }
      const message = `killed after ${killMs / 1000} s`;
      resolve({ property: undefined, message, seed: 0, seeds: 0, seconds: killMs / 1000 });
    });
  });
}
