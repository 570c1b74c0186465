import type { Random } from "../world/random.ts";

const encoder = new TextEncoder();
/** Between a value's name and what fills it up. */
const separator = 0x7c;
/** How many values are as large as they may be. */
const LARGE_CHANCE = 0.05;

/** Values as a history names them, `client.serial`, and as the store has them, of many sizes. */
export class ValueBook {
  readonly #maxBytes: number;
  readonly #random: Random;
  readonly #bytes = new Map<string, Uint8Array>();
  readonly #serials = new Map<number, number>();

  constructor(maxBytes: number, random: Random) {
    this.#maxBytes = maxBytes;
    this.#random = random;
  }

  /** A name that no value had before. */
  create(client: number): string {
    const serial = (this.#serials.get(client) ?? 0) + 1;
    this.#serials.set(client, serial);
    const name = `${client}.${serial}`;
    const start = encoder.encode(name);
    const room = Math.max(0, this.#maxBytes - start.length);
    const extra = this.#random.chance(LARGE_CHANCE) ? room : this.#random.between(0, Math.min(room, 40));
    const bytes = new Uint8Array(start.length + extra);
    bytes.set(start);
    for (let at = start.length; at < bytes.length; at += 1) bytes[at] = separator + ((at + serial) & 3);
    if (extra > 0) bytes[start.length] = separator;
    this.#bytes.set(name, bytes);
    return name;
  }

  bytesOf(name: string): Uint8Array {
    return this.#bytes.get(name)!;
  }

  /** Byte by byte the value of that name, or a name that says what is wrong with it. */
  nameOf(bytes: Uint8Array): string {
    const end = bytes.indexOf(separator);
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const name = buffer.toString("latin1", 0, end < 0 ? bytes.length : end);
    const written = this.#bytes.get(name);
    if (written !== undefined && buffer.equals(written)) return name;
    return `(damaged: ${buffer.toString("hex").slice(0, 64)})`;
  }
}
