import type { Configuration, MemberId } from "../types.ts";
import { configurationFault } from "./confchange.ts";
import { CONTEXT_MAX_BYTES } from "./configuration.ts";

/**
 * Version 1, big-endian: version (1 byte); voters, outgoing, learners, learnersNext, each as a count (1 byte)
 * and ids (8 bytes each, ascending); context as a length (4 bytes) and bytes; nothing after it.
 */
const VERSION = 1;
const ID_BYTES = 8;

/** Bytes that are no configuration which this version of the program understands. */
export class ConfigurationFormatError extends Error {
  constructor(message: string) {
    super(`configuration: ${message}`);
    this.name = "ConfigurationFormatError";
  }
}

/** Throws {@link ConfigurationFormatError} on an unsound configuration, so none is ever written. */
export function encodeConfiguration(configuration: Configuration): Uint8Array {
  const fault = configurationFault(configuration);
  if (fault !== undefined) throw new ConfigurationFormatError(fault);
  const { voters, outgoing, learners, learnersNext, context } = configuration;
  if (context.length > CONTEXT_MAX_BYTES) throw new ConfigurationFormatError("context too long");
  const lists = [voters, outgoing, learners, learnersNext];
  const ids = lists.reduce((sum, list) => sum + list.length, 0);
  const bytes = new Uint8Array(1 + lists.length + ids * ID_BYTES + 4 + context.length);
  const view = new DataView(bytes.buffer);
  let at = 0;
  view.setUint8(at++, VERSION);
  for (const list of lists) {
    view.setUint8(at++, list.length);
    for (const id of list) {
      view.setBigUint64(at, id);
      at += ID_BYTES;
    }
  }
  view.setUint32(at, context.length);
  bytes.set(context, at + 4);
  return bytes;
}

/** Throws {@link ConfigurationFormatError}. The context is a copy. */
export function decodeConfiguration(bytes: Uint8Array): Configuration {
  const reader = new Reader(bytes);
  const version = reader.uint8();
  if (version !== VERSION) {
    throw new ConfigurationFormatError(`version ${version} is unknown, ${VERSION} is supported`);
  }
  const configuration = {
    voters: reader.ids(),
    outgoing: reader.ids(),
    learners: reader.ids(),
    learnersNext: reader.ids(),
    context: reader.context(),
  };
  reader.end();
  const fault = configurationFault(configuration);
  if (fault !== undefined) throw new ConfigurationFormatError(fault);
  return configuration;
}

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Moves on by `count` bytes and returns where they begin. */
  #take(count: number): number {
    const at = this.#at;
    if (at + count > this.#bytes.length) {
      throw new ConfigurationFormatError(`truncated: ${this.#bytes.length} bytes, ${at + count} needed`);
    }
    this.#at = at + count;
    return at;
  }

  uint8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  ids(): MemberId[] {
    const count = this.uint8();
    const at = this.#take(count * ID_BYTES);
    return Array.from({ length: count }, (_, i) => this.#view.getBigUint64(at + i * ID_BYTES));
  }

  context(): Uint8Array {
    const length = this.#view.getUint32(this.#take(4));
    if (length > CONTEXT_MAX_BYTES) throw new ConfigurationFormatError(`context of ${length} bytes`);
    const at = this.#take(length);
    // Not `slice`, which on a Buffer is a view.
    return new Uint8Array(this.#bytes.subarray(at, at + length));
  }

  end(): void {
    const rest = this.#bytes.length - this.#at;
    if (rest > 0) throw new ConfigurationFormatError(`${rest} bytes after the end`);
  }
}
