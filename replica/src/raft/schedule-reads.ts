import { check } from "./schedule-check.ts";
import type { ScheduleMember } from "./schedule-member.ts";
import type { ReadState } from "./types.ts";

interface AskedRead {
  readonly member: ScheduleMember;
  readonly incarnation: number;
  /** The highest index that any leader knew to be committed when the read was asked. */
  readonly committed: bigint;
  answered: boolean;
  confirmed: boolean;
}

/** The history of reads: each is answered at most once, and never with an index from before it was asked. */
export class ScheduleReads {
  readonly #reads = new Map<bigint, AskedRead>();
  #nextRead = 1n;
  readonly counts = { confirmed: 0, failed: 0 };

  /** `committed` is the highest index that any leader knows to be committed now. */
  ask(member: ScheduleMember, committed: bigint): bigint {
    const requestId = this.#nextRead;
    this.#nextRead += 1n;
    const { incarnation } = member;
    this.#reads.set(requestId, {
      member,
      incarnation,
      committed,
      answered: false,
      confirmed: false,
    });
    return requestId;
  }

  confirmed(member: ScheduleMember, { requestId, index }: ReadState, committed: bigint): void {
    const read = this.#answer(member, requestId);
    read.confirmed = true;
    this.counts.confirmed += 1;
    check(index >= read.committed, "reads are linearizable (dissertation §6.4, A10-A12)", () => {
      return `${member.id} reads at ${index}, ${read.committed} was committed when it asked (request ${requestId})`;
    });
    check(index <= committed, "reads see what is committed", () => `${index} > ${committed}`);
  }

  failed(member: ScheduleMember, requestId: bigint): void {
    this.#answer(member, requestId);
    this.counts.failed += 1;
  }

  #answer(member: ScheduleMember, requestId: bigint): AskedRead {
    const read = this.#reads.get(requestId);
    check(
      read !== undefined &&
        read.member === member &&
        read.incarnation === member.incarnation &&
        !read.answered,
      "a read is answered once, to who asked",
      () => `${member.id}: request ${requestId} of ${read?.member.id}, answered: ${read?.answered}`,
    );
    read.answered = true;
    return read;
  }

  isConfirmed(requestId: bigint): boolean {
    return this.#reads.get(requestId)?.confirmed ?? false;
  }
}
