import { createHash, randomBytes } from "node:crypto";
import { closeSync, cpSync, openSync, readSync, rmSync, truncateSync, writeSync } from "node:fs";
import { join } from "node:path";
import { FatalError } from "../../errors.ts";
import { openDataDirectory } from "../open-data-directory.ts";
import type { DataDirectory } from "../types.ts";
import {
  appliedWrites,
  clusterId,
  decodeConfiguration,
  digest,
  entriesOf,
  hardState,
  key,
  openTest,
  put,
  transfer,
} from "./fixtures.ts";

/**
 * What tests let a process of its own do, because it is killed or may crash. It says what it has done with one
 * line of JSON each, written at once, so that nothing said is lost.
 */
export type ChildCommand =
  | { readonly do: "write"; readonly path: string }
  | { readonly do: "inspect"; readonly path: string }
  | { readonly do: "receive"; readonly path: string; readonly from: string; readonly killAt: string }
  | { readonly do: "reset"; readonly path: string; readonly killAt: string }
  | { readonly do: "hold"; readonly path: string }
  | {
      readonly do: "damage";
      readonly path: string;
      readonly file: string;
      readonly scratch: string;
      readonly variants: readonly Damage[];
    };

/** What is done to a file: cut off at a length, or one byte changed. */
export type Damage =
  | { readonly truncateTo: number }
  | { readonly flipAt: number; readonly mask: number }
  | { readonly remove: true };

function say(what: unknown): void {
  writeSync(1, `${JSON.stringify(what)}\n`);
}

function open(path: string, atStep: (step: string) => void = () => {}): Promise<DataDirectory> {
  return openDataDirectory(path, {
    randomBytes,
    decodeConfiguration,
    onFatal: (error) => say({ fatal: error.reason }),
    faults: { atStep },
  });
}

/** Appends, applies and compacts for ever; says each index once it is acknowledged. */
async function write(path: string): Promise<void> {
  const directory = await open(path);
  await directory.stampCluster(clusterId);
  const { log, store } = directory;
  const initial = log.initialState();
  let next = Number(log.lastIndex()) + 1;
  let applied = Number(initial.appliedIndex);
  let flushing = false;
  say({ incarnation: `${directory.identity.incarnation}`, last: next - 1, applied });
  for (;;) {
    const first = next;
    next += 1 + (first % 7);
    const entries = entriesOf(first, next - 1, 1, first % 11 === 0 ? 9000 : 150);
    const done = log
      .append({ hardState: hardState(1, 7n, first - 1), entries })
      .then(() => say({ last: entries.at(-1)!.index.toString() }));
    if (first % 3 > 0) await done;
    if (flushing) continue;
    flushing = true;
    const through = Number(log.lastIndex());
    const writes = Array.from({ length: through - applied }, (_, i) =>
      put(key(applied + i + 1), `value ${applied + i + 1}`),
    );
    store
      .commit(appliedWrites(through, 1, clusterId, writes))
      .then(() => {
        applied = through;
        say({ applied });
        flushing = false;
        return log.compact(BigInt(Math.max(0, applied - 50)));
      })
      .catch((error: unknown) => say({ failed: String(error) }));
  }
}

/** Opens a copy for each kind of damage; a crash is seen by the parent. */
async function damage({ path, file, scratch, variants }: ChildCommand & { do: "damage" }): Promise<void> {
  for (const [i, variant] of variants.entries()) {
    const copy = join(scratch, `${i}`);
    cpSync(path, copy, { recursive: true });
    damageFile(join(copy, file), variant);
    say({ variant: i });
    try {
      await inspect(copy);
    } catch (error) {
      const message = (error as Error).message;
      say({ error: error instanceof FatalError ? error.reason : String(error), message });
    }
    rmSync(copy, { recursive: true });
  }
}

function damageFile(file: string, variant: Damage): void {
  if ("remove" in variant) rmSync(file);
  else if ("truncateTo" in variant) truncateSync(file, variant.truncateTo);
  else {
    const handle = openSync(file, "r+");
    const byte = Buffer.alloc(1);
    readSync(handle, byte, 0, 1, variant.flipAt);
    byte[0]! ^= variant.mask;
    writeSync(handle, byte, 0, 1, variant.flipAt);
    closeSync(handle);
  }
}

/** Opens and reads everything. */
async function inspect(path: string): Promise<void> {
  const directory = await open(path);
  try {
    report(directory);
  } finally {
    await directory.close();
  }
}

function report(directory: DataDirectory): void {
  const { log, store, identity, start, notes } = directory;
  const entries =
    log.lastIndex() < log.firstIndex() ? [] : log.entries(log.firstIndex(), log.lastIndex() + 1n, 1e9);
  const text = entries.map((e) => `${e.index}/${e.term}/${Buffer.from(e.data).toString("base64")}`).join();
  say({
    memberId: `${identity.memberId}`,
    start: start.kind,
    notes,
    first: `${log.firstIndex()}`,
    last: `${log.lastIndex()}`,
    applied: start.kind === "ready" ? `${log.initialState().appliedIndex}` : undefined,
    log: createHash("sha256").update(text).digest("hex"),
    store: digest(store),
  });
}

async function receive(path: string, from: string, killAt: string): Promise<void> {
  const source = await openTest(from);
  const directory = await open(path, (step) => {
    say({ step });
    if (step === killAt) process.kill(process.pid, "SIGKILL");
  });
  const description = await source.snapshots.create();
  await transfer(source, directory, description);
  await directory.install(await directory.incoming.finish());
  await directory.close();
  await source.close();
  say({ installed: true });
}

async function run(command: ChildCommand): Promise<void> {
  switch (command.do) {
    case "write":
      return write(command.path);
    case "inspect":
      return inspect(command.path);
    case "receive":
      return receive(command.path, command.from, command.killAt);
    case "reset": {
      const directory = await open(command.path, (step) => {
        if (step === command.killAt) process.kill(process.pid, "SIGKILL");
      });
      const { memberId } = directory.identity;
      await directory.reset({ clusterId, memberId, removedIndex: 9n });
      return;
    }
    case "damage":
      return damage(command);
    case "hold":
      await open(command.path);
      say({ holding: true });
      setInterval(() => undefined, 1000);
  }
}

try {
  await run(JSON.parse(process.argv[2]!) as ChildCommand);
} catch (error) {
  say({
    error: error instanceof FatalError ? error.reason : String(error),
    message: (error as Error).message,
  });
  process.exitCode = error instanceof FatalError ? error.exitCode : 1;
}
