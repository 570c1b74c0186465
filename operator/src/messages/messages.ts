import { defineMessages, HALF_A_MINUTE_MS, NOTHING_TO_DO } from "@rstore/replica/messages/message";

const store = "namespace and name of the ReplicatedStore";

/** Everything that the operator logs. Ids are stable: people search and alert by them. */
export const messages = defineMessages({
  "operator.starts": {
    level: "info",
    text: "rstore-operator {version} starts",
    fields: { version: "of the program", namespaces: "that it looks after; empty: all" },
    meaning: "The process has read its settings.",
    action: NOTHING_TO_DO,
  },
  "operator.leads": {
    level: "info",
    text: "leads: looks after the stores",
    fields: {},
    meaning: "It holds the lease, or needs none, and begins to act. Another one that runs waits.",
    action: NOTHING_TO_DO,
  },
  "operator.stopping": {
    level: "info",
    text: "{signal}: ends what is under way",
    fields: { signal: "that asked for it" },
    meaning: "It finishes the steps that it began, then gives the lease back.",
    action: NOTHING_TO_DO,
  },
  "operator.ends": {
    level: "error",
    text: "ends with code {exitCode}: {why}",
    fields: { exitCode: "of the process", why: "what happened" },
    meaning: "It lost the lease, or could not stop in time. Kubernetes starts it again.",
    action: "None once. If it repeats, look at how the API server answers.",
  },
  "store.condition": {
    level: "info",
    text: "{store}: {condition} is {status} ({reason}): {message}",
    fields: {
      store,
      condition: "its type",
      status: "True, False or Unknown",
      before: "the status until now",
      reason: "as in `kubectl get rstore -o yaml`",
      message: "for people",
    },
    meaning: "A condition of the resource changed. The reasons are in docs/operations.md.",
    action: "As the reason says.",
  },
  "step.taken": {
    level: "info",
    text: "{store}: {step}: {reason}",
    fields: { store, step: "the kind of step, such as startSlot or changeMembership", reason: "why" },
    meaning: "A step of the plan was carried out. Most are told as an Event of the resource, too.",
    action: NOTHING_TO_DO,
  },
  "step.refused": {
    level: "info",
    text: "{store}: {step} was not taken: {why}",
    fields: { store, step: "the kind of step", reason: "why it was planned", why: "what refused it" },
    repeats: { everyMs: HALF_A_MINUTE_MS, by: ["store", "step", "why"] },
    meaning: "The API server or a replica refused it, or what it was planned on has changed. It looks again.",
    action: "None once. If it repeats, `why` names what is in the way.",
  },
  "reconcile.failed": {
    level: "warn",
    text: "{store}: {message}; looks again in {retryInMs} ms",
    fields: { store, message: "what kept it from looking or acting", retryInMs: "until it looks again" },
    repeats: { everyMs: HALF_A_MINUTE_MS, by: ["store", "message"] },
    meaning: "It could not read, plan or act for this store.",
    action: "Most often the API server: see its health and the operator's rights. Other stores go on.",
  },
  "replica.stranger": {
    level: "warn",
    text: "{store}: at the address of slot {slot} answers {name}, {peerUrl}",
    fields: { store, slot: "its index", name: "of who answers", peerUrl: "of who answers" },
    repeats: { everyMs: HALF_A_MINUTE_MS, by: ["store", "slot", "name"] },
    meaning: "The address of the slot's pod was given to another one. The slot counts as silent.",
    action: "None once: the pod's status follows. If it lasts, look at the node of the slot's pod.",
  },
  "namespace.terminating": {
    level: "info",
    text: "{store}: its namespace is being deleted: makes nothing any more",
    fields: { store },
    repeats: { everyMs: HALF_A_MINUTE_MS, by: ["store"] },
    meaning: "Kubernetes takes nothing new in a namespace that ends.",
    action: NOTHING_TO_DO,
  },
  "watch.interrupted": {
    level: "warn",
    text: "watching {kind} was interrupted: {message}",
    fields: { kind: "of the objects", message: "what the connection or the API server said" },
    repeats: { everyMs: HALF_A_MINUTE_MS, by: ["kind"] },
    meaning: "It watches anew, after a moment. Every store is looked at every five minutes all the same.",
    action: "If it repeats, look at the API server and at the operator's rights.",
  },
  "event.failed": {
    level: "warn",
    text: "the event {reason} could not be sent: {message}",
    fields: { reason: "of the Event", message: "what the API server said" },
    repeats: { everyMs: HALF_A_MINUTE_MS, by: ["reason"] },
    meaning: "An Event for people is missing. Nothing waits for it.",
    action: "If it repeats, look at the operator's rights to create events.",
  },
  "lease.trouble": {
    level: "warn",
    text: "the lease: {message}",
    fields: { message: "what the API server said" },
    repeats: { everyMs: HALF_A_MINUTE_MS, by: [] },
    meaning: "It could not read, renew or give back the lease. Without it the process ends in time.",
    action: "Look at the API server.",
  },
});

export type MessageId = keyof typeof messages;
