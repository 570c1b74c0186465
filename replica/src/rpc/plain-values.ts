/** A value as the plain routes show it; `json` is spliced into an answer as it is. */
export interface ShownValue {
  readonly json: string;
  readonly encoding?: "base64";
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text of bytes that are UTF-8; undefined when they are not. */
export function textFromBytes(bytes: Uint8Array): string | undefined {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return undefined;
  }
}

export function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * JSON text is shown as it was stored, not parsed and written again, so that long numbers and the order of
 * fields come back exactly. Other text is shown as a string, other bytes as base64.
 */
export function showValue(bytes: Uint8Array): ShownValue {
  const text = textFromBytes(bytes);
  if (text === undefined) {
    return { json: JSON.stringify(Buffer.from(bytes).toString("base64")), encoding: "base64" };
  }
  return { json: isJson(text) ? text : JSON.stringify(text) };
}

/** Keys are strings to people; one that is not UTF-8 is shown as base64. */
export function showKey(key: Uint8Array): { readonly key: string; readonly keyEncoding?: "base64" } {
  const text = textFromBytes(key);
  if (text !== undefined) return { key: text };
  return { key: Buffer.from(key).toString("base64"), keyEncoding: "base64" };
}

/**
 * The key in a path: every byte after `/key/`, percent-decoded. Slashes belong to the key, encoded or not, so
 * `/key/a/b` and `/key/a%2Fb` are the same key; any byte can be written as `%XX`, and bytes that are not ASCII
 * must be. Undefined: a bad encoding.
 */
export function keyFromPath(encoded: string): Uint8Array | undefined {
  const key = new Uint8Array(encoded.length);
  let length = 0;
  for (let i = 0; i < encoded.length; i++) {
    let byte = encoded.charCodeAt(i);
    if (byte > 0x7f) return undefined;
    if (byte === percent) {
      const digits = encoded.slice(i + 1, i + 3);
      if (!/^[0-9a-fA-F]{2}$/.test(digits)) return undefined;
      byte = Number.parseInt(digits, 16);
      i += 2;
    }
    key[length++] = byte;
  }
  return key.subarray(0, length);
}

const percent = "%".charCodeAt(0);
