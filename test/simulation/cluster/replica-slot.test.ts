import { FatalError } from "@rstore/replica/errors";
import { expect, test } from "vitest";
import type { SimDisk } from "../disk/types.ts";
import type { SimNetwork } from "../network/types.ts";
import { Coverage } from "../world/coverage.ts";
import { fromEventLoop } from "../world/microtasks.ts";
import { World } from "../world/world.ts";
import { type LaunchParts, ReplicaSlot, type RunningReplica } from "./replica-slot.ts";

function createSlot(running: (parts: LaunchParts) => Partial<RunningReplica> = () => ({})) {
  const world = new World({ seed: 7, coverage: new Coverage(), transcript: undefined });
  const calls: string[] = [];
  const disk = {
    onCall: undefined as (() => void) | undefined,
    crash: () => calls.push("disk"),
    explains: (reason: string) => reason === "diskFailed",
  };
  const network = { processEnded: (slot: number) => calls.push(`network ${slot}`) };
  const launched: LaunchParts[] = [];
  const slot = new ReplicaSlot({
    world,
    index: 2,
    disk: disk as unknown as SimDisk,
    network: network as unknown as SimNetwork,
    launch: (parts) => {
      launched.push(parts);
      return { replica: undefined, member: undefined, stop: () => Promise.resolve(), ...running(parts) };
    },
    entered: () => {},
  });
  const runUntil = (ms: number) => {
    while (world.step(ms * 1000)) {}
  };
  return { world, slot, disk, calls, launched, runUntil };
}

const inWorld = (body: () => void) => () => fromEventLoop(body);

test(
  "a crash ends the life, then connections and disk, and the supervisor starts the next life",
  inWorld(() => {
    const { slot, calls, launched, runUntil } = createSlot();
    slot.start();
    runUntil(100);
    slot.crash();
    expect(calls).toEqual(["network 2", "disk"]);
    expect(launched[0]!.life.isOver).toBe(true);
    expect(slot.lastExit).toEqual({ kind: "killed" });
    runUntil(60_000);
    expect(launched).toHaveLength(2);
    expect(launched[1]!.life.isOver).toBe(false);
  }),
);

test(
  "without a supervisor a dead process stays dead",
  inWorld(() => {
    const { slot, launched, runUntil } = createSlot();
    slot.supervised = false;
    slot.start();
    runUntil(100);
    slot.crash();
    runUntil(60_000);
    expect(launched).toHaveLength(1);
  }),
);

test(
  "a process dies at the n-th of its calls, before the call has an effect",
  inWorld(() => {
    const { slot, disk, launched, runUntil } = createSlot();
    slot.start();
    runUntil(100);
    slot.crashAtCall(3);
    disk.onCall!();
    slot.called();
    expect(launched[0]!.life.isOver).toBe(false);
    disk.onCall!();
    expect(launched[0]!.life.isOver).toBe(true);
    expect(disk.onCall).toBeUndefined();
  }),
);

test(
  "a process that ends itself breaks a property unless an injected fault explains it",
  inWorld(() => {
    for (const reason of ["diskFailed", "corruptLog"] as const) {
      const { world, slot, launched, runUntil } = createSlot();
      slot.start();
      runUntil(100);
      const error = new FatalError(reason, "broken");
      launched[0]!.failed(error);
      expect(slot.lastExit).toEqual({ kind: "fatal", error });
      expect(world.violation?.property).toBe(reason === "diskFailed" ? undefined : "unexplained-exit");
    }
  }),
);

test(
  "what a life that is over reports is not heard",
  inWorld(() => {
    const { world, slot, launched, runUntil } = createSlot();
    slot.start();
    runUntil(100);
    slot.crash();
    launched[0]!.failed(new Error("late"));
    expect(world.violation).toBeUndefined();
    expect(slot.lastExit).toEqual({ kind: "killed" });
  }),
);

test(
  "SIGTERM ends a process when it has stopped, and one that does not stop in time is killed",
  inWorld(() => {
    const quick = createSlot();
    quick.slot.supervised = false;
    quick.slot.start();
    quick.runUntil(100);
    quick.world.at(0, () => quick.slot.stop());
    quick.runUntil(101);
    expect(quick.slot.lastExit).toEqual({ kind: "stopped" });

    const stuck = createSlot(() => ({ stop: () => new Promise(() => {}) }));
    stuck.slot.supervised = false;
    stuck.slot.start();
    stuck.runUntil(100);
    stuck.slot.stop();
    stuck.runUntil(19_000);
    expect(stuck.slot.life).toBeDefined();
    stuck.runUntil(21_000);
    expect(stuck.slot.lastExit).toEqual({ kind: "killed" });
  }),
);

test(
  "a crash before the replica is up leaves nothing that starts later",
  inWorld(() => {
    const { slot, launched, runUntil } = createSlot();
    slot.supervised = false;
    slot.start();
    slot.crash();
    runUntil(60_000);
    expect(launched).toHaveLength(0);
  }),
);
