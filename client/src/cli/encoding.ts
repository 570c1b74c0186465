import { textFromUtf8 } from "../bytes.ts";
import type { KeyValue } from "../types.ts";
import { CliError, exitCodes } from "./exit-codes.ts";

export const encodings = ["utf8", "hex", "base64"] as const;
export type Encoding = (typeof encodings)[number];

/** A key or value from the command line. */
export function decodeArgument(text: string, encoding: Encoding): Uint8Array {
  const bytes = Buffer.from(text, encoding);
  // Buffer.from stops at the first character that is none of the encoding's.
  const whole =
    encoding === "utf8" ||
    (encoding === "hex"
      ? bytes.length * 2 === text.length
      : canonicalBase64(text) === bytes.toString("base64"));
  if (!whole) throw new CliError(exitCodes.usage, `"${text}" is not ${encoding}`);
  return bytes;
}

function canonicalBase64(text: string): string {
  const standard = text.replaceAll("-", "+").replaceAll("_", "/").replace(/=+$/, "");
  return standard.padEnd(Math.ceil(standard.length / 4) * 4, "=");
}

/** Bytes for a table: text where it is printable, otherwise with a prefix that says how it is written. */
export function printable(bytes: Uint8Array, encoding: Encoding): string {
  if (encoding !== "utf8") return Buffer.from(bytes).toString(encoding);
  const text = textFromUtf8(bytes);
  if (text === undefined || hasControls(text)) return `0x${Buffer.from(bytes).toString("hex")}`;
  return text;
}

/** C0 and C1 controls but tab and line feed; they would act on the terminal. */
function hasControls(text: string): boolean {
  for (const character of text) {
    const code = character.codePointAt(0)!;
    if ((code < 0x20 && code !== 9 && code !== 10) || (code >= 0x7f && code < 0xa0)) return true;
  }
  return false;
}

interface JsonBytes {
  readonly text: string;
  readonly encoding: Encoding | undefined;
}

function jsonBytes(bytes: Uint8Array, encoding: Encoding): JsonBytes {
  if (encoding !== "utf8") return { text: Buffer.from(bytes).toString(encoding), encoding };
  const text = textFromUtf8(bytes);
  if (text !== undefined) return { text, encoding: undefined };
  return { text: Buffer.from(bytes).toString("base64"), encoding: "base64" };
}

/** The stable JSON form of a key; `encoding` and `keyEncoding` are there only where it is not plain text. */
export function jsonFromKeyValue(keyValue: KeyValue, encoding: Encoding): Record<string, unknown> {
  const key = jsonBytes(keyValue.key, encoding);
  const value = jsonBytes(keyValue.value, encoding);
  return {
    key: key.text,
    ...(key.encoding !== undefined && { keyEncoding: key.encoding }),
    value: value.text,
    ...(value.encoding !== undefined && { encoding: value.encoding }),
    createRevision: keyValue.createRevision,
    modRevision: keyValue.modRevision,
    version: keyValue.version,
  };
}

export function jsonFromKey(key: Uint8Array, encoding: Encoding): Record<string, unknown> {
  const { text, encoding: used } = jsonBytes(key, encoding);
  return { key: text, ...(used !== undefined && { keyEncoding: used }) };
}
