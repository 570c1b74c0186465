import type { ConnectRouter } from "@connectrpc/connect";
import { DiagnosticsService } from "@rstore/proto/rstore/v1/diagnostics";
import { answerCall, type ServiceOptions } from "./call-context.ts";

/** A file of a bug report; `name` as rstore.v1.Document says. */
export interface DiagnosticDocument {
  readonly name: string;
  readonly content: string;
}

/** DiagnosticsService, for the peer port: logs and settings are not for every scraper. */
export function diagnosticsRoutes(
  diagnose: () => Promise<readonly DiagnosticDocument[]>,
  options: ServiceOptions,
): (router: ConnectRouter) => void {
  return (router) => {
    router.service(DiagnosticsService, {
      diagnose: (_request, context) =>
        answerCall(context, options, async () => ({ documents: [...(await diagnose())] })),
    });
  };
}
