import type { Entry } from "@rstore/replica/raft/types";
import type { StateMachine } from "@rstore/replica/runtime/state-machine";
import type { AppliedState } from "./applied-ledger.ts";

export interface CheckedMachine extends Pick<StateMachine, "appliedIndex" | "apply"> {
  readonly store: Pick<StateMachine["store"], "revision" | "rollingHash">;
  /** Set here. */
  apply: StateMachine["apply"];
}

/** Calls back after each entry that the machine applies, with the revision before it. */
export function watchApplied(
  machine: CheckedMachine,
  applied: (entry: Entry, revisionBefore: number) => void,
): void {
  const apply = machine.apply.bind(machine);
  machine.apply = (entry) => {
    const before = Number(machine.store.revision);
    const result = apply(entry);
    applied(entry, before);
    return result;
  };
}

export function appliedState({ appliedIndex, store }: CheckedMachine): AppliedState {
  return { index: Number(appliedIndex), revision: Number(store.revision), hash: store.rollingHash };
}
