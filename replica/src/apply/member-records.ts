import { assert } from "../assert.ts";
import { ByteReader, ByteWriter, VARINT_MAX_BYTES } from "../mvcc/bytes.ts";
import { UnknownFormatError } from "../mvcc/records.ts";
import type { MemberId } from "../raft/types.ts";

/** What a configuration's context says of each member. */
export interface MemberRecord {
  readonly id: MemberId;
  readonly name: string;
  readonly peerUrl: string;
  readonly clientUrl: string;
  /** Index of the configuration that brought the member in; a removal below it is none (A8). */
  readonly joinedIndex: bigint;
}

/**
 * Version 1: format (1 byte), count, then each member, ascending by id: id (8 bytes big-endian), joined index
 * (8 bytes), and name, peer URL and client URL each as a length and UTF-8. Integers are varints.
 */
const FORMAT = 1;

/** The context of a {@link Configuration}. Throws an AssertionError when an id is there twice. */
export function encodeMemberRecords(members: readonly MemberRecord[]): Uint8Array {
  const ascending = [...members].sort((a, b) => (a.id < b.id ? -1 : 1));
  const rows = ascending.map((member) => ({
    member,
    texts: [member.name, member.peerUrl, member.clientUrl].map((text) => Buffer.from(text, "utf8")),
  }));
  let maxBytes = 1 + VARINT_MAX_BYTES;
  for (const { texts } of rows) {
    maxBytes += 16 + texts.reduce((sum, text) => sum + VARINT_MAX_BYTES + text.length, 0);
  }
  const writer = new ByteWriter(maxBytes);
  writer.begin(maxBytes);
  writer.u8(FORMAT);
  writer.varint(rows.length);
  for (let i = 0; i < rows.length; i++) {
    const { member, texts } = rows[i]!;
    assert(i === 0 || rows[i - 1]!.member.id < member.id, "a member is recorded once");
    writer.big64(member.id);
    writer.big64(member.joinedIndex);
    for (const text of texts) {
      writer.varint(text.length);
      writer.bytes(text);
    }
  }
  return writer.end();
}

/** Ascending by id. An empty context has no members. Throws UnknownFormatError. */
export function decodeMemberRecords(context: Uint8Array): MemberRecord[] {
  if (context.length === 0) return [];
  const reader = new ByteReader(context);
  const format = reader.u8();
  if (format !== FORMAT) throw new UnknownFormatError("list of members", format);
  const members: MemberRecord[] = [];
  for (let left = reader.varint(); left > 0; left--) {
    members.push({
      id: reader.big64(),
      joinedIndex: reader.big64(),
      name: readText(reader),
      peerUrl: readText(reader),
      clientUrl: readText(reader),
    });
  }
  reader.finish();
  return members;
}

function readText(reader: ByteReader): string {
  const bytes = reader.view(reader.varint());
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
}
