import type { DashboardSpec } from "./dashboard-spec.ts";
import { fleetDashboard } from "./fleet-dashboard.ts";
import { nodejsDashboard } from "./nodejs-dashboard.ts";
import { operatorDashboard } from "./operator-dashboard.ts";
import { storeDashboard } from "./store-dashboard.ts";

export const dashboards: readonly DashboardSpec[] = [
  fleetDashboard,
  storeDashboard,
  operatorDashboard,
  nodejsDashboard,
];
