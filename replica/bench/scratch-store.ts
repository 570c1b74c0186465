import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Environment } from "../src/storage/environment.ts";
import { FatalGate } from "../src/storage/fatal-gate.ts";
import { StoreBackend, tables } from "../src/storage/store-backend.ts";
import { systemAfter, systemMachine } from "../src/storage/system/system-machine.ts";

export interface ScratchStore {
  readonly backend: StoreBackend;
  remove(): Promise<void>;
}

/** A real `store/` in a temporary folder. */
export function openScratchStore(): ScratchStore {
  const directory = mkdtempSync(join(tmpdir(), "rstore-bench-"));
  const gate = new FatalGate((error) => {
    throw error;
  });
  const environment = new Environment({
    name: "store",
    machine: systemMachine,
    file: join(directory, "data"),
    tables,
    commitDeadlineMs: 30_000,
    after: systemAfter,
    gate,
    faults: {},
    damaged: (what, cause) => gate.raise("corruptStore", what, cause),
  });
  const backend = new StoreBackend(environment, { onScrubbed: () => {} });
  const remove = async () => {
    await environment.close();
    rmSync(directory, { recursive: true });
  };
  return { backend, remove };
}
