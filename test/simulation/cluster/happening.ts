/** What is part of the trace hash. Numbers as constants: the hash of a kept seed must not move. */
export const Happening = {
  processStarted: 1,
  processEnded: 2,
  raftState: 3,
  commit: 4,
  applied: 5,
  sent: 6,
  durable: 7,
  fault: 8,
} as const;
