import { AssertionError, assert } from "../assert.ts";
import { decodeConfiguration } from "./confchange/codec.ts";
import { ConfigurationStack } from "./confchange/configuration-stack.ts";
import type { RaftLog } from "./log.ts";
import type { InitialState } from "./types.ts";

/** Bytes of entries read at once. */
const SCAN_MAX_BYTES = 1024 * 1024;

/** The last configuration at the applied index, and those in the log after it. */
export function loadConfigurations(log: RaftLog, initial: InitialState): ConfigurationStack {
  const { configuration, appliedIndex } = initial;
  assert(configuration.index <= appliedIndex, "the configuration is newer than the applied index");
  const stack = new ConfigurationStack(configuration);
  let index = appliedIndex + 1n;
  while (index <= log.lastIndex) {
    const entries = log.slice(index, log.lastIndex + 1n, SCAN_MAX_BYTES);
    if (entries === undefined || entries.length === 0) throw new AssertionError(`entry ${index} is missing`);
    for (const entry of entries) {
      if (entry.type !== "configuration") continue;
      stack.push({ index: entry.index, configuration: decodeConfiguration(entry.data) });
    }
    index += BigInt(entries.length);
  }
  stack.commitTo(log.committed);
  return stack;
}
