import { setTimeout as sleep } from "node:timers/promises";
import { Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";
import {
  Health,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from "@rstore/proto/grpc/health/v1/health";
import type { ReplicaApi } from "../runtime/replica-api.ts";

export interface HealthOptions {
  readonly api: Pick<ReplicaApi, "readiness">;
  /** Services that serve when the replica is ready; the server as a whole is among them as "". */
  readonly whenReady: readonly string[];
  /** Services that serve as long as the process does. */
  readonly always: readonly string[];
  /** How often a watch looks whether its status has changed. */
  readonly pollIntervalMs: number;
}

/** gRPC health checking: the readiness of the replica, by service. */
export function healthRoutes(options: HealthOptions): (router: ConnectRouter) => void {
  const { api, pollIntervalMs } = options;
  const always = new Set(options.always);
  const whenReady = new Set(["", ...options.whenReady]);
  const statusOf = (service: string): ServingStatus => {
    if (always.has(service)) return ServingStatus.SERVING;
    if (!whenReady.has(service)) return ServingStatus.SERVICE_UNKNOWN;
    return api.readiness().length === 0 ? ServingStatus.SERVING : ServingStatus.NOT_SERVING;
  };
  return (router) => {
    router.service(Health, {
      check({ service }) {
        const status = statusOf(service);
        if (status !== ServingStatus.SERVICE_UNKNOWN) return { status };
        throw new ConnectError(`service ${service} is not known to this replica`, Code.NotFound);
      },
      list() {
        const services = [...whenReady, ...always];
        return { statuses: Object.fromEntries(services.map((name) => [name, { status: statusOf(name) }])) };
      },
      async *watch({ service }, { signal }) {
        let sent: ServingStatus | undefined;
        while (!signal.aborted) {
          const status = statusOf(service);
          if (status !== sent) yield { status };
          sent = status;
          // An abort ends the wait early; the loop then ends by itself.
          await sleep(pollIntervalMs, undefined, { signal }).catch(() => {});
        }
        signal.throwIfAborted();
      },
    });
  };
}
