import { create } from "@bufbuild/protobuf";
import { codeToString } from "@connectrpc/connect/protocol-connect";
import {
  Consistency,
  DeleteRequestSchema,
  GetRequestSchema,
  PutRequestSchema,
} from "@rstore/proto/rstore/v1/kv";
import type { Logger } from "../log.ts";
import type { MethodMetrics, Metrics } from "../metrics.ts";
import { formatId } from "../runtime/membership.ts";
import { type CallOptions, type ReplicaApi, ReplicaError, type RpcLimits } from "../runtime/replica-api.ts";
import { type Admission, type AdmittedRequest, envelopeBytes } from "./admission.ts";
import { callOptions, reportInternal } from "./call-context.ts";
import { deadlineFrom } from "./deadline.ts";
import { codeFromReason, requestTooLarge } from "./errors.ts";
import type { KvCalls } from "./kv-calls.ts";
import {
  abortRequest,
  contentLength,
  type NodeRequest,
  type NodeResponse,
  refuseBody,
} from "./node-request.ts";
import {
  currentRole,
  errorAnswer,
  jsonAnswer,
  jsonObject,
  type PlainAnswer,
  sendAnswer,
  shownId,
} from "./plain-answer.ts";
import { isJson, keyFromPath, showKey, showValue, textFromBytes } from "./plain-values.ts";
import { type RequestLog, requestIdHeader } from "./request-log.ts";
import { invalidField } from "./validate-request.ts";

export interface PlainRoutesOptions {
  readonly api: ReplicaApi;
  readonly calls: KvCalls;
  readonly limits: RpcLimits;
  readonly admission: Admission;
  readonly metrics: Metrics;
  readonly requests: RequestLog;
  readonly log?: Logger | undefined;
}

interface PlainCall {
  readonly key: Uint8Array;
  readonly query: URLSearchParams;
  readonly request: NodeRequest;
  readonly admitted: AdmittedRequest;
  readonly options: CallOptions;
}

interface Route {
  readonly name: string;
  readonly metrics: MethodMetrics;
  readonly run: (call: PlainCall) => Promise<PlainAnswer> | PlainAnswer;
}

/** curl's `-d` sends this type whatever the data is. */
const curlDefaultType = "application/x-www-form-urlencoded";
const keyPrefix = "/key/";

/** `PUT|GET|HEAD|DELETE /key/{key}` and `GET /status`, for people with curl. */
export class PlainRoutes {
  readonly #options: PlainRoutesOptions;
  readonly #keyRoutes: ReadonlyMap<string, Route>;
  readonly #statusRoutes: ReadonlyMap<string, Route>;

  constructor(options: PlainRoutesOptions) {
    this.#options = options;
    const route = (method: string, run: Route["run"]): Route => ({
      name: `plain/${method}`,
      metrics: options.metrics.method("plain", method),
      run,
    });
    const get = route("GetKey", (call) => this.#getKey(call));
    const status = route("Status", () => this.#status());
    this.#keyRoutes = new Map([
      ["GET", get],
      ["HEAD", get],
      ["PUT", route("PutKey", (call) => this.#putKey(call))],
      ["DELETE", route("DeleteKey", (call) => this.#deleteKey(call))],
    ]);
    this.#statusRoutes = new Map([
      ["GET", status],
      ["HEAD", status],
    ]);
  }

  /** Whether the path is one of these routes; then the request is answered, now or later. */
  handle(path: string, request: NodeRequest, response: NodeResponse): boolean {
    const routes = this.#routesOf(path);
    if (!routes) return false;
    const route = routes.get(request.method ?? "");
    if (!route) {
      const allow = [...routes.keys()].join(", ");
      refuseBody(request, response);
      const answer = jsonAnswer(405, { error: `Method not allowed; use ${allow}` }, { allow });
      sendAnswer(response, answer, request.method === "HEAD");
      return true;
    }
    this.#answer(route, path, request, response).catch((reason: unknown) => {
      this.#options.log?.record("request.unanswered", { method: route.name, err: reason });
      abortRequest(request);
    });
    return true;
  }

  #routesOf(path: string): ReadonlyMap<string, Route> | undefined {
    if (path.startsWith(keyPrefix)) return this.#keyRoutes;
    return path === "/status" ? this.#statusRoutes : undefined;
  }

  async #answer(route: Route, path: string, request: NodeRequest, response: NodeResponse): Promise<void> {
    const { admission, api, limits, requests } = this.#options;
    const arrivedMs = performance.now();
    const context = requests.begin(request.headers, route.name);
    const send = (answer: PlainAnswer, code: string): number => {
      refuseBody(request, response);
      route.metrics.finished(code, performance.now() - arrivedMs);
      requests.finished(context, route.name, code, arrivedMs);
      const headers = { ...answer.headers, [requestIdHeader]: context.id };
      return sendAnswer(response, { ...answer, headers }, request.method === "HEAD");
    };
    const admitted = admission.enter(arrivedMs, () => abortRequest(request));
    if (admitted instanceof ReplicaError) {
      reportInternal(admitted, route.name, { log: this.#options.log, request: context });
      send(errorAnswer(api, admitted), codeToString(codeFromReason(admitted.reason)));
      return;
    }
    const closed = new Promise((resolve) => response.once("close", resolve));
    try {
      const options = callOptions(deadlineFrom(arrivedMs, undefined, limits), context);
      const { answer, code } = await this.#run(route, path, { request, admitted, options });
      admitted.answered(send(answer, code));
      await closed;
    } finally {
      admitted.leave();
    }
  }

  async #run(
    route: Route,
    path: string,
    partial: Pick<PlainCall, "request" | "admitted" | "options">,
  ): Promise<{ answer: PlainAnswer; code: string }> {
    const { api, log } = this.#options;
    try {
      const key = path.startsWith(keyPrefix) ? keyFromPath(path.slice(keyPrefix.length)) : new Uint8Array(0);
      if (!key)
        throw invalidField(
          "key",
          "is not percent-encoded correctly: write % as %25, and what is not ASCII as %XX",
        );
      const query = new URLSearchParams(partial.request.url?.slice(path.length));
      const answer = await route.run({ ...partial, key, query });
      return { answer, code: "ok" };
    } catch (thrown) {
      const error = reportInternal(thrown, route.name, { log, request: partial.options.requests?.[0] });
      return { answer: errorAnswer(api, error), code: codeToString(codeFromReason(error.reason)) };
    }
  }

  async #getKey({ key, query, options }: PlainCall): Promise<PlainAnswer> {
    const { api, calls } = this.#options;
    const consistency = consistencyFrom(query);
    const raw = flagFrom(query, "raw", false);
    const { keyValue } = await calls.get(create(GetRequestSchema, { key, consistency }), options);
    if (!keyValue) return keyNotFound(key);
    if (raw) return { status: 200, body: keyValue.value };
    const { json, encoding } = showValue(keyValue.value);
    const shown = showKey(key);
    const body = jsonObject({
      key: JSON.stringify(shown.key),
      keyEncoding: JSON.stringify(shown.keyEncoding),
      value: json,
      encoding: JSON.stringify(encoding),
      nodeRole: JSON.stringify(currentRole(api)),
    });
    return { status: 200, body };
  }

  async #putKey({ key, query, request, admitted, options }: PlainCall): Promise<PlainAnswer> {
    const forward = flagFrom(query, "forward", true);
    const value = await readBody(request, admitted, this.#options.limits);
    if (takesJson(request)) {
      const text = textFromBytes(value);
      if (text === undefined || !isJson(text)) throw invalidField("body", notJson);
    }
    const put = create(PutRequestSchema, { key, value });
    const { header } = await this.#options.calls.put(put, options, forward);
    const { json, encoding } = showValue(value);
    const shown = showKey(key);
    const body = jsonObject({
      success: "true",
      key: JSON.stringify(shown.key),
      keyEncoding: JSON.stringify(shown.keyEncoding),
      value: json,
      encoding: JSON.stringify(encoding),
      leaderId: JSON.stringify(shownId(header?.leaderId ?? 0n)),
    });
    return { status: 200, body };
  }

  async #deleteKey({ key, query, options }: PlainCall): Promise<PlainAnswer> {
    const forward = flagFrom(query, "forward", true);
    const request = create(DeleteRequestSchema, { key });
    const { header, deleted } = await this.#options.calls.delete(request, options, forward);
    if (deleted === 0n) return keyNotFound(key);
    return jsonAnswer(200, { success: true, ...showKey(key), leaderId: shownId(header?.leaderId ?? 0n) });
  }

  #status(): PlainAnswer {
    const { api } = this.#options;
    const { memberId, clusterId, leaderId, leaderClientUrl, term, revision } = api.answerState();
    const status = api.status();
    const body = jsonObject({
      nodeId: JSON.stringify(formatId(memberId)),
      name: JSON.stringify(api.identity().name),
      role: JSON.stringify(status.role),
      term: term.toString(),
      leaderId: JSON.stringify(shownId(leaderId)),
      leaderUrl: JSON.stringify(leaderClientUrl === "" ? null : leaderClientUrl),
      totalKeys: String(status.totalKeys),
      clusterId: JSON.stringify(shownId(clusterId)),
      revision: revision.toString(),
      compactedRevision: status.compactedRevision.toString(),
      commitIndex: status.commitIndex.toString(),
      appliedIndex: status.appliedIndex.toString(),
      storeBytesUsed: String(status.storeBytesUsed),
      storeBytesQuota: String(status.storeBytesQuota),
      version: JSON.stringify(status.version),
      problems: JSON.stringify(status.problems),
    });
    return { status: 200, body };
  }
}

const notJson =
  'must be JSON, such as "Alice" in its quotes, or 30; to store bytes as they are, send another content type, ' +
  "such as text/plain";

function keyNotFound(key: Uint8Array): PlainAnswer {
  return jsonAnswer(404, { error: "Key not found", ...showKey(key) });
}

/** Without a content type the body is JSON too. */
function takesJson(request: NodeRequest): boolean {
  const type = (request.headers["content-type"] ?? "application/json").split(";", 1)[0]!.trim().toLowerCase();
  return type === "application/json" || type === curlDefaultType || type.endsWith("+json");
}

function consistencyFrom(query: URLSearchParams): Consistency {
  const value = query.get("consistency") ?? "linearizable";
  if (value === "linearizable") return Consistency.LINEARIZABLE;
  if (value === "serializable") return Consistency.SERIALIZABLE;
  throw invalidField("consistency", "must be linearizable or serializable");
}

/** `?name` and `?name=true` are yes, `?name=false` is no. */
function flagFrom(query: URLSearchParams, name: string, byDefault: boolean): boolean {
  const value = query.get(name);
  if (value === null) return byDefault;
  if (value === "" || value === "true") return true;
  if (value === "false") return false;
  throw invalidField(name, "must be true or false");
}

async function readBody(
  request: NodeRequest,
  admitted: AdmittedRequest,
  limits: RpcLimits,
): Promise<Uint8Array> {
  if ((contentLength(request) ?? 0) > limits.requestMaxBytes + envelopeBytes) {
    throw requestTooLarge(limits.requestMaxBytes);
  }
  const chunks: Uint8Array[] = [];
  const body: AsyncIterable<Uint8Array> = request.iterator({ destroyOnReturn: false });
  for await (const chunk of body) {
    const problem = admitted.receive(chunk.length);
    if (problem) throw problem;
    chunks.push(chunk);
  }
  admitted.received();
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
}
