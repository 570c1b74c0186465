import type {
  CompactInput,
  DeleteInput,
  DeleteRangeInput,
  GetInput,
  PutInput,
  RangeInput,
} from "../../history/operation.ts";

export type WriteInput = PutInput | DeleteInput | DeleteRangeInput | CompactInput;
export type ReadCallInput = GetInput | RangeInput;

/** One request of a client. */
export type Call = WriteCall | ReadCall;

export interface WriteCall {
  readonly type: "write";
  /** More than one: a batch, which is applied together. */
  readonly inputs: readonly WriteInput[];
  /** Let a follower pass it on to the leader. */
  readonly forward: boolean;
  /** Ask for what was there before. */
  readonly previous: boolean;
}

export interface ReadCall {
  readonly type: "read";
  readonly input: ReadCallInput;
}
