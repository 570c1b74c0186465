import type { KeyValue } from "@rstore/replica/mvcc/types";
import type { Input, KeySeen, Operation, Output } from "../../history/operation.ts";
import type { Life } from "../cluster/types.ts";
import type { World } from "../world/world.ts";
import type { Call } from "./call.ts";
import { countOperation } from "./count-operation.ts";
import { Knowledge } from "./knowledge.ts";
import { type Answer, seenOf } from "./serve-call.ts";
import type { ValueBook } from "./value-book.ts";
import type { Ending } from "./workload-client.ts";

/** Kinds of what the workload makes part of the trace hash. */
export const workloadNotes = { operation: 60 } as const;

interface Record {
  readonly call: Call;
  readonly inputs: readonly Input[];
  readonly ending: Ending;
  readonly invokedUs: number;
}

interface JournalParts {
  readonly world: World;
  readonly keys: readonly string[];
  readonly values: ValueBook;
  /** A write of this revision was acknowledged. */
  readonly acknowledged: ((revision: bigint) => void) | undefined;
}

/** The history of all clients, and what they know together. Times in simulated milliseconds. */
export class Journal {
  readonly operations: Operation[] = [];
  readonly shared = new Knowledge();
  readonly keys: readonly string[];
  readonly values: ValueBook;
  readonly #parts: JournalParts;
  readonly #lives = new Map<Life, Map<bigint, number>>();
  #livesSeen = 0;
  #order = 0;
  #calls = 0;

  constructor(parts: JournalParts) {
    this.#parts = parts;
    this.keys = parts.keys;
    this.values = parts.values;
  }

  /** What a store holds, as the history names it. */
  seen(keyValue: KeyValue): KeySeen {
    return seenOf(keyValue, this.values);
  }

  nextOrder(): number {
    this.#order += 1;
    return this.#order;
  }

  record(client: number, { call, inputs, ending, invokedUs }: Record): readonly Operation[] {
    const { world } = this.#parts;
    const { results, answer, slot } = ending;
    this.#calls += 1;
    const served =
      answer === undefined || slot === undefined || call.type === "write"
        ? {}
        : { served: { replica: slot.index, life: this.#lifeOf(answer), order: answer.order } };
    const batch = inputs.length > 1 ? { call: this.#calls } : {};
    const operations = inputs.map((input, at): Operation => {
      const output = results[at]!;
      const returned = output.type === "unknown" ? Number.POSITIVE_INFINITY : world.nowUs / 1000;
      return { client, input, output, invoked: invokedUs / 1000, returned, ...served, ...batch };
    });
    for (const operation of operations) {
      this.operations.push(operation);
      this.shared.learn(operation);
      this.#noted(operation);
      countOperation(world.coverage, operation, { call, answer });
    }
    return operations;
  }

  #noted({ client, output }: Operation): void {
    const { world, acknowledged } = this.#parts;
    world.note(workloadNotes.operation, client, revisionOf(output));
    if (output.type === "written" || (output.type === "deleted-range" && output.keys > 0)) {
      acknowledged?.(output.revision);
    }
  }

  /** A number for each member in each process: a process that is reset goes on as another member. */
  #lifeOf({ life, memberId }: Answer): number {
    const members = this.#lives.get(life) ?? new Map<bigint, number>();
    this.#lives.set(life, members);
    const known = members.get(memberId);
    if (known !== undefined) return known;
    this.#livesSeen += 1;
    members.set(memberId, this.#livesSeen);
    return this.#livesSeen;
  }
}

function revisionOf(output: Output): number {
  if ("revision" in output) return Number(output.revision);
  if ("at" in output && output.at !== undefined) return Number(output.at);
  return output.type === "unknown" ? -1 : -2;
}
