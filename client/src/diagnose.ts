import { DiagnosticsService } from "@rstore/proto/rstore/v1/diagnostics";
import { Endpoints, normalUrl } from "./endpoints.ts";
import { RstoreError } from "./errors.ts";
import { callUnary } from "./unary.ts";

/** A file of a bug report, as a replica gave it. */
export interface DiagnosticDocument {
  readonly name: string;
  readonly content: string;
}

/** Asks one replica, on its peer port, for what a bug report needs; it need not be a member of a cluster. */
export async function diagnose(peerUrl: string, timeoutMs: number): Promise<readonly DiagnosticDocument[]> {
  const url = normalUrl(peerUrl);
  if (url === "") throw new RstoreError("invalid-argument", `${peerUrl} is not a peer URL`);
  const endpoints = new Endpoints([url]);
  try {
    const { documents } = await callUnary(
      endpoints,
      DiagnosticsService.method.diagnose,
      {},
      { write: false, timeoutMs, pick: () => endpoints.at(url), header: () => undefined },
    );
    return documents.map(({ name, content }) => ({ name, content }));
  } finally {
    endpoints.close();
  }
}
