import type { Table } from "./kv-backend.types.ts";
import type { ScrubLimits, ScrubProgress } from "./types.ts";

const order: readonly Table[] = ["meta", "cur", "idx", "rev"];

/**
 * Walks through all records, some at a time, so that damage is found before it is needed. `scan` verifies
 * what it yields and throws on damage.
 */
export class Scrub {
  readonly #scan: (table: Table, start: Uint8Array) => Iterable<readonly [Uint8Array, Uint8Array]>;
  #table = 0;
  #start: Uint8Array = new Uint8Array();

  constructor(scan: (table: Table, start: Uint8Array) => Iterable<readonly [Uint8Array, Uint8Array]>) {
    this.#scan = scan;
  }

  restart(): void {
    this.#table = 0;
    this.#start = new Uint8Array();
  }

  step({ maxRecords, maxBytes }: ScrubLimits): ScrubProgress {
    let records = 0;
    let bytes = 0;
    for (const [key, value] of this.#scan(order[this.#table]!, this.#start)) {
      if (records >= maxRecords || bytes >= maxBytes) {
        this.#start = key;
        return { records, bytes, passed: false };
      }
      records++;
      bytes += key.byteLength + value.byteLength;
    }
    this.#start = new Uint8Array();
    this.#table = (this.#table + 1) % order.length;
    return { records, bytes, passed: this.#table === 0 };
  }
}
