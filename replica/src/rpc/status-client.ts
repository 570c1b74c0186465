import { type Client, createClient } from "@connectrpc/connect";
import { createConnectTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { MaintenanceService, type StatusResponse } from "@rstore/proto/rstore/v1/maintenance";
import type { MemberReport } from "../console/console-state.ts";
import { formatId } from "../runtime/membership.ts";
import { roleFromWire } from "./maintenance-service.ts";

/** Connections of a console that nobody looks at any more end. */
const IDLE_MS = 5_000;
const ANSWER_MAX_BYTES = 64 * 1024;

interface Connection {
  readonly client: Client<typeof MaintenanceService>;
  readonly session: Http2SessionManager;
  usedMs: number;
}

/** Asks members on their peer ports how they are. */
export class StatusClient {
  readonly #connections = new Map<string, Connection>();

  async ask(peerUrl: string, timeoutMs: number): Promise<MemberReport> {
    const connection = this.#connectionTo(peerUrl);
    connection.usedMs = performance.now();
    return reportFrom(await connection.client.status({}, { timeoutMs }));
  }

  close(): void {
    for (const { session } of this.#connections.values()) session.abort();
    this.#connections.clear();
  }

  #connectionTo(peerUrl: string): Connection {
    const known = this.#connections.get(peerUrl);
    if (known !== undefined) return known;
    for (const [url, { session, usedMs }] of this.#connections) {
      if (performance.now() - usedMs < 2 * IDLE_MS) continue;
      session.abort();
      this.#connections.delete(url);
    }
    const session = new Http2SessionManager(peerUrl, { idleConnectionTimeoutMs: IDLE_MS });
    const transport = createConnectTransport({
      baseUrl: peerUrl,
      httpVersion: "2",
      sessionManager: session,
      readMaxBytes: ANSWER_MAX_BYTES,
    });
    const made = { client: createClient(MaintenanceService, transport), session, usedMs: 0 };
    this.#connections.set(peerUrl, made);
    return made;
  }
}

function reportFrom(status: StatusResponse): MemberReport {
  const leaderId = status.header?.leaderId ?? 0n;
  return {
    role: roleFromWire(status.role),
    leaderId: leaderId === 0n ? null : formatId(leaderId),
    term: Number(status.header?.term ?? 0n),
    lastIndex: Number(status.lastIndex),
    commitIndex: Number(status.commitIndex),
    appliedIndex: Number(status.appliedIndex),
    storeBytesUsed: Number(status.storeBytesUsed),
    storeBytesQuota: Number(status.storeBytesQuota),
    logBytesUsed: Number(status.logBytesUsed),
    diskBytesAvailable: Number(status.diskBytesAvailable),
    version: status.version,
    problems: status.problems,
  };
}
