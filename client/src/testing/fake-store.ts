import { create } from "@bufbuild/protobuf";
import {
  DeleteResponseSchema,
  ErrorDetailSchema,
  GetResponseSchema,
  type KeyValue,
  KeyValueSchema,
  type Operation,
  OperationErrorSchema,
  type OperationResult,
  Outcome,
  PutResponseSchema,
  type RangeRequest,
  Reason,
} from "@rstore/proto/rstore/v1/kv";

/** The newest revision of each key in memory, with the semantics that the client relies on; for tests. */
export class FakeStore {
  readonly #keys = new Map<string, KeyValue>();
  revision = 1n;

  apply(operation: Operation): OperationResult["result"] {
    const { operation: one } = operation;
    switch (one.case) {
      case "put": {
        const id = idOf(one.value.key);
        const before = this.#keys.get(id);
        const expected = one.value.expectedModRevision;
        if (expected !== undefined && expected !== (before?.modRevision ?? 0n)) return compareFailed(before);
        this.revision++;
        const keyValue = create(KeyValueSchema, {
          key: one.value.key,
          value: one.value.value,
          createRevision: before?.createRevision ?? this.revision,
          modRevision: this.revision,
          version: (before?.version ?? 0n) + 1n,
        });
        this.#keys.set(id, keyValue);
        const previous = one.value.previous ? before : undefined;
        const fields = { revision: this.revision, ...(previous !== undefined && { previous }) };
        return { case: "put", value: create(PutResponseSchema, fields) };
      }
      case "get": {
        const keyValue = this.#keys.get(idOf(one.value.key));
        return {
          case: "get",
          value: create(GetResponseSchema, keyValue === undefined ? {} : { keyValue }),
        };
      }
      case "delete": {
        const { key, rangeEnd, prefix, toEnd, previous, expectedModRevision } = one.value;
        const single = !prefix && !toEnd && rangeEnd.length === 0;
        const gone = single
          ? [this.#keys.get(idOf(key))].filter((kv) => kv !== undefined)
          : this.#select(key, toEnd ? new Uint8Array(0) : rangeEnd, prefix);
        if (expectedModRevision !== undefined && expectedModRevision !== (gone[0]?.modRevision ?? 0n)) {
          return compareFailed(gone[0]);
        }
        for (const keyValue of gone) this.#keys.delete(idOf(keyValue.key));
        if (gone.length > 0) this.revision++;
        const deleted = BigInt(gone.length);
        return {
          case: "delete",
          value: create(DeleteResponseSchema, {
            revision: this.revision,
            deleted,
            previous: previous ? gone : [],
          }),
        };
      }
      default:
        throw new Error(`not in this fake: ${one.case}`);
    }
  }

  range(request: RangeRequest) {
    const selected = this.#select(request.key, request.rangeEnd, request.prefix);
    if (request.reverse) selected.reverse();
    const limit = request.limit === 0 ? selected.length : request.limit;
    const keyValues = request.countOnly ? [] : selected.slice(0, limit);
    return {
      keyValues,
      more: !request.countOnly && selected.length > limit,
      count: BigInt(request.countOnly ? selected.length : keyValues.length),
      revision: request.revision === 0n ? this.revision : request.revision,
    };
  }

  #select(key: Uint8Array, rangeEnd: Uint8Array, prefix: boolean): KeyValue[] {
    const [first, end] = [idOf(key), idOf(rangeEnd)];
    return [...this.#keys.entries()]
      .filter(([id]) => (prefix ? id.startsWith(first) : id >= first && (end === "" || id < end)))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, keyValue]) => keyValue);
  }
}

function compareFailed(keyValue: KeyValue | undefined): OperationResult["result"] {
  const detail = create(ErrorDetailSchema, {
    reason: Reason.COMPARE_FAILED,
    outcome: Outcome.NOT_APPLIED,
    revision: keyValue?.modRevision ?? 0n,
  });
  const message = "the key's mod revision is another";
  return { case: "error", value: create(OperationErrorSchema, { code: 9, message, detail }) };
}

function idOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
