import { type apiCounted, rpcCodes } from "./definitions/api.ts";
import type { Count, Distribution, Instruments } from "./instruments.ts";

type Code = (typeof rpcCodes)[number];

/** Of services that applications call: alerts watch these codes, and a series that begins with a burst has no rate. */
const codesFromStart: readonly Code[] = [
  "deadline_exceeded",
  "internal",
  "resource_exhausted",
  "unavailable",
  "unknown",
];
const servicesForKeys = ["rstore.v1.KvService", "plain"];

/** The metrics of one method; keep it where calls of the method end. */
export class MethodMetrics {
  readonly #durations: Instruments<typeof apiCounted>["requestDuration"];
  /** Of a method that was called: most never are, and each would be twenty lines of every page. */
  #duration: Distribution | undefined;
  readonly #requests: Instruments<typeof apiCounted>["requests"];
  readonly #labels: { readonly service: string; readonly method: string };
  readonly #byCode = new Map<string, Count>();

  constructor(
    { requests, requestDuration }: Pick<Instruments<typeof apiCounted>, "requests" | "requestDuration">,
    labels: { readonly service: string; readonly method: string },
  ) {
    this.#requests = requests;
    this.#labels = labels;
    this.#durations = requestDuration;
    this.#countOf("ok");
    if (servicesForKeys.includes(labels.service)) for (const code of codesFromStart) this.#countOf(code);
  }

  /** `code` is `ok` or a Connect code such as `unavailable`. */
  finished(code: string, durationMs: number): void {
    this.#duration ??= this.#durations.labels(this.#labels);
    this.#duration.observe(durationMs / 1000);
    this.#countOf(code).increment();
  }

  #countOf(code: string): Count {
    let count = this.#byCode.get(code);
    if (!count) {
      const known = (rpcCodes as readonly string[]).includes(code) ? (code as Code) : "unknown";
      count = this.#requests.labels({ ...this.#labels, code: known });
      this.#byCode.set(known, count);
    }
    return count;
  }
}
