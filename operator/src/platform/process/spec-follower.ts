import { statSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import type { EffectiveSpec } from "../../api/v1alpha1/effective-spec.ts";
import { readFileIfThere } from "./durable-file.ts";
import { LocalError } from "./local-error.ts";
import { checkPortRanges } from "./ports.ts";
import { type Ports, slotAddresses } from "./slot-address.ts";
import { parseStoreFile, storeFilePath } from "./store-file.ts";

export type SeenSpec =
  | { readonly kind: "same" }
  /** Written so lately that it may be half of what is coming. */
  | { readonly kind: "fresh" }
  /** Told once for each content. */
  | { readonly kind: "refused"; readonly problems: readonly string[] }
  | { readonly kind: "changed"; readonly spec: EffectiveSpec; readonly unused: readonly string[] };

/** Editors write in several steps; a file at rest for so long is one that somebody has saved. */
const restMs = 200;

/** Reads the file that a person edits, whenever it was edited. */
export class SpecFollower {
  readonly #folder: string;
  readonly #ports: Ports;
  /** `null`: not looked at yet; undefined: the file is not there. */
  #text: string | undefined | null = null;

  constructor(folder: string, ports: Ports) {
    this.#folder = folder;
    this.#ports = ports;
  }

  look(nowMs: number, current: EffectiveSpec): SeenSpec {
    const path = storeFilePath(this.#folder);
    const text = readFileIfThere(path);
    if (text === this.#text) return { kind: "same" };
    if (text !== undefined && Math.abs(nowMs - statSync(path).mtimeMs) < restMs) return { kind: "fresh" };
    this.#text = text;
    if (text === undefined) {
      return {
        kind: "refused",
        problems: ['it is gone: "rstore local scale" or the next start makes it anew'],
      };
    }
    const file = parseStoreFile(text);
    if (file.kind !== "valid") return file.kind === "refused" ? file : { kind: "same" };
    const problem = portProblem(file.spec, this.#ports, this.#folder);
    if (problem !== undefined) return { kind: "refused", problems: [problem] };
    if (isDeepStrictEqual(file.spec, current)) return { kind: "same" };
    return { kind: "changed", spec: file.spec, unused: file.unused };
  }
}

function portProblem({ replicas }: EffectiveSpec, ports: Ports, folder: string): string | undefined {
  try {
    checkPortRanges(slotAddresses(replicas, ports, folder));
    return undefined;
  } catch (error) {
    if (error instanceof LocalError) return `spec.replicas: ${error.message}`;
    throw error;
  }
}
