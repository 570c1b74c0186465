import { crc32 } from "node:zlib";
import { recordOverheadBytes, SortedTable } from "./sorted-table.ts";
import { TableSet } from "./table-set.ts";

/**
 * A data file as bytes, little-endian: magic, length of the whole (u32), tables (u32), crc32 of these; then
 * of each table the length of its name (u8), the name, its records (u32), and of each record the lengths of
 * key (u16) and value (u32), key and value in ascending order. Like LMDB's it has no checksum of what it
 * holds: records that change their bytes are to be found by who wrote them.
 */
const magic = Buffer.from("SIMTABLE");
const headerBytes = 20;

export function tableFileBytes(tables: TableSet): number {
  let bytes = headerBytes;
  for (const name of tables.names()) bytes += 5 + Buffer.byteLength(name) + tables.table(name)!.bytes;
  return bytes;
}

export function encodeTableFile(tables: TableSet): Buffer {
  const bytes = Buffer.alloc(tableFileBytes(tables));
  const names = tables.names();
  bytes.set(magic);
  bytes.writeUInt32LE(bytes.byteLength, 8);
  bytes.writeUInt32LE(names.length, 12);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 16)), 16);
  let at = headerBytes;
  for (const name of names) {
    const table = tables.table(name)!;
    at = bytes.writeUInt8(Buffer.byteLength(name), at);
    at += bytes.write(name, at);
    at = bytes.writeUInt32LE(table.size, at);
    for (let i = 0; i < table.size; i += 1) {
      const [key, value] = table.at(i)!;
      at = bytes.writeUInt16LE(key.byteLength, at);
      at = bytes.writeUInt32LE(value.byteLength, at);
      bytes.set(key, at);
      bytes.set(value, at + key.byteLength);
      at += key.byteLength + value.byteLength;
    }
  }
  return bytes;
}

/** What is wrong with its head or its length. */
export function findHeadDamage(bytes: Buffer): string | undefined {
  const isHead =
    bytes.byteLength >= headerBytes &&
    bytes.subarray(0, 8).equals(magic) &&
    bytes.readUInt32LE(16) === crc32(bytes.subarray(0, 16));
  if (!isHead) return "the head of the data file is not one";
  return bytes.byteLength < bytes.readUInt32LE(8) ? "the data file was cut off" : undefined;
}

/** The tables; or what is wrong with the file. */
export function decodeTableFile(bytes: Buffer): TableSet | string {
  const damage = findHeadDamage(bytes);
  if (damage !== undefined) return damage;
  try {
    return new TableReader(bytes.subarray(0, bytes.readUInt32LE(8))).read();
  } catch (error) {
    if (error instanceof RangeError) return `a page of the data file is not one: ${error.message}`;
    throw error;
  }
}

class TableReader {
  readonly #bytes: Buffer;
  #at = 12;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  read(): TableSet {
    const tables = new TableSet();
    let left = this.#number(4);
    this.#at = headerBytes;
    for (; left > 0; left -= 1) {
      const name = this.#take(this.#number(1)).toString();
      if (tables.table(name)) throw new RangeError("a table that is there twice");
      tables.add(name, this.#table());
    }
    if (this.#at !== this.#bytes.byteLength) throw new RangeError("more than the tables");
    return tables;
  }

  #table(): SortedTable {
    const table = new SortedTable();
    let last: Buffer | undefined;
    for (let left = this.#number(4); left > 0; left -= 1) {
      const keyBytes = this.#number(2);
      const valueBytes = this.#number(recordOverheadBytes - 2);
      const key = this.#take(keyBytes);
      const ascends = last === undefined || Buffer.compare(last, key) < 0;
      if (keyBytes === 0 || !ascends) throw new RangeError("keys out of order");
      table.put(key, this.#take(valueBytes));
      last = key;
    }
    return table;
  }

  #number(size: number): number {
    const value = this.#bytes.readUIntLE(this.#at, size);
    this.#at += size;
    return value;
  }

  #take(size: number): Buffer {
    if (this.#at + size > this.#bytes.byteLength) throw new RangeError("a record beyond the end");
    this.#at += size;
    return Buffer.from(this.#bytes.subarray(this.#at - size, this.#at));
  }
}
