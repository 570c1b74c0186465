const encoder = new TextEncoder();
const decoder = new TextDecoder();
const strictDecoder = new TextDecoder("utf-8", { fatal: true });

/** UTF-8 of a string; bytes as they are, not copied. */
export function bytesFrom(value: string | Uint8Array): Uint8Array {
  return typeof value === "string" ? encoder.encode(value) : value;
}

/** Bytes as text; what is not UTF-8 becomes U+FFFD. */
export function textFrom(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** Bytes as text, or undefined when they are not UTF-8. */
export function textFromUtf8(bytes: Uint8Array): string | undefined {
  try {
    return strictDecoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** The smallest key after `key`. */
export function keyAfter(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1);
  next.set(key);
  return next;
}

/** The smallest key that is greater than every key with this prefix; empty (the end of the store) when there is none. */
export function prefixEnd(prefix: Uint8Array): Uint8Array {
  for (let i = prefix.length - 1; i >= 0; i--) {
    if (prefix[i]! < 0xff) {
      // A copy, also of a Buffer, whose slice would be a view.
      const end = new Uint8Array(prefix.subarray(0, i + 1));
      end[i] = prefix[i]! + 1;
      return end;
    }
  }
  return new Uint8Array(0);
}

/** A member or cluster id as people see it: 16 hexadecimal digits. */
export function idText(id: bigint): string {
  return id.toString(16).padStart(16, "0");
}

/** The inverse of {@link idText}; undefined when it is not 1 to 16 hexadecimal digits. */
export function idFromText(text: string): bigint | undefined {
  return /^[0-9a-fA-F]{1,16}$/.test(text) ? BigInt(`0x${text}`) : undefined;
}
