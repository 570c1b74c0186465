import { FatalError } from "../errors.ts";
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
  const damage = await findDamage(context);
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

async function findDamage({ layout, machine }: OpenContext): Promise<string | undefined> {
  const { files } = machine;
  const mark = await files.readFile(layout.damageMark);
  if (mark !== undefined) return `damage was found: ${mark}`;
  const starts = Number((await files.readFile(layout.startsMark)) ?? 0);
  const check = await machine.checkDataFile(layout.storeFile, { walk: !(starts < walkAfterStarts) });
  if (check.kind === "damaged") return check.what;
  if (check.kind === "good") {
    await files.writeFile(layout.startsMark, `${starts < walkAfterStarts ? starts + 1 : 1}`);
  }
  return undefined;
}

/** A clean end, or a scrub of everything, shows that the store is whole. */
export function forgetStarts({ layout, machine }: OpenContext): Promise<void> {
  return machine.files.remove(layout.startsMark);
}

/** What LMDB itself cannot open is damage too; trouble with the file system is not. */
function isDamage(error: unknown): boolean {
  if (error instanceof FatalError) return error.reason === "corruptStore";
  const { code } = error as { code?: unknown };
  return typeof code === "number" && code < 0;
}

async function openBackend(context: OpenContext): Promise<StoreBackend> {
  const { layout, machine } = context;
  const { files } = machine;
  await files.makeFolder(layout.store);
  const environment = openEnvironment(context, "store", layout.storeFile);
  let isMarked = true;
  const onScrubbed = (): void => {
    if (isMarked) forgetStarts(context).catch(() => undefined);
    isMarked = false;
  };
  const store = new StoreBackend(environment, { onScrubbed });
  try {
    store.meta();
    await files.syncFolder(layout.store);
    await files.syncFolder(layout.directory);
    return store;
  } catch (error) {
    await environment.close();
    throw error;
  }
}

async function setAside(context: OpenContext, why: string): Promise<OpenedStore> {
  const { layout, machine, notes } = context;
  const { files } = machine;
  await files.remove(layout.damagedStore);
  await files.rename(layout.store, layout.damagedStore);
  await files.syncFolder(layout.directory);
  notes.push(`store/ was set aside as damaged-store/: ${why}`);
  return { store: await openBackend(context), lost: why };
}
