import { assert } from "../assert.ts";
import { ByteReader, ByteWriter, varintBytes } from "../mvcc/bytes.ts";
import { DELETE_MAX_KEYS, KEY_MAX_BYTES } from "../mvcc/limits.ts";
import type { CompactOperation, DeleteOperation, PutOperation, WriteOperation } from "./operation.ts";

/**
 * What a normal entry of the log carries. Fixed integers big-endian, the others LEB128 varints:
 *   format version (1 byte), origin time (8 bytes), [in version 2: index (8), state hash (8)],
 *   number of operations; then each operation:
 *   kind (1 byte), flags (1 byte), [session (8), sequence, floor], and
 *     put:     key length, key, value length, value, [lease (8)], [expected mod revision (8)]
 *     delete:  start length, start, [end length, end], [expected mod revision (8)]
 *     compact: revision (8)
 */
const FORMAT_VERSION = 1;
const FORMAT_VERSION_WITH_HASH = 2;

const KIND_PUT = 1;
const KIND_DELETE = 2;
const KIND_COMPACT = 3;

const FLAG_PREVIOUS = 1;
const FLAG_EXPECTED = 2;
const FLAG_LEASE = 4;
const FLAG_END = 8;
const FLAG_REQUEST = 16;
const FLAGS_KNOWN = 31;

/** Most bytes of a batch besides its operations. */
export const BATCH_OVERHEAD_BYTES = 1 + 8 + 16 + 5;

/** Whose request an operation is, so that a retry is applied once. */
export interface RequestId {
  readonly session: bigint;
  readonly sequence: bigint;
  /** The lowest sequence of the session that is not yet answered. */
  readonly floor: bigint;
}

export type Command = WriteOperation & { readonly request?: RequestId | undefined };

/** What the state was once the entry at this index was applied, as a rolling hash. */
export interface StateHash {
  readonly appliedIndex: bigint;
  readonly hash: bigint;
}

export interface CommandBatch {
  /** Milliseconds since 1970 by the clock of the member that proposed it. */
  readonly originTimeMs: number;
  /** Of the leader that proposed it, below this entry: a member whose state was another one must end (B14). */
  readonly stateHash?: StateHash | undefined;
  readonly operations: readonly Command[];
}

/**
 * An entry was written by a newer version. Going on without it would make this member differ from the
 * others: the runtime ends the process (FatalError unknownCommand). Damaged bytes are an AssertionError,
 * since the log verifies its checksums.
 */
export class UnknownCommandError extends Error {
  constructor(what: string) {
    super(`the log holds a command that this version of rstore does not know (${what}); start a newer one`);
    this.name = "UnknownCommandError";
  }
}

/** Bytes that an operation takes in a batch, exactly. */
export function commandSizeBytes(command: Command): number {
  const request = command.request === undefined ? 0 : requestSizeBytes(command.request);
  switch (command.type) {
    case "put":
      return 2 + request + sizedBytes(command.key) + sizedBytes(command.value) + 8 * optionalFields(command);
    case "delete":
      return (
        2 +
        request +
        sizedBytes(command.start) +
        (command.end === undefined ? 0 : sizedBytes(command.end)) +
        (command.expectedModRevision === undefined ? 0 : 8)
      );
    case "compact":
      return 2 + request + 8;
  }
}

/**
 * Keys that an operation may change at most. What shares an entry should not sum up to more than
 * ENTRY_DELETE_MAX_KEYS: that bounds the time and memory that one entry takes to apply.
 */
export function commandMaxKeys(command: Command): number {
  return command.type === "delete" && command.end !== undefined ? DELETE_MAX_KEYS : 1;
}

function optionalFields(put: PutOperation): number {
  return (put.lease === 0n ? 0 : 1) + (put.expectedModRevision === undefined ? 0 : 1);
}

function requestSizeBytes(request: RequestId): number {
  return 8 + varintBytes(Number(request.sequence)) + varintBytes(Number(request.floor));
}

function sizedBytes(bytes: Uint8Array): number {
  return varintBytes(bytes.length) + bytes.length;
}

export function encodeCommandBatch(batch: CommandBatch): Uint8Array {
  const { operations, stateHash } = batch;
  let sizeBytes = BATCH_OVERHEAD_BYTES;
  for (let i = 0; i < operations.length; i++) sizeBytes += commandSizeBytes(operations[i]!);
  const writer = new ByteWriter(sizeBytes);
  writer.begin(sizeBytes);
  writer.u8(stateHash === undefined ? FORMAT_VERSION : FORMAT_VERSION_WITH_HASH);
  writer.u64(batch.originTimeMs);
  if (stateHash !== undefined) {
    writer.big64(stateHash.appliedIndex);
    writer.big64(stateHash.hash);
  }
  writer.varint(operations.length);
  for (let i = 0; i < operations.length; i++) writeCommand(writer, operations[i]!);
  return writer.end();
}

function writeCommand(writer: ByteWriter, command: Command): void {
  switch (command.type) {
    case "put":
      writePut(writer, command);
      break;
    case "delete":
      writeDelete(writer, command);
      break;
    case "compact":
      writeHead(writer, KIND_COMPACT, 0, command.request);
      writer.big64(command.revision);
  }
}

function writePut(writer: ByteWriter, put: PutOperation & Command): void {
  const { key, value, lease, expectedModRevision } = put;
  assertKey(key, 1);
  let flags = put.previous ? FLAG_PREVIOUS : 0;
  if (lease !== 0n) flags |= FLAG_LEASE;
  if (expectedModRevision !== undefined) flags |= FLAG_EXPECTED;
  writeHead(writer, KIND_PUT, flags, put.request);
  writeSized(writer, key);
  writeSized(writer, value);
  if (lease !== 0n) writer.big64(lease);
  if (expectedModRevision !== undefined) writer.big64(expectedModRevision);
}

function writeDelete(writer: ByteWriter, operation: DeleteOperation & Command): void {
  const { start, end, expectedModRevision } = operation;
  assertKey(start, end === undefined ? 1 : 0);
  if (end !== undefined) assertKey(end, 0);
  assert(end === undefined || expectedModRevision === undefined, "only one key is deleted by compare");
  let flags = operation.previous ? FLAG_PREVIOUS : 0;
  if (end !== undefined) flags |= FLAG_END;
  if (expectedModRevision !== undefined) flags |= FLAG_EXPECTED;
  writeHead(writer, KIND_DELETE, flags, operation.request);
  writeSized(writer, start);
  if (end !== undefined) writeSized(writer, end);
  if (expectedModRevision !== undefined) writer.big64(expectedModRevision);
}

function writeHead(writer: ByteWriter, kind: number, flags: number, request: RequestId | undefined): void {
  writer.u8(kind);
  writer.u8(request === undefined ? flags : flags | FLAG_REQUEST);
  if (request === undefined) return;
  writer.big64(request.session);
  writer.varint(Number(request.sequence));
  writer.varint(Number(request.floor));
}

function writeSized(writer: ByteWriter, bytes: Uint8Array): void {
  writer.varint(bytes.length);
  writer.bytes(bytes);
}

function assertKey(key: Uint8Array, minBytes: number): void {
  assert(key.length >= minBytes && key.length <= KEY_MAX_BYTES, "a key has 1 to 1,024 bytes");
}

/** Keys and values are views of `data`. Throws {@link UnknownCommandError}. */
export function decodeCommandBatch(data: Uint8Array): CommandBatch {
  const reader = new ByteReader(data);
  const version = reader.u8();
  if (version !== FORMAT_VERSION && version !== FORMAT_VERSION_WITH_HASH) {
    throw new UnknownCommandError(`format version ${version}`);
  }
  const originTimeMs = reader.u64();
  const stateHash =
    version === FORMAT_VERSION_WITH_HASH ? { appliedIndex: reader.big64(), hash: reader.big64() } : undefined;
  const count = reader.varint();
  const operations: Command[] = [];
  for (let i = 0; i < count; i++) operations.push(readCommand(reader));
  reader.finish();
  return stateHash === undefined ? { originTimeMs, operations } : { originTimeMs, stateHash, operations };
}

function readCommand(reader: ByteReader): Command {
  const kind = reader.u8();
  const flags = reader.u8();
  if ((flags & ~FLAGS_KNOWN) !== 0) throw new UnknownCommandError(`flags ${flags} of kind ${kind}`);
  const request = flags & FLAG_REQUEST ? readRequest(reader) : undefined;
  switch (kind) {
    case KIND_PUT:
      return readPut(reader, flags, request);
    case KIND_DELETE:
      return readDelete(reader, flags, request);
    case KIND_COMPACT: {
      const compact: CompactOperation = { type: "compact", revision: reader.big64() };
      return request === undefined ? compact : { ...compact, request };
    }
    default:
      throw new UnknownCommandError(`kind ${kind}`);
  }
}

function readRequest(reader: ByteReader): RequestId {
  const session = reader.big64();
  const sequence = BigInt(reader.varint());
  return { session, sequence, floor: BigInt(reader.varint()) };
}

function readPut(reader: ByteReader, flags: number, request: RequestId | undefined): Command {
  const key = reader.view(reader.varint());
  assertKey(key, 1);
  return {
    type: "put",
    key,
    value: reader.view(reader.varint()),
    lease: flags & FLAG_LEASE ? reader.big64() : 0n,
    previous: (flags & FLAG_PREVIOUS) !== 0,
    expectedModRevision: flags & FLAG_EXPECTED ? reader.big64() : undefined,
    request,
  };
}

function readDelete(reader: ByteReader, flags: number, request: RequestId | undefined): Command {
  const start = reader.view(reader.varint());
  const end = flags & FLAG_END ? reader.view(reader.varint()) : undefined;
  assertKey(start, end === undefined ? 1 : 0);
  return {
    type: "delete",
    start,
    end,
    previous: (flags & FLAG_PREVIOUS) !== 0,
    expectedModRevision: flags & FLAG_EXPECTED ? reader.big64() : undefined,
    request,
  };
}
