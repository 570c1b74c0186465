import { check, isDecided } from "./schedule-check.ts";
import type { ScheduleMember } from "./schedule-member.ts";
import type { HeartbeatResponse, MemberId, ReadState } from "./types.ts";

interface AskedRead {
  readonly member: ScheduleMember;
  readonly incarnation: number;
  /** The highest index that any leader knew to be committed when the read was asked. */
  readonly committed: bigint;
  /** When, on the clock of this history. */
  readonly askedAt: number;
  answered: boolean;
  confirmed: boolean;
}

/** The history of reads: each is answered at most once, and never with an index from before it was asked. */
export class ScheduleReads {
  readonly #reads = new Map<bigint, AskedRead>();
  /** When a member last answered a heartbeat, by member and term. */
  readonly #answeredAt = new Map<string, number>();
  #now = 0;
  #nextRead = 1n;
  readonly counts = { confirmed: 0, failed: 0 };

  /** `committed` is the highest index that any leader knows to be committed now. */
  ask(member: ScheduleMember, committed: bigint): bigint {
    const requestId = this.#nextRead;
    this.#nextRead += 1n;
    const { incarnation } = member;
    this.#now += 1;
    this.#reads.set(requestId, {
      member,
      incarnation,
      committed,
      askedAt: this.#now,
      answered: false,
      confirmed: false,
    });
    return requestId;
  }

  answersHeartbeat({ from, term }: HeartbeatResponse): void {
    this.#now += 1;
    this.#answeredAt.set(`${from}/${term}`, this.#now);
  }

  confirmed(member: ScheduleMember, { requestId, index }: ReadState, committed: bigint): void {
    const read = this.#answer(member, requestId);
    read.confirmed = true;
    this.counts.confirmed += 1;
    check(index >= read.committed, "reads are linearizable (dissertation §6.4, A10-A12)", () => {
      return `${member.id} reads at ${index}, ${read.committed} was committed when it asked (request ${requestId})`;
    });
    this.#checkAcknowledged(member, read);
    check(index <= committed, "reads see what is committed", () => `${index} > ${committed}`);
  }

  /** A read of the leader's own: a quorum has stood by it since the read was asked (A11). */
  #checkAcknowledged(member: ScheduleMember, { askedAt }: AskedRead): void {
    const status = member.node?.status();
    if (status?.role !== "leader") return;
    const { configuration } = member.configuration;
    const stoodBy = (id: MemberId) => (this.#answeredAt.get(`${id}/${status.term}`) ?? 0) > askedAt;
    check(
      isDecided(configuration, (id) => id === member.id || stoodBy(id)),
      "a read is confirmed by answers of this term that were given after it was asked (A11)",
      () => `${member.id} in term ${status.term}`,
    );
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
