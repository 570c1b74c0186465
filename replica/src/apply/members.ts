import { ByteReader, ByteWriter, bytesFromText } from "../mvcc/bytes.ts";
import type { Overlay } from "../mvcc/overlay.ts";
import { UnknownFormatError } from "../mvcc/records.ts";
import type { Configuration, IndexedConfiguration, MemberId } from "../raft/types.ts";
import { decodeMemberRecords, type MemberRecord } from "./member-records.ts";

/** In table `meta`: this and the member's id, 8 bytes big-endian → format (1 byte), index (8 bytes). */
const REMOVED_PREFIX = bytesFromText("removed/");
const REMOVED_FORMAT = 1;

/**
 * The members as the applied entries have them, and the tombstones of those that were removed. Tombstones
 * stay for ever (A7): any member can tell a removed one so, long after the log forgot.
 */
export class Members {
  readonly #overlay: Overlay;
  #configuration: IndexedConfiguration | undefined;
  #records: readonly MemberRecord[];

  /** `configuration`: the one in force at the applied index; undefined: none was applied yet. */
  constructor(overlay: Overlay, configuration: IndexedConfiguration | undefined) {
    this.#overlay = overlay;
    this.#configuration = configuration;
    this.#records = recordsOf(configuration);
  }

  get configuration(): IndexedConfiguration | undefined {
    return this.#configuration;
  }

  /** Ascending by id. */
  get records(): readonly MemberRecord[] {
    return this.#records;
  }

  /** Index of the committed configuration that is without the member; undefined: it was not removed. */
  removedIndex(id: MemberId): bigint | undefined {
    if (this.#configuration !== undefined && idsOf(this.#configuration.configuration).has(id))
      return undefined;
    const record = this.#overlay.get("meta", removedKey(id));
    if (record === undefined) return undefined;
    const reader = new ByteReader(record);
    const format = reader.u8();
    if (format !== REMOVED_FORMAT) throw new UnknownFormatError("record of a removed member", format);
    return reader.big64();
  }

  /** A committed configuration. Who was in the one before and is not in this one is removed by it. */
  apply(next: IndexedConfiguration): void {
    if (this.#configuration !== undefined) {
      const staying = idsOf(next.configuration);
      for (const id of idsOf(this.#configuration.configuration)) {
        if (!staying.has(id)) this.#overlay.set("meta", removedKey(id), encodeRemoved(next.index));
      }
    }
    this.#configuration = next;
    this.#records = recordsOf(next);
  }
}

function recordsOf(configuration: IndexedConfiguration | undefined): MemberRecord[] {
  return configuration === undefined ? [] : decodeMemberRecords(configuration.configuration.context);
}

/** Everyone in either half, with or without a vote. */
function idsOf({ voters, outgoing, learners, learnersNext }: Configuration): Set<MemberId> {
  return new Set([...voters, ...outgoing, ...learners, ...learnersNext]);
}

function removedKey(id: MemberId): Uint8Array {
  const writer = new ByteWriter(REMOVED_PREFIX.length + 8);
  writer.begin(REMOVED_PREFIX.length + 8);
  writer.bytes(REMOVED_PREFIX);
  writer.big64(id);
  return writer.end();
}

function encodeRemoved(index: bigint): Uint8Array {
  const writer = new ByteWriter(9);
  writer.begin(9);
  writer.u8(REMOVED_FORMAT);
  writer.big64(index);
  return writer.end();
}
