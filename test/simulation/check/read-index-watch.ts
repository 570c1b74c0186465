import type { Slot } from "../cluster/types.ts";
import type { Ledgers } from "./ledgers.ts";

type Node = Pick<NonNullable<Slot["member"]>["node"], "readIndex" | "ready">;

interface ReadingSlot {
  readonly name: string;
  readonly member: { readonly node: object } | undefined;
}

/**
 * Whoever asks for a read index gets one below which nothing is missing that any leader had committed when it
 * asked (dissertation §6.4): whoever answers it led then, by the word of a majority.
 */
export class ReadIndexWatch {
  readonly #ledgers: Ledgers;
  readonly #slot: ReadingSlot;
  #node: object | undefined;

  constructor(ledgers: Ledgers, slot: ReadingSlot) {
    this.#ledgers = ledgers;
    this.#slot = slot;
  }

  /** After each step of its process. */
  observe(): void {
    const node = this.#slot.member?.node;
    if (node === this.#node) return;
    this.#node = node;
    // Members of tests may have no reads.
    if (node !== undefined && "readIndex" in node) this.#watch(node as Node);
  }

  #watch(node: Node): void {
    const { commits, world } = this.#ledgers;
    /** By request, what was committed when it was asked. */
    const asked = new Map<bigint, number>();
    const readIndex = node.readIndex.bind(node);
    const ready = node.ready.bind(node);
    node.readIndex = (requestId) => {
      asked.set(requestId, commits.index);
      readIndex(requestId);
    };
    node.ready = () => {
      const result = ready();
      for (const { requestId, index } of result.readStates) {
        const committed = asked.get(requestId) ?? 0;
        asked.delete(requestId);
        if (Number(index) >= committed) continue;
        const why = `is to read at ${index}, and ${committed} was committed when it asked (A10, A11)`;
        world.fail("read-index", `${this.#slot.name}: ${why}`);
      }
      for (const { requestId } of result.readFailures) asked.delete(requestId);
      return result;
    };
  }
}
