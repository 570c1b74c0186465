import type { Message } from "@rstore/replica/raft/types";
import { PeerError } from "@rstore/replica/transport/peer-error";
import { appendEntries, chunksOf, heartbeat } from "@rstore/replica/transport/transport-harness";
import { ForwardError, type SnapshotOffer } from "@rstore/replica/transport/types";
import { afterEach, describe, expect, test } from "vitest";
import { type Actor, createRealStage, createSimStage, type Stage } from "./transport-stage.ts";

/**
 * One script, played over the production transport on loopback and over the simulated one: handlers are told
 * the same, in the same order.
 */
const configuration = {
  voters: [1n],
  outgoing: [],
  learners: [],
  learnersNext: [],
  context: new Uint8Array(0),
};
const offer: SnapshotOffer = {
  from: 1n,
  to: 2n,
  term: 3n,
  snapshot: { index: 9n, term: 3n, configuration: { index: 2n, configuration } },
  snapshotId: "s1",
  sizeBytes: 50_000,
  checksum: new Uint8Array(4),
};
const file = new Uint8Array(50_000);

/** What one scene told each actor; what a transport tells again and again while it dials, once. */
type Scene = readonly [name: string, ...journals: (readonly string[])[]];

function isTold(line: string, at: number, journal: readonly string[]): boolean {
  // What only shows that a stream is open comes as often as it must.
  if (/ (70|77) from /.test(line)) return false;
  return !/^(unreachable|refused)/.test(line) || journal.indexOf(line) === at;
}

class Play {
  readonly stage: Stage;
  readonly scenes: Scene[] = [];

  constructor(stage: Stage) {
    this.stage = stage;
  }

  /** Ends a scene. */
  told(name: string, ...actors: Actor[]): void {
    this.scenes.push([name, ...actors.map(({ journal }) => journal.splice(0).filter(isTold))]);
  }

  /** Waits until both streams from one to the other carry messages, and forgets those that showed it. */
  async linked(from: Actor, to: Actor, forgets = true): Promise<void> {
    const ids = [from.handler.id, to.handler.id] as const;
    const has = (type: Message["type"], commit: bigint): boolean =>
      to.handler.received.some(
        (message) => message.type === type && Reflect.get(message, "commit") === commit,
      );
    await this.stage.until(`streams from ${ids[0]} to ${ids[1]}`, () => {
      if (has("Heartbeat", 70n) && has("AppendEntries", 70n)) return true;
      from.transport.send([heartbeat(...ids, 70n), append(70n, ...ids)]);
      return false;
    });
    from.transport.send([heartbeat(...ids, 77n), append(77n, ...ids)]);
    await this.stage.until("the last of them", () => has("Heartbeat", 77n) && has("AppendEntries", 77n));
    to.handler.received.length = 0;
    for (const { journal } of forgets ? [from, to] : []) journal.length = 0;
  }

  async hears(actor: Actor, ...lines: string[]): Promise<void> {
    for (const line of lines) await this.stage.until(line, () => actor.journal.includes(line));
  }

  async settles(actor: Actor, name: string, promise: Promise<unknown>): Promise<void> {
    let line: string | undefined;
    promise.then(
      (value) => {
        line = `${name}: ${String(value)}`;
      },
      (error: unknown) => {
        if (error instanceof ForwardError) line = `${name}: sent=${error.sent}`;
        else line = `${name}: ${error instanceof PeerError ? error.code : String(error)}`;
      },
    );
    await this.stage.until(name, () => line !== undefined);
    actor.journal.push(line!);
  }
}

function append(commit: bigint, from = 1n, to = 2n): Message {
  return { ...appendEntries(from, to, []), commit } as Message;
}

async function talking(play: Play, one: Actor, two: Actor): Promise<void> {
  one.transport.send([heartbeat(1n, 2n, 1n), heartbeat(1n, 2n, 2n)]);
  one.transport.send([heartbeat(1n, 2n, 3n)]);
  await play.hears(two, "Heartbeat 3 from 1.1 to 2");
  one.transport.send([appendEntries(1n, 2n, [10, 20_000]), append(8n)]);
  two.transport.send([heartbeat(2n, 1n, 4n)]);
  await play.hears(two, "AppendEntries 8 from 1.1 to 2");
  await play.hears(one, "Heartbeat 4 from 2.1 to 1");
  one.transport.offerSnapshot(offer);
  two.transport.requestSnapshot({ from: 2n, to: 1n, minIndex: 3n });
  await play.hears(two, "offer s1 from 1");
  await play.hears(one, "request from 2");
  one.transport.send([heartbeat(1n, 9n)]);
  await play.hears(one, "unreachable 9");
  one.transport.send([heartbeat(8n, 2n, 6n), heartbeat(1n, 2n, 6n)]);
  await play.hears(one, "unreachable 2");
  await play.linked(one, two, false);
  play.told("messages, offers, requests", one, two);
}

async function forwarding(play: Play, one: Actor, two: Actor): Promise<void> {
  const admitted = two.handler.admitted.length;
  const forward = (to: bigint, timeoutMs = 5_000): Promise<Uint8Array> =>
    one.transport.forward(to, Uint8Array.of(1, 2), one.nowMs() + timeoutMs);
  await play.settles(one, "forward", forward(2n));
  await play.settles(one, "forward to nobody", forward(9n));
  const nothing = one.transport.forward(2n, new Uint8Array(0), one.nowMs() + 5_000);
  await play.settles(one, "forward nothing", nothing);
  await play.settles(one, "forward too late", forward(2n, 0));
  two.handler.onForwarded = () => Promise.reject(new Error("no"));
  await play.settles(one, "forward that fails", forward(2n));
  two.handler.onForwarded = () => new Promise(() => {});
  await play.settles(one, "forward without an answer", forward(2n, 100));
  two.journal.push(`judged ${two.handler.admitted.length - admitted}`);
  play.told("forwarding", one, two);
}

async function fetching(play: Play, one: Actor, two: Actor): Promise<void> {
  two.handler.onReadSnapshot = (id, offset) => (id === "s1" ? chunksOf(file, offset, 5_000) : undefined);
  const fetch = async (id: string, offset: number, stopAt = Number.POSITIVE_INFINITY): Promise<number> => {
    let read = 0;
    for await (const { data } of one.transport.fetchSnapshot(2n, id, offset)) {
      read += data.length;
      if (read >= stopAt) break;
    }
    return read;
  };
  await play.settles(one, "fetch", fetch("s1", 0));
  await play.hears(two, "fetched by 1: true");
  await play.settles(one, "fetch the rest", fetch("s1", 45_000));
  await play.settles(one, "fetch another", fetch("s2", 0));
  await play.settles(
    one,
    "fetch from nobody",
    (async () => {
      for await (const _ of one.transport.fetchSnapshot(9n, "s1", 0));
    })(),
  );
  two.handler.onReadSnapshot = () => chunksOf(file, 5_000, 5_000);
  await play.settles(one, "fetch with a gap", fetch("s1", 0));
  await play.settles(one, "fetch a part", fetch("s1", 5_000, 5_000));
  await play.hears(two, "fetched by 1: false");
  two.handler.refuse = () => ({ reason: "not-ready", message: "later" });
  await play.settles(one, "fetch when refused", fetch("s1", 0));
  two.handler.refuse = () => undefined;
  play.told("fetching", one, two);
}

async function leaving(play: Play, one: Actor, two: Actor): Promise<Actor> {
  await two.stop();
  await play.hears(one, "disconnected 2", "unreachable 2");
  play.told("a peer that ends", one);
  const seven = await play.stage.start(7n, { inPlaceOf: two });
  await play.hears(one, "refused by 2: wrong-member");
  one.transport.send([heartbeat(1n, 2n, 1n)]);
  await play.hears(one, "unreachable 2");
  await seven.stop();
  one.journal.length = 0;
  play.told("another member at its address (A14)", seven);
  const again = await play.stage.start(2n, { inPlaceOf: two, incarnation: 2n });
  again.transport.setPeers([{ memberId: 1n, peerUrl: one.url }]);
  await play.linked(one, again);
  await play.linked(again, one);
  again.transport.send([heartbeat(2n, 1n, 5n)]);
  await play.hears(one, "Heartbeat 5 from 2.2 to 1");
  play.told("the peer again", one, again);
  return again;
}

async function replaced(play: Play, one: Actor, two: Actor): Promise<void> {
  const newer = await play.stage.start(1n, { incarnation: 5n });
  newer.transport.setPeers([{ memberId: 2n, peerUrl: two.url }]);
  await play.hears(two, "disconnected 1");
  await play.hears(one, "refused by 2: stale-disk");
  newer.transport.send([heartbeat(1n, 2n, 6n)]);
  await play.linked(newer, two);
  newer.transport.setPeers([]);
  await play.hears(two, "disconnected 1");
  newer.transport.send([heartbeat(1n, 2n, 6n)]);
  await play.hears(newer, "unreachable 2");
  play.told("a newer incarnation, which leaves", newer);
}

async function play(stage: Stage): Promise<readonly Scene[]> {
  const played = new Play(stage);
  const [one, two] = [await stage.start(1n), await stage.start(2n)];
  one.transport.setPeers([{ memberId: 2n, peerUrl: two.url }]);
  two.transport.setPeers([{ memberId: 1n, peerUrl: one.url }]);
  await played.linked(one, two);
  await played.linked(two, one);
  await talking(played, one, two);
  await forwarding(played, one, two);
  await fetching(played, one, two);
  const again = await leaving(played, one, two);
  await replaced(played, one, again);
  return played.scenes;
}

describe("the same script", () => {
  const stages: Stage[] = [];
  afterEach(async () => {
    for (const stage of stages.splice(0)) await stage.close();
  });

  test("tells handlers the same over the simulated transport as over production's", async () => {
    stages.push(createRealStage(), createSimStage(false), createSimStage(true));
    const scenes: (readonly Scene[])[] = [];
    for (const stage of stages) scenes.push(await play(stage));
    expect(scenes[0]!.length).toBe(7);
    expect(scenes[1]).toEqual(scenes[0]);
    expect(scenes[2]).toEqual(scenes[0]);
  });
});
