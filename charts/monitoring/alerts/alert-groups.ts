import type { Timing } from "../timing.ts";
import type { Alert } from "./alert.ts";
import { consensusAlerts } from "./consensus-alerts.ts";
import { fleetAlerts } from "./fleet-alerts.ts";
import { operatorAlerts } from "./operator-alerts.ts";
import { processAlerts } from "./process-alerts.ts";
import { replicaAlerts } from "./replica-alerts.ts";
import { requestAlerts } from "./request-alerts.ts";
import { storageAlerts } from "./storage-alerts.ts";

export interface AlertGroup {
  readonly name: string;
  readonly alerts: readonly Alert[];
}

/** Evaluated in this order, each group at once. */
export function alertGroups(timing: Timing): AlertGroup[] {
  return [
    { name: "consensus", alerts: consensusAlerts(timing) },
    { name: "replicas", alerts: replicaAlerts(timing) },
    { name: "storage", alerts: storageAlerts(timing) },
    { name: "requests", alerts: requestAlerts(timing) },
    { name: "process", alerts: processAlerts(timing) },
    { name: "fleet", alerts: fleetAlerts(timing) },
    { name: "operator", alerts: operatorAlerts(timing) },
  ];
}

export function allAlerts(timing: Timing): Alert[] {
  return alertGroups(timing).flatMap(({ alerts }) => alerts);
}
