/** Reasons of the Events of type Normal: steps that were carried out. The note of each says why. */
export const eventReasons = {
  StartReplica: "A process is kept in one more slot.",
  StopReplicas: "No process is kept in a slot and above any more.",
  RestartReplica: "The process of a slot was ended, and another is made in its place.",
  DeleteVolumeClaim: "The claim of a slot was deleted.",
  FoundCluster: "A cluster was founded on one member.",
  ChangeMembers: "The members of the cluster, or their votes, were changed.",
  TransferLeadership: "The leader handed over to another member.",
  ResetMember: "The disk of a removed member was set aside, so that a new one can take its place.",
  SetDisruptionBudget: "It was changed how many voters must stay when a node is drained.",
  SetTemplate: "New processes are made from what spec says now.",
  RecordCluster: "It was noted which cluster the members form.",
  RecordGrowth: "An attempt to grow has begun, was given up or is over.",
  FinishDeletion: "Nothing is left to do for the resource that is being deleted.",
} as const;

export type EventReason = keyof typeof eventReasons;
