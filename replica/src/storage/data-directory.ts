import { assert } from "../assert.ts";
import type { FatalError } from "../errors.ts";
import type { Configuration, Entry, IndexedConfiguration } from "../raft/types.ts";
import type { Environment } from "./environment.ts";
import { diskReason } from "./io-error.ts";
import { durableRename, unusable } from "./layout.ts";
import type { LogPoint } from "./log-pending.ts";
import type { BaseConfiguration } from "./log-state.ts";
import { type OpenContext, openEnvironment } from "./open-raft.ts";
import { forgetStarts } from "./open-store.ts";
import type { RaftLog } from "./raft-log.ts";
import { SnapshotReceiver } from "./snapshot-receiver.ts";
import { LocalSnapshots } from "./snapshot-source.ts";
import { judgeLog } from "./start-rules.ts";
import { StoreBackend } from "./store-backend.ts";
import type { StoreMeta } from "./store-meta.ts";
import type { SuperblockWriter } from "./superblock.ts";
import {
  type DataDirectory,
  type ReceivedSnapshot,
  type ResetRequest,
  type StartState,
  StorageError,
  type StorageIdentity,
} from "./types.ts";

const noConfiguration: Configuration = {
  voters: [],
  outgoing: [],
  learners: [],
  learnersNext: [],
  context: new Uint8Array(),
};

export interface DirectoryParts {
  readonly context: OpenContext;
  readonly log: RaftLog;
  readonly store: StoreBackend;
  readonly superblock: SuperblockWriter;
  readonly baseConfiguration: BaseConfiguration | undefined;
  readonly unlock: () => void;
  /** Opens what lies in the directory after a reset, under the lock that is held. */
  readonly reopen: (left: "kept" | "blank") => Promise<DataDirectory>;
}

/** What the store says; a blank one says that nothing is applied. */
export function appliedOf(meta: StoreMeta | undefined): LogPoint {
  return { index: meta?.appliedIndex ?? 0n, term: meta?.appliedTerm ?? 0n };
}

export function initialConfiguration(
  meta: StoreMeta | undefined,
  decode: (bytes: Uint8Array) => Configuration,
): IndexedConfiguration {
  if (!meta || meta.configurationIndex === 0n) return { index: 0n, configuration: noConfiguration };
  return { index: meta.configurationIndex, configuration: decode(meta.configuration) };
}

export class LocalDirectory implements DataDirectory {
  readonly snapshots: LocalSnapshots;
  readonly incoming: SnapshotReceiver;
  readonly #parts: DirectoryParts;
  #start: StartState = { kind: "ready" };
  #closed: Promise<void> | undefined;

  constructor(parts: DirectoryParts) {
    this.#parts = parts;
    const { context, store } = parts;
    this.snapshots = new LocalSnapshots(context, () => store.environment);
    this.incoming = new SnapshotReceiver(context, () => this.identity.clusterId);
  }

  get path(): string {
    return this.#parts.context.layout.directory;
  }

  get identity(): StorageIdentity {
    return this.#parts.log.identity;
  }

  get start(): StartState {
    return this.#start;
  }

  get log(): RaftLog {
    return this.#parts.log;
  }

  get store(): StoreBackend {
    return this.#parts.store;
  }

  get notes(): readonly string[] {
    return this.#parts.context.notes;
  }

  /** Brings the log in line with the store: the rules of start, also after an install. */
  async align(lost: string | undefined): Promise<void> {
    const { log, store, context, baseConfiguration } = this.#parts;
    const applied = appliedOf(store.meta());
    const verdict = judgeLog(applied, log.bounds, (index) => log.term(index));
    this.#start = { kind: "ready" };
    if (verdict.kind === "keep") return;
    if (verdict.kind === "discard") {
      context.notes.push(`the log is discarded and begins after the applied index ${applied.index}`);
      await log.reset(applied);
      return;
    }
    const minIndex = log.bounds.baseIndex;
    if (lost === undefined) throw storeTooOld(context, applied.index, minIndex);
    const configuration = baseConfiguration && {
      index: baseConfiguration.index,
      configuration: context.options.decodeConfiguration(baseConfiguration.configuration),
    };
    this.#start = { kind: "needsSnapshot", minIndex, configuration, reason: lost };
  }

  async stampCluster(clusterId: bigint): Promise<void> {
    if (this.#isStampedWith(clusterId)) return;
    await this.#parts.log.writeIdentity({ clusterId });
    await this.writeSuperblock();
  }

  async markJoined(index: bigint): Promise<void> {
    if (this.identity.joinedIndex !== undefined) return;
    await this.#parts.log.writeIdentity({ joinedIndex: index });
  }

  async bootstrap(clusterId: bigint, configuration: Uint8Array): Promise<void> {
    const { log } = this.#parts;
    if (this.#isStampedWith(clusterId)) {
      if (log.identity.joinedIndex === 1n) return;
      throw new StorageError(
        "alreadyInitialized",
        "this member was added to the cluster, it did not found it",
      );
    }
    if (!this.#isBlank()) {
      throw new StorageError("alreadyInitialized", "this member has taken part in a cluster already");
    }
    const entry: Entry = { index: 1n, term: 1n, type: "configuration", data: configuration };
    // A cluster of one: its own vote is a majority, and the entry is committed once it is durable.
    const hardState = { term: 1n, vote: this.identity.memberId, commit: 1n };
    await log.writeIdentity(
      { ...this.identity, clusterId, joinedIndex: 1n },
      { hardState, entries: [entry] },
    );
    await this.writeSuperblock();
  }

  async markRemoved(index: bigint): Promise<void> {
    if (this.identity.removedIndex !== undefined) return;
    await this.#parts.log.writeIdentity({ removedIndex: index });
  }

  #isStampedWith(clusterId: bigint): boolean {
    assert(clusterId !== 0n, "a cluster id of 0");
    const { clusterId: own } = this.identity;
    if (own !== undefined && own !== clusterId) throw wrongCluster(own, clusterId);
    return own !== undefined;
  }

  /** Records outside of `raft/` what must not go back. */
  writeSuperblock(): Promise<void> {
    const { memberId, clusterId = 0n, incarnation } = this.identity;
    const { term, commit } = this.#parts.log.durablePosition();
    const { superblock, context } = this.#parts;
    return superblock.write({ memberId, clusterId, incarnation, term, commit }).catch((cause: Error) => {
      const message = `the superblock could not be written: ${cause.message}`;
      throw context.gate.raise(diskReason(cause) ?? "diskFailed", message, cause);
    });
  }

  async install(received: ReceivedSnapshot, swapped?: () => void): Promise<void> {
    const { context, log, store } = this.#parts;
    const { layout, machine } = context;
    const { files } = machine;
    const step = context.options.faults?.atStep ?? (() => {});
    this.#assertNewer(received.snapshot.index);
    await log.idle();
    await store.idle();
    step("install: begin");
    const environment = openEnvironment(context, "store", received.path);
    if (!holds(environment, received)) {
      await environment.close();
      throw new StorageError(
        "badSnapshot",
        "the file that was received is not there any more, or is another",
      );
    }
    try {
      await durableRename(files, received.path, layout.storeFile);
    } catch (error) {
      await environment.close();
      throw context.gate.raise("diskFailed", "a received snapshot could not be put in its place", error);
    }
    step("install: renamed");
    const old = store.swap(environment);
    swapped?.();
    // Views may be pinned to it; nobody waits for them here.
    old.close().catch(() => undefined);
    log.offerSnapshot(undefined);
    await this.snapshots.discard();
    await files.remove(layout.damageMark);
    // A core that runs has reset its own log to the snapshot; otherwise what the log holds is kept.
    if (this.#start.kind === "ready") await log.reset(appliedOf(store.meta()));
    else await this.align(undefined);
    step("install: aligned");
    await this.incoming.installed();
    await files.remove(layout.damagedStore);
  }

  /** Neither the store nor the log may go back. */
  #assertNewer(index: bigint): void {
    const { log, store } = this.#parts;
    const floor = [appliedOf(store.meta()).index, log.bounds.baseIndex].find((position) => index < position);
    if (floor === undefined) return;
    throw new StorageError("badSnapshot", `a snapshot at ${index} is older than what is here, ${floor}`);
  }

  async reset({ clusterId, memberId, removedIndex }: ResetRequest): Promise<DataDirectory> {
    const { clusterId: own, memberId: self, removedIndex: known } = this.identity;
    if (own !== clusterId && !this.#isBlank()) throw wrongCluster(own, clusterId);
    if (self !== memberId)
      throw new StorageError("wrongMember", `this is member ${hex(self)}, not ${hex(memberId)}`);
    if (known === undefined && removedIndex === undefined) {
      throw new StorageError(
        "notRemoved",
        "this member does not know that it was removed: give the index of that",
      );
    }
    const left = this.#isBlank() ? "blank" : "kept";
    // From here on the lock is the next object's.
    this.#closed = this.#closeFiles();
    await this.#closed;
    return this.#parts.reopen(left).catch((error: unknown) => {
      // The old data is closed and half moved: only another start can finish it.
      const { reason, message } = unusable(this.path, error);
      throw this.#parts.context.gate.raise(reason, message, error);
    });
  }

  /** It promised nothing to anybody: no cluster, no vote, no entry. */
  #isBlank(): boolean {
    const { log } = this.#parts;
    const isUsed = log.lastIndex() > 0n || log.durablePosition().term > 0n;
    return this.identity.clusterId === undefined && !isUsed;
  }

  close(): Promise<void> {
    this.#closed ??= this.#closeFiles().finally(this.#parts.unlock);
    return this.#closed;
  }

  async #closeFiles(): Promise<void> {
    const { context, log, store, superblock } = this.#parts;
    await this.snapshots.close();
    await this.incoming.abort();
    if (!context.gate.failure) {
      await log.idle();
      await store.idle();
    }
    await log.close();
    await store.environment.close();
    await superblock.close();
    if (!context.gate.failure) await forgetStarts(context).catch(() => undefined);
  }
}

/** Opening makes a file that is missing: an empty one must never take the place of the store. */
function holds(environment: Environment, { snapshot }: ReceivedSnapshot): boolean {
  const applied = appliedOf(new StoreBackend(environment, { onScrubbed: () => undefined }).meta());
  return applied.index === snapshot.index && applied.term === snapshot.term;
}

export function hex(id: bigint): string {
  return id.toString(16).padStart(16, "0");
}

function wrongCluster(own: bigint | undefined, asked: bigint): StorageError {
  const belongs = own === undefined ? "belongs to no cluster" : `belongs to cluster ${hex(own)}`;
  return new StorageError("wrongCluster", `this data directory ${belongs}, not to ${hex(asked)}`);
}

function storeTooOld({ gate }: OpenContext, applied: bigint, base: bigint): FatalError {
  return gate.raise(
    "corruptStore",
    `store/ ends at index ${applied}, the log begins after ${base}: was an old copy put in its place? Remove ` +
      "store/ (not raft/) and start again, and it is fetched from another member",
  );
}
