import type { ReadOptions } from "../runtime/replica-api.ts";
import type { KvApi } from "./counted-writes.ts";

/** Waits until the local state may answer a read, which is the whole of what takes time in one. */
export async function awaitReadable(api: KvApi, options: ReadOptions): Promise<void> {
  const span = options.requests?.[0]?.span?.child("rstore.read", {
    attributes: { "rstore.consistency": options.consistency },
  });
  if (span === undefined) return api.awaitReadable(options);
  try {
    await api.awaitReadable(options);
    span.end();
  } catch (error) {
    span.end(error instanceof Error && "reason" in error ? String(error.reason) : "internal");
    throw error;
  }
}
