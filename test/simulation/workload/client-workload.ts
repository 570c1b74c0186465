import { FatalError } from "@rstore/replica/errors";
import { checkHistory } from "../../history/check-history.ts";
import type { Operation } from "../../history/operation.ts";
import type { SimCluster } from "../cluster/types.ts";
import { agreedStores } from "./agreed-stores.ts";
import { checkKept, lastWrites } from "./check-kept.ts";
import { keyPrefix, keyPrefixEnd, keysFor } from "./draw-call.ts";
import type { FinalStore } from "./final-store.ts";
import { Journal } from "./journal.ts";
import { MembershipOperator } from "./membership-operator.ts";
import type { Workload } from "./types.ts";
import { ValueBook } from "./value-book.ts";
import { WorkloadClient } from "./workload-client.ts";

export interface ClientWorkloadOptions {
  /** Told of the revision of every acknowledged change. */
  readonly acknowledged?: (revision: bigint) => void;
  /** Members whose disks are gone: no administrator makes them voters. */
  readonly isLost?: (memberId: bigint) => boolean;
  /** The stores that hold everything, if that can be said now. */
  readonly stores?: (cluster: SimCluster) => readonly FinalStore[];
}

/** Steps of the search for one key's linearization; a history that needs more is a failure too. */
const SEARCH_MAX_STEPS = 300_000;
/** Reads of old revisions, of each store at the end. */
const OLD_REVISIONS = 4;

/** See {@link Workload}: clients that record what they see, and an operator who moves members about. */
export class ClientWorkload implements Workload {
  readonly #options: ClientWorkloadOptions;
  #cluster: SimCluster | undefined;
  #journal: Journal | undefined;
  #operator: MembershipOperator | undefined;
  #clients: WorkloadClient[] = [];
  #isOver = false;

  constructor(options: ClientWorkloadOptions = {}) {
    this.#options = options;
  }

  start(cluster: SimCluster): void {
    const { world, shape } = cluster;
    const journal = new Journal({
      world,
      keys: keysFor(shape.keys),
      values: new ValueBook(shape.limits.valueMaxBytes, world.random("workload values")),
      acknowledged: this.#options.acknowledged,
    });
    const operator = new MembershipOperator(cluster, this.#options.isLost ?? (() => false));
    this.#cluster = cluster;
    this.#journal = journal;
    this.#operator = operator;
    this.#clients = Array.from(
      { length: shape.clients },
      (_, index) =>
        new WorkloadClient({
          cluster,
          index,
          random: world.random(`workload client ${index}`),
          journal,
          isOver: () => this.#isOver,
          administrate: (draw) => operator.begin(draw.type),
        }),
    );
    for (const client of this.#clients) client.start();
  }

  end(): void {
    this.#isOver = true;
    this.#operator?.end();
  }

  get isIdle(): boolean {
    return this.#clients.every(({ isBusy }) => !isBusy) && this.#operator?.isBusy !== true;
  }

  get operations(): readonly Operation[] {
    return this.#journal?.operations ?? [];
  }

  check(): void {
    if (this.#cluster === undefined || this.#journal === undefined) return;
    const { world } = this.#cluster;
    const { operations, shared } = this.#journal;
    const agreed = (this.#options.stores ?? agreedStores)(this.#cluster);
    const read = new Map(agreed.map((store) => [store, this.#unlessDamaged(store)]));
    const stores = agreed.filter((store) => read.get(store) !== undefined);
    const last = lastWrites(operations);
    for (const store of stores) {
      const lost = checkKept(operations, last, store.read(keyPrefix, keyPrefixEnd, undefined), store);
      if (lost !== undefined) world.fail("acknowledged-kept", `${store.name}: ${lost}`);
    }
    const problems = checkHistory([...operations, ...stores.flatMap((store) => read.get(store)!)], {
      maxSteps: SEARCH_MAX_STEPS,
      accountedThrough: shared.newest,
    });
    const [first] = problems;
    if (first === undefined) return;
    const more = problems.length > 1 ? `\n(and ${problems.length - 1} more)` : "";
    world.fail(first.kind, first.message + more);
  }

  /** A bit that flipped where nobody has read since is found only now, and says nothing of the others. */
  #unlessDamaged(store: FinalStore): Operation[] | undefined {
    try {
      return this.#readStore(store);
    } catch (error) {
      const disk = this.#cluster!.slots[store.index]?.disk;
      if (error instanceof FatalError && disk?.explains(error.reason) === true) return undefined;
      throw error;
    }
  }

  /** As one more client would read it: the newest, and some old revisions, which must be what they were. */
  #readStore(store: FinalStore): Operation[] {
    const { world } = this.#cluster!;
    const journal = this.#journal!;
    const random = world.random(`workload final ${store.index}`);
    const oldest = Number(store.compactedRevision);
    const old = Array.from({ length: OLD_REVISIONS }, () =>
      BigInt(random.between(Math.max(1, oldest), Number(store.revision))),
    );
    const now = world.nowUs / 1000;
    return [undefined, ...old].map((revision): Operation => {
      const pairs = store.read(keyPrefix, keyPrefixEnd, revision);
      return {
        client: -1 - store.index,
        input: {
          type: "range",
          start: keyPrefix,
          end: keyPrefixEnd,
          ...(revision !== undefined && { revision }),
        },
        output: {
          type: "ranged",
          pairs: pairs.map((pair) => journal.seen(pair)),
          more: false,
          at: store.revision,
        },
        invoked: now,
        returned: now,
      };
    });
  }
}
