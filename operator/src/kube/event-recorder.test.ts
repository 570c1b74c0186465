import { expect, it } from "vitest";
import { EventRecorder, type EventText } from "./event-recorder.ts";
import { FakeClock } from "./fake-clock.ts";
import { FakeKubeClient } from "./fake-kube-client.ts";

function setup() {
  const client = new FakeKubeClient();
  const clock = new FakeClock();
  const calls: string[] = [];
  const said: string[] = [];
  client.before = (call) => void calls.push(call);
  const events = new EventRecorder({
    client,
    clock,
    controller: "rstore.dev/operator",
    instance: "operator-0",
    failed: (reason, message) => said.push(`${reason}: ${message}`),
  });
  const sent = () =>
    [...client.objects.values()] as unknown as { note: string; series?: { count: number } }[];
  return { client, clock, calls, said, events, sent };
}

function store(uid = "u1") {
  return {
    apiVersion: "rstore.dev/v1alpha1",
    kind: "ReplicatedStore",
    metadata: { name: "demo", namespace: "ns", uid },
  };
}

function event(note: string): EventText {
  return { type: "Normal", reason: "RestartReplica", action: "RestartReplica", note };
}

it("the same event is sent once, and then counted, now and then", async () => {
  const { clock, calls, events, sent } = setup();
  for (let i = 0; i < 10; i += 1) {
    await events.record(store(), event("why"));
    await clock.advance(10_000);
  }
  expect(sent()).toMatchObject([{ note: "why", reason: "RestartReplica", type: "Normal" }]);
  expect(sent()[0]).toMatchObject({
    regarding: { kind: "ReplicatedStore", name: "demo", namespace: "ns", uid: "u1" },
    metadata: { namespace: "ns" },
    reportingController: "rstore.dev/operator",
  });
  expect(calls).toEqual(["create", "patch", "patch", "patch"]);
  expect(sent()[0]?.series?.count).toBe(10);
});

it("an event of which nobody heard for ten minutes is a new one", async () => {
  const { clock, events, sent } = setup();
  await events.record(store(), event("why"));
  await clock.advance(10 * 60_000);
  await events.record(store(), event("why"));
  expect(sent()).toHaveLength(2);
});

it("one object sends so many different events at once, and then a few; others are not held up", async () => {
  const { clock, events, sent } = setup();
  for (let i = 0; i < 100; i += 1) await events.record(store("u1"), event(`reason ${i}`));
  expect(sent()).toHaveLength(25);
  await events.record(store("u2"), event("of another"));
  expect(sent()).toHaveLength(26);
  await clock.advance(60_000);
  for (let i = 200; i < 300; i += 1) await events.record(store("u1"), event(`reason ${i}`));
  expect(sent()).toHaveLength(29);
});

it("one that can't be sent is said, and breaks nothing", async () => {
  const { client, events, said } = setup();
  client.before = () => {
    throw new Error("no such luck");
  };
  await events.record(store(), event("why"));
  expect(said).toEqual(["RestartReplica: no such luck"]);
});

it("a note is cut where the API cuts it", async () => {
  const { events, sent } = setup();
  await events.record(store(), event("x".repeat(5_000)));
  expect(sent()[0]?.note).toHaveLength(1_024);
});
