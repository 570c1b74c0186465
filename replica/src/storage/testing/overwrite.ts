import { closeSync, openSync, readFileSync, writeSync } from "node:fs";

/** Writes over every place where a file holds some bytes; throws when there is none. */
export function overwrite(file: string, from: Uint8Array, to: Uint8Array): void {
  const bytes = readFileSync(file);
  const handle = openSync(file, "r+");
  let found = 0;
  for (let at = bytes.indexOf(from); at >= 0; at = bytes.indexOf(from, at + from.byteLength)) {
    writeSync(handle, to, 0, to.byteLength, at);
    found++;
  }
  closeSync(handle);
  if (found === 0) throw new Error("nothing to overwrite was found");
}
