/**
 * Preloaded (`node --import`), it removes the guard that RSTORE_MUTATION names while the source is loaded, so
 * that nothing is copied or written.
 */
import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";
import { applyMutation } from "./apply-mutation.ts";
import { museum } from "./museum.ts";
import { sourceOf } from "./mutation.ts";

const name = process.env.RSTORE_MUTATION;
const mutation = museum.find((candidate) => candidate.name === name);
if (mutation === undefined) throw new Error(`RSTORE_MUTATION=${name}: no such mutation`);
const target = sourceOf(mutation).href;

registerHooks({
  load(url, context, nextLoad) {
    if (url !== target) return nextLoad(url, context);
    const source = applyMutation(mutation, readFileSync(fileURLToPath(target), "utf8"));
    return { format: "module-typescript", source, shortCircuit: true };
  },
});
