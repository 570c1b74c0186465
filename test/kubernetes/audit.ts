import { isDeepStrictEqual } from "node:util";
import {
  type ApiProxy,
  type Interference,
  isOfStatus,
  type ProxiedAnswer,
  type ProxiedCall,
} from "./api-proxy.ts";
import type { UsedRights } from "./used-rights.ts";

interface Answered {
  readonly reason?: string;
  readonly message?: string;
  readonly status?: unknown;
  readonly details?: { readonly causes?: readonly { readonly reason?: string }[] };
}

/** Looks at every call of an operator: what no operator may do, whatever happens around it. */
export class Audit {
  /** Calls that changed something, in order. */
  readonly writes: ProxiedCall[] = [];
  readonly #faults = new Set<string>();
  /** What a test asks for itself, after the audit. */
  interference: Interference = {};
  /** Paths that the operator has no right to, and copes without. */
  mayBeForbidden: RegExp = /^$/;

  constructor(proxy: ApiProxy, rights: UsedRights) {
    proxy.interference = {
      before: (call) => {
        if (call.isWatch) rights.note(call, 200);
        return this.interference.before?.(call) ?? "pass";
      },
      after: (call, answer) => {
        rights.note(call, answer.status);
        this.#look(call, answer);
        return this.interference.after?.(call, answer) ?? "pass";
      },
      watchDelayMs: () => this.interference.watchDelayMs?.() ?? 0,
    };
  }

  /** Each a line. */
  get faults(): readonly string[] {
    return [...this.#faults];
  }

  #look(call: ProxiedCall, { status, body }: ProxiedAnswer): void {
    if (call.isWrite && status < 300) this.writes.push(call);
    if (!body.startsWith("{")) return;
    const answer = JSON.parse(body) as Answered;
    const what = `${call.method} ${call.path}: ${answer.message ?? ""}`;
    if (call.method === "PUT" && isOfStatus(call.path) && status < 300) {
      const sent = (JSON.parse(call.body) as Answered).status;
      if (!isDeepStrictEqual(sent, answer.status)) this.#faults.add(`the schema prunes: ${call.body}`);
    }
    if (answer.reason === "AlreadyExists") this.#faults.add(what);
    if (status === 400 || status === 415 || status === 422) this.#faults.add(what);
    const isTerminating = answer.details?.causes?.some(({ reason }) => reason === "NamespaceTerminating");
    if (status === 403 && isTerminating !== true && !this.mayBeForbidden.test(call.path))
      this.#faults.add(what);
  }
}
