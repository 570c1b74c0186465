import type { MemberId, Message } from "@rstore/replica/raft/types";
import type { PeerLimits } from "@rstore/replica/transport/limits";
import { RecordingHandler } from "@rstore/replica/transport/transport-harness";
import type { PeerTransport } from "@rstore/replica/transport/types";
import { ProcessClock } from "../cluster/process-clock.ts";
import { ProcessLife } from "../cluster/process-life.ts";
import { Coverage } from "../world/coverage.ts";
import { drainMicrotasks } from "../world/microtasks.ts";
import { World } from "../world/world.ts";
import { createSimNetwork, type SimNetworkOptions } from "./sim-network.ts";
import type { LinkWeather, SimNetwork } from "./types.ts";

export const fairWeather: LinkWeather = {
  latencyMinUs: 200,
  latencyMeanUs: 300,
  lossChance: 0,
  duplicateChance: 0,
  reorderChance: 0,
  corruptChance: 0,
  bytesPerSecond: undefined,
};

/** One life of a member with a handler that writes down what it is told. */
export interface BenchMember {
  readonly slot: number;
  readonly life: ProcessLife;
  readonly clock: ProcessClock;
  readonly handler: RecordingHandler;
  readonly transport: PeerTransport;
}

interface BenchOptions extends Partial<Pick<SimNetworkOptions, "throughCodecs" | "socketBufferBytes">> {
  readonly seed?: number;
  readonly weather?: Partial<LinkWeather>;
  readonly transcript?: (line: string) => void;
}

interface StartOptions {
  readonly id?: MemberId;
  readonly incarnation?: bigint;
  readonly limits?: Partial<PeerLimits>;
}

/** A network between members without a cluster, for the tests of this folder. */
export class NetworkBench {
  readonly world: World;
  readonly network: SimNetwork;
  readonly weather: LinkWeather;
  readonly members = new Map<number, BenchMember>();

  constructor(options: BenchOptions = {}) {
    this.weather = { ...fairWeather, ...options.weather };
    this.world = new World({
      seed: options.seed ?? 1,
      coverage: new Coverage(),
      transcript: options.transcript,
    });
    this.network = createSimNetwork({
      world: this.world,
      weather: this.weather,
      throughCodecs: options.throughCodecs ?? false,
      slotOf: slotOfUrl,
      lifeOf: (slot) => this.members.get(slot)?.life,
      freezes: true,
      ...(options.socketBufferBytes === undefined ? {} : { socketBufferBytes: options.socketBufferBytes }),
    });
  }

  start(slot: number, { id = BigInt(slot), incarnation = 1n, limits = {} }: StartOptions = {}): BenchMember {
    const { world } = this;
    const life = new ProcessLife(world, () => {});
    const random = world.random(`process ${slot}`);
    const clock = new ProcessClock({ world, life, random, rate: 1, startMs: 100, wallStartMs: 0 });
    const handler = new RecordingHandler(id);
    handler.incarnation = incarnation;
    const transport = this.network.createTransport({ slot, life, clock, handler, limits });
    const member = { slot, life, clock, handler, transport };
    this.members.set(slot, member);
    return member;
  }

  /** The process dies. */
  end(slot: number): void {
    this.members.get(slot)!.life.end();
    this.members.delete(slot);
    this.network.processEnded(slot);
  }

  /** Makes members each other's peers and waits until both streams are open both ways. */
  join(...members: BenchMember[]): void {
    for (const one of members) {
      const others = members.filter((other) => other !== one);
      one.transport.setPeers(
        others.map(({ handler, slot }) => ({ memberId: handler.id, peerUrl: urlOf(slot) })),
      );
    }
    // Two handshakes, one after another.
    this.run(500);
  }

  run(forMs: number): void {
    const untilUs = this.world.nowUs + forMs * 1000;
    // What the test itself did ends like an event.
    drainMicrotasks();
    while (this.world.step(untilUs));
  }

  /** Fails after a simulated minute. */
  until(what: string, condition: () => boolean, deadlineMs = 60_000): void {
    const untilUs = this.world.nowUs + deadlineMs * 1000;
    drainMicrotasks();
    while (!condition()) if (!this.world.step(untilUs)) throw new Error(`waited in vain for: ${what}`);
  }
}

export function urlOf(slot: number): string {
  return `http://r${slot}:4101`;
}

function slotOfUrl(peerUrl: string): number | undefined {
  const found = /^http:\/\/r(\d+):4101$/.exec(peerUrl);
  return found === null ? undefined : Number(found[1]);
}

export function commitsOf(messages: readonly Message[], type: Message["type"] = "Heartbeat"): number[] {
  return messages
    .filter((message) => message.type === type)
    .map((message) => Number(Reflect.get(message, "commit")));
}

export function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, at) => at);
}
