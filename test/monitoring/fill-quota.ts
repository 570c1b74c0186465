import { Code, ConnectError } from "@connectrpc/connect";
import { kvAt } from "../cluster/services.ts";

const partBytes = 64 * 1024;
/** Entries of 256 KiB: the log keeps its last 128 entries, however large. */
const partsOfBatch = 4;
const most = 4000;

/** Puts until they are refused for want of space. */
export async function fillQuota(url: string): Promise<void> {
  const kv = kvAt(url);
  const value = new Uint8Array(partBytes).fill(7);
  for (let batch = 0; batch < most; batch++) {
    const operations = Array.from({ length: partsOfBatch }, (_, part) => ({
      operation: {
        case: "put" as const,
        value: { key: new TextEncoder().encode(`fill/${batch}/${part}`), value },
      },
    }));
    try {
      const { results } = await kv.batch({ operations }, { timeoutMs: 10_000 });
      const refused = results.find(({ result }) => result.case === "error");
      if (refused?.result.case === "error" && refused.result.value.code === Code.ResourceExhausted) return;
    } catch (error) {
      const { code } = ConnectError.from(error);
      if (code === Code.ResourceExhausted) return;
      // A loaded machine; what was written twice is the same.
      if (code !== Code.DeadlineExceeded && code !== Code.Unavailable) throw error;
    }
  }
  throw new Error("the quota was never used up");
}
