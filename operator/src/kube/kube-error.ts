import { ApiException } from "@kubernetes/client-node";

/** What the API server refused, by what to do about it. */
export type KubeErrorCode =
  /** It is not there (any more). */
  | "not-found"
  | "already-exists"
  /** It changed since it was read, or a precondition does not hold: look again. */
  | "conflict"
  /** Refused for ever: the object is wrong. */
  | "invalid"
  | "forbidden"
  /** Its namespace is being deleted: nothing is made there any more. */
  | "namespace-terminating"
  /** An eviction that the disruption budget does not allow now, or the server asks for patience. */
  | "too-many-requests"
  /** No answer, or one of trouble on the other side: it may have been carried out. */
  | "unavailable";

export class KubeError extends Error {
  readonly code: KubeErrorCode;
  /** Of the answer; undefined: there was none. */
  readonly status: number | undefined;

  constructor(code: KubeErrorCode, message: string, options: { status?: number; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = "KubeError";
    this.code = code;
    this.status = options.status;
  }
}

export function isKubeError(error: unknown, code: KubeErrorCode): boolean {
  return error instanceof KubeError && error.code === code;
}

/** @param what what was asked, for the message: "apply StatefulSet ns/name" */
export function kubeErrorFrom(error: unknown, what: string): KubeError {
  if (error instanceof KubeError) return error;
  if (!(error instanceof ApiException)) {
    const message = error instanceof Error ? error.message : String(error);
    return new KubeError("unavailable", `${what}: ${message}`, { cause: error });
  }
  const status = statusOf(error.body);
  const message = `${what}: ${status.message ?? `HTTP ${error.code}`}`;
  return new KubeError(codeOf(error.code, status), message, { status: error.code, cause: error });
}

function codeOf(status: number, { reason, details }: Status): KubeErrorCode {
  if (details?.causes?.some((cause) => cause.reason === "NamespaceTerminating") === true)
    return "namespace-terminating";
  if (status === 404) return "not-found";
  if (status === 409) return reason === "AlreadyExists" ? "already-exists" : "conflict";
  if (status === 400 || status === 405 || status === 413 || status === 415 || status === 422)
    return "invalid";
  if (status === 401 || status === 403) return "forbidden";
  return status === 429 ? "too-many-requests" : "unavailable";
}

interface Status {
  readonly message?: string;
  readonly reason?: string;
  readonly details?: { readonly causes?: readonly { readonly reason?: string }[] };
}

function statusOf(body: unknown): Status {
  if (typeof body === "object" && body !== null) return body;
  if (typeof body !== "string") return {};
  try {
    const parsed: unknown = JSON.parse(body);
    return typeof parsed === "object" && parsed !== null ? parsed : { message: body };
  } catch {
    return { message: body };
  }
}
