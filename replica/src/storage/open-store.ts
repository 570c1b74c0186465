import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { FatalError } from "../errors.ts";
import { type Layout, removeAll, syncFolder } from "./layout.ts";
import { checkDataFile } from "./lmdb-file.ts";
import { type OpenContext, openEnvironment } from "./open-raft.ts";
import { StoreBackend } from "./store-backend.ts";

/**
 * A page of LMDB that is damaged in its structure can end the process in any way, and would do so again at
 * every start. After so many starts that did not end well, all pages are checked before they are mapped; it
 * takes too long to do it every time.
 */
const walkAfterStarts = 2;

export interface OpenedStore {
  readonly store: StoreBackend;
  /** Why what the store held is lost; undefined when it is as it was left. */
  readonly lost: string | undefined;
}

/**
 * Opens `store/`. What is damaged is set aside as `damaged-store/` (one is kept, until the store is whole
 * again) and an empty store takes its place; an unknown format is never taken for damage.
 */
export async function openStore(context: OpenContext): Promise<OpenedStore> {
  const { layout } = context;
  const damage = await findDamage(layout);
  if (damage === undefined) {
    try {
      const store = await openBackend(context);
      // Missing, or made anew by a start after which no snapshot was installed.
      return { store, lost: store.meta() ? undefined : "store/ holds nothing" };
    } catch (error) {
      if (!isDamage(error)) throw error;
      return setAside(context, (error as Error).message);
    }
  }
  return setAside(context, damage);
}

async function findDamage(layout: Layout): Promise<string | undefined> {
  const mark = await readFile(layout.damageMark, "utf8").catch(() => undefined);
  if (mark !== undefined) return `damage was found: ${mark}`;
  const starts = Number(await readFile(layout.startsMark, "utf8").catch(() => "0"));
  const check = checkDataFile(layout.storeFile, { walk: !(starts < walkAfterStarts) });
  if (check.kind === "damaged") return check.what;
  if (check.kind === "good")
    await writeFile(layout.startsMark, `${starts < walkAfterStarts ? starts + 1 : 1}`);
  return undefined;
}

/** A clean end, or a scrub of everything, shows that the store is whole. */
export async function forgetStarts(layout: Layout): Promise<void> {
  await rm(layout.startsMark, { force: true });
}

/** What LMDB itself cannot open is damage too; trouble with the file system is not. */
function isDamage(error: unknown): boolean {
  if (error instanceof FatalError) return error.reason === "corruptStore";
  const { code } = error as { code?: unknown };
  return typeof code === "number" && code < 0;
}

async function openBackend(context: OpenContext): Promise<StoreBackend> {
  const { layout } = context;
  await mkdir(layout.store, { mode: 0o700, recursive: true });
  const environment = openEnvironment(context, "store", layout.storeFile);
  const store = new StoreBackend(environment, {
    onScrubbed: () => void forgetStarts(layout).catch(() => undefined),
  });
  try {
    store.meta();
    await syncFolder(layout.store);
    await syncFolder(layout.directory);
    return store;
  } catch (error) {
    await environment.close();
    throw error;
  }
}

async function setAside(context: OpenContext, why: string): Promise<OpenedStore> {
  const { layout, notes } = context;
  await removeAll(layout.damagedStore);
  await rename(layout.store, layout.damagedStore);
  await syncFolder(layout.directory);
  notes.push(`store/ was set aside as damaged-store/: ${why}`);
  return { store: await openBackend(context), lost: why };
}
