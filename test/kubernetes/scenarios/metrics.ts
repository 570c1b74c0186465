import { libraryMetrics, operatorDefinitions } from "@rstore/operator/metrics/definitions";
import { expect } from "vitest";
import { eventually } from "../../cluster/eventually.ts";
import { type DefinedMetric, labelViolations } from "../../metrics/check-labels.ts";
import { type Exposition, scrape } from "../../metrics/exposition.ts";
import type { OperatorProcess } from "../operator-process.ts";
import { Site, settleMs } from "../site.ts";
import type { World } from "../world.ts";

const definitions: readonly DefinedMetric[] = operatorDefinitions.flatMap(({ metrics }) => metrics);

/** What is 0 while nothing fails, or only for a moment more. The tests of their feeds see them move. */
const mayStayZero = new Set([
  "rstore_operator_queue_depth",
  "rstore_operator_queue_active",
  "rstore_operator_reconcile_under_way_seconds",
  "rstore_operator_reconcile_errors_total",
  "rstore_operator_store_claims_lost",
  "rstore_operator_store_paused",
]);

/** While it makes a store, grows it, and lets it go: each metric has a sample, and moves where it should. */
export function showsWhatItDoes(world: World): Promise<void> {
  return Site.use(world, "metrics", {}, async (site) => {
    const operator = await site.startOperator();
    const seen = new Seen(operator);
    await site.apply({ replicas: 1 });
    await seen.during(site.settled(1));
    await site.scale(3);
    await seen.during(site.settled(3));
    const page = await seen.look();
    expect([...page.types.keys()].sort()).toEqual(
      [...definitions.map(({ name }) => name), ...libraryMetrics].sort(),
    );
    const names = definitions.map(({ name }) => name);
    expect(names.filter((name) => !seen.sampled.has(name))).toEqual([]);
    expect(names.filter((name) => !seen.moved.has(name) && !mayStayZero.has(name))).toEqual([]);
    expectSettled(page, site);
    const version = (await site.read()).status?.version ?? "";
    const clusterId = (await site.read()).status?.clusterId ?? "";
    const own = new Set([site.namespace, site.store, version, clusterId, ""]);
    const violations = labelViolations(page, definitions, {
      store: (_label, value) => own.has(value),
      self: () => true,
    });
    expect(violations).toEqual([]);
    await site.world.kubectl.run("delete", "rstore", site.store, "-n", site.namespace);
    await eventually("its series to vanish", async () => !(await seen.look()).text.includes('store="'), {
      timeoutMs: settleMs,
      intervalMs: 200,
    });
  });
}

function expectSettled(page: Exposition, { namespace, store }: Site): void {
  const of = { namespace, store };
  const value = (name: string, labels: Readonly<Record<string, string>> = {}) =>
    page.value(`rstore_operator_store_${name}`, { ...of, ...labels });
  expect(value("condition", { condition: "Available", status: "True" })).toBe(1);
  expect(value("replicas_wanted")).toBe(3);
  expect(value("replicas_ready")).toBe(3);
  expect(value("members", { role: "Follower", health: "Healthy" })).toBe(2);
  expect(value("replicas_reported", { report: "member" })).toBe(3);
  expect(value("failures_tolerated")).toBe(1);
  expect(value("change_under_way")).toBe(0);
  expect(value("change_started_timestamp_seconds")).toBeUndefined();
  expect(page.value("rstore_operator_is_leader")).toBe(1);
  expect(
    page.value("rstore_operator_steps_total", { kind: "changeMembership", result: "taken" }),
  ).toBeGreaterThan(0);
  const agoSeconds = (name: string) => Date.now() / 1000 - page.value(name)!;
  for (const name of ["store_last_look", "api_server_contact"]) {
    expect(agoSeconds(`rstore_operator_${name}_timestamp_seconds`)).toBeLessThan(300);
    expect(agoSeconds(`rstore_operator_${name}_timestamp_seconds`)).toBeGreaterThanOrEqual(-1);
  }
}

/** What an operator's pages showed, some of it only for a moment. */
class Seen {
  readonly sampled = new Set<string>();
  readonly moved = new Set<string>();
  readonly #operator: OperatorProcess;

  constructor(operator: OperatorProcess) {
    this.#operator = operator;
  }

  async look(): Promise<Exposition> {
    const page = await scrape(`http://${this.#operator.listen}`);
    for (const { name } of definitions) {
      const samples = page.of(name);
      if (samples.length > 0) this.sampled.add(name);
      if (samples.some(({ value }) => value !== 0)) this.moved.add(name);
    }
    return page;
  }

  async during(work: Promise<unknown>): Promise<void> {
    let done = false;
    const ended = work.finally(() => {
      done = true;
    });
    const looks = eventually("the work to end", async () => (await this.look()) && done, {
      timeoutMs: settleMs,
      intervalMs: 20,
    });
    await Promise.all([ended, looks]);
  }
}
