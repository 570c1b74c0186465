import type { V1Lease } from "@kubernetes/client-node";
import { beforeEach, describe, expect, it } from "vitest";
import { FakeClock } from "./fake-clock.ts";
import { FakeKubeClient } from "./fake-kube-client.ts";
import { KubeError } from "./kube-error.ts";
import { LeaderElection } from "./leader-election.ts";

let clock: FakeClock;
let client: FakeKubeClient;

beforeEach(() => {
  clock = new FakeClock();
  client = new FakeKubeClient();
});

interface Candidate {
  readonly election: LeaderElection;
  readonly events: string[];
}

function candidate(identity: string, of: FakeKubeClient = client): Candidate {
  const events: string[] = [];
  const election = new LeaderElection({
    client: of,
    clock,
    namespace: "rstore",
    name: "operator",
    identity,
    leaseMs: 15_000,
    renewDeadlineMs: 10_000,
    retryMs: 2000,
    started: () => events.push("started"),
    lost: (why) => events.push(`lost: ${why}`),
    log: () => {},
  });
  return { election, events };
}

const lease = () => [...client.objects.values()][0] as V1Lease;

describe("the election of the operator that acts (E17)", () => {
  it("has one leader, and another one only after the lease has run out", async () => {
    const a = candidate("a");
    const b = candidate("b");
    a.election.start();
    await clock.advance(1);
    b.election.start();
    await clock.advance(60_000);
    expect([a.events, b.events]).toEqual([["started"], []]);
    // The process of a is frozen from here on: it renews no more.
    client.before = (call) => {
      if (call === "replace" && a.election.leads) throw new KubeError("unavailable", "cut off");
    };
    await clock.advance(30_000);
    expect(a.events[1]).toMatch(/^lost: /);
    expect(b.events).toEqual(["started"]);
    expect(lease().spec?.holderIdentity).toBe("b");
  });

  it("ends leadership before anybody else can begin his", async () => {
    const a = candidate("a");
    const b = candidate("b");
    a.election.start();
    await clock.advance(1);
    b.election.start();
    await clock.advance(5000);
    client.before = () => {
      if (a.election.leads) throw new KubeError("unavailable", "cut off");
    };
    const led: boolean[][] = [];
    for (let i = 0; i < 300; i += 1) {
      await clock.advance(100);
      led.push([a.election.leads, b.election.leads]);
    }
    expect(led.filter(([first, second]) => first && second)).toEqual([]);
    expect(led.at(-1)).toEqual([false, true]);
  });

  it("stops leading by the clock alone when no answer comes at all", async () => {
    const a = candidate("a");
    a.election.start();
    await clock.advance(100);
    expect(a.election.leads).toBe(true);
    client.before = () => new Promise(() => {});
    await clock.advance(12_100);
    expect(a.election.leads).toBe(false);
    expect(a.events[1]).toMatch(/^lost: /);
  });

  it("leads no more when it wakes up past its deadline, before any timer has run (E17)", async () => {
    const a = candidate("a");
    a.election.start();
    await clock.advance(1);
    clock.jump(10_000);
    expect(a.election.leads).toBe(false);
  });

  it("stops soon, also when a call hangs", async () => {
    const a = candidate("a");
    a.election.start();
    await clock.advance(1);
    client.before = () => new Promise(() => {});
    await clock.advance(2500);
    let stopped = false;
    void a.election.stop().then(() => {
      stopped = true;
    });
    await clock.advance(6000);
    expect(stopped).toBe(true);
    expect(a.election.leads).toBe(false);
  });

  it("leaves one winner when two take the same lease at once", async () => {
    const a = candidate("a");
    const b = candidate("b");
    a.election.start();
    b.election.start();
    await clock.advance(30_000);
    expect([...a.events, ...b.events]).toEqual(["started"]);
  });

  it("gives the lease back at its end, and the next one need not wait for it", async () => {
    const a = candidate("a");
    a.election.start();
    await clock.advance(1);
    await a.election.stop();
    const b = candidate("b");
    b.election.start();
    await clock.advance(1);
    expect(b.events).toEqual(["started"]);
  });

  it("refuses times with which two could lead", () => {
    const options = { client, clock, namespace: "n", name: "l", identity: "a" };
    const times = { leaseMs: 10_000, renewDeadlineMs: 10_000, retryMs: 2000 };
    const none = { started: () => {}, lost: () => {}, log: () => {} };
    expect(() => new LeaderElection({ ...options, ...times, ...none })).toThrow("must hold");
  });
});
