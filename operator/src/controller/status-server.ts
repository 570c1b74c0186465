import { createServer, type Server, type ServerResponse } from "node:http";
import type { OperatorMetrics } from "../metrics/operator-metrics.ts";

export interface StatusServerParts {
  readonly metrics: OperatorMetrics;
  readonly leads: () => boolean;
  /** Why it should be started anew; undefined: it is well. */
  readonly problem: () => string | undefined;
}

/** `/metrics`, `/livez`, `/readyz`. One that does not lead is ready too: it is there to take over. */
export class StatusServer {
  readonly #server: Server;

  constructor({ metrics, leads, problem }: StatusServerParts) {
    this.#server = createServer((request, response) => {
      switch (request.url?.split("?")[0]) {
        case "/metrics":
          metrics.render().then(
            (text) => answer(response, 200, text, "text/plain; version=0.0.4; charset=utf-8"),
            (error: Error) => answer(response, 500, error.message),
          );
          return;
        case "/livez": {
          const why = problem();
          return answer(response, why === undefined ? 200 : 503, why ?? "ok");
        }
        case "/readyz":
          return answer(response, 200, leads() ? "leads" : "stands by");
        default:
          return answer(response, 404, "there are /metrics, /livez and /readyz");
      }
    });
    this.#server.requestTimeout = 10_000;
  }

  listen({ host, port }: { readonly host: string; readonly port: number }): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, host, () => resolve());
    });
  }

  close(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
    });
  }
}

function answer(
  response: ServerResponse,
  status: number,
  text: string,
  type = "text/plain; charset=utf-8",
): void {
  response.writeHead(status, { "content-type": type });
  response.end(text.endsWith("\n") ? text : `${text}\n`);
}
