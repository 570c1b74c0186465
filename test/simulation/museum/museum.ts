import { electionMutations } from "./election-mutations.ts";
import { identityMutations } from "./identity-mutations.ts";
import { membershipMutations } from "./membership-mutations.ts";
import type { Mutation } from "./mutation.ts";
import { operatorMutations } from "./operator-mutations.ts";
import { readMutations } from "./read-mutations.ts";
import { replicationMutations } from "./replication-mutations.ts";
import { runtimeMutations } from "./runtime-mutations.ts";
import { storageMutations } from "./storage-mutations.ts";

/** Every guard that matters, with what removes it. */
export const museum: readonly Mutation[] = [
  ...electionMutations,
  ...replicationMutations,
  ...readMutations,
  ...membershipMutations,
  ...identityMutations,
  ...runtimeMutations,
  ...storageMutations,
  ...operatorMutations,
];
