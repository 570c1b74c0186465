import type { StoredResource } from "./status-file.ts";

/** The spec was looked at in its present form, every wanted replica is a voter and serves, nothing is under way. */
export function isSettled({ metadata, spec, status }: StoredResource): boolean {
  const { members = [], conditions = [] } = status;
  const progressing = conditions.find(({ type }) => type === "Progressing");
  const available = conditions.find(({ type }) => type === "Available");
  return (
    status.observedGeneration === metadata.generation &&
    available?.status === "True" &&
    progressing?.status === "False" &&
    progressing.reason === "Settled" &&
    members.length === spec.replicas &&
    members.every(({ role, health }) => (role === "Leader" || role === "Follower") && health === "Healthy") &&
    status.readyReplicas === spec.replicas
  );
}
