/** Every reason that a condition carries, and an Event of type Warning: what it means, and what to do about it. */
export const reasons = {
  // Available
  Serving: "A majority answered: reads and writes are served.",
  NotFounded: "The cluster is not founded yet; Progressing says what it waits for.",
  NoQuorum:
    "A majority of the voters is down or knows no leader. What is down comes back by itself or says why not; nothing is recovered by itself that could lose data.",
  NotObserved:
    "No member answered the operator with a majority behind it, so nothing is said; or the operator could not look, and the message says why. Look at the pods, and at the network between the operator and them.",

  // Progressing
  Settled: "Nothing is under way.",
  Paused: "spec.paused is set: the operator reports and changes nothing but the budget that drains go by.",
  WaitingForBlankDisks:
    "Before a cluster is founded every disk has to say that it is blank. Look at why the named replicas don't run.",
  Bootstrapping: "A cluster is being founded on one member.",
  Adopting: "The volumes carry a cluster already: its members are taken from its leader.",
  ScalingOut: "New members are added; they get their votes together, once all have caught up.",
  ScalingIn: "The votes of the members in the highest slots are taken away.",
  CatchingUp: "New members receive the data.",
  ChangingMembers: "A change of the configuration is being made or committed.",
  Rolling: "Replicas are replaced by ones of the new template, one at a time.",
  RollingWaits:
    "The rolling change goes on when the named replicas are ready and have caught up; or, when no leader is known, once that has lasted for five minutes.",
  StartingReplicas: "Replicas are being started.",
  MemberStarting: "The process of a member is starting. One with a large disk to recover takes its time.",
  StoppingReplicas: "Replicas that are no longer members are being ended.",
  DeletingClaims: "Volumes that no member needs are being deleted, as policy says.",
  Deleting: "The resource is being deleted.",
  ChangeMembership: "The latched change of members is being made.",
  DeleteClaim: "The latched deletion of a volume is being made.",
  Restart: "The latched restart of a replica is being made.",
  StopSlots: "The latched end of replicas is being made.",

  // Degraded
  FullStrength: "Every member is alive and has caught up.",
  VotersShareNode:
    "Every member is alive and has caught up, and the loss of one node would take the majority: nothing moves pods apart again that a drain has brought together. Delete one of the named pods when another node has room for it.",
  MembersNotReady: "Some members are not alive, not ready or not caught up.",
  MembersMissing: "There are fewer members than there were: new ones are being added.",
  MemberUnreachable:
    "A replica does not answer. It is replaced after the deadline if its disk can't come back.",
  NodeUnreachable:
    "The node of a replica is out of reach and its volume could move: delete the node or taint it node.kubernetes.io/out-of-service if it won't come back.",
  NodeLost: "The node of a replica is gone, tainted out-of-service or out of reach.",
  NodesUnreadable: "The operator may not read nodes, so it can't replace members of lost nodes. Grant it.",
  PodImagePull: "The image of a replica can't be pulled. Correct spec.image or spec.version.",
  PodCrashLoop: "A replica ends again and again. Look at its log and exit code; correcting spec heals it.",
  PodUnschedulable: "No node takes the replica. Look at resources, affinity and volumes.",
  PodConfigurationError: "The pod can't be made as spec asks for. Look at its events.",
  PodStuck:
    "A replica has been starting or ending for ten minutes. The pod's events say why: a volume that can't be mounted, for instance. A large disk may still be recovering.",
  Refused:
    "The API server refuses what spec leads to, and the message says why. Correct spec, or permit what is forbidden.",
  NameTaken:
    "Others have the name of an object that the store needs: it is left as it is, and the rest goes on where it can. Delete it if nobody needs it, or make the store under another name. As a reason of Progressing: it goes by itself.",
  Replacing: "A lost member is being replaced by a new one in its slot.",
  ReplacementManual: "A member is lost, and spec.replacement.mode is Manual.",
  QuorumAtRisk: "A step waits, since too few of the other members are alive and have caught up.",
  ScaleInWaits: "Too few of the members that would stay are alive; they come back or are replaced first.",
  ScaleOutGivenUp:
    "New members did not catch up before the deadline and were taken away. Tried again later, or at once when spec is edited.",
  MajorityLost:
    "The disks of a majority are gone, and acknowledged data with them. Bring the original volumes back (never old copies), or delete the resource and its claims.",
  BootstrapMemberLost:
    "The member that was being founded is gone. Nothing is founded a second time; delete the resource and its claims to begin anew.",
  TwoClusters: "The volumes carry data of more than one cluster. Nothing is touched until only one is left.",
} as const;

export type Reason = keyof typeof reasons;
