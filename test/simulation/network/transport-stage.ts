import type { MemberId } from "@rstore/replica/raft/types";
import type { PeerLimits } from "@rstore/replica/transport/limits";
import { type RecordingHandler, startMember, until } from "@rstore/replica/transport/transport-harness";
import type { PeerTransport } from "@rstore/replica/transport/types";
import { fromEventLoop } from "../world/microtasks.ts";
import { NetworkBench, urlOf } from "./network-bench.ts";

/** A member of a stage, and what its handler was told, in order. */
export interface Actor {
  readonly handler: RecordingHandler;
  readonly transport: PeerTransport;
  readonly url: string;
  readonly journal: string[];
  nowMs(): number;
  /** Its process ends, in good order. */
  stop(): Promise<void>;
}

interface ActorOptions {
  readonly incarnation?: bigint;
  /** Takes the place, and so the address, of another that has stopped. */
  readonly inPlaceOf?: Actor;
}

/** Members over one transport or the other, for one script. */
export interface Stage {
  start(id: MemberId, options?: ActorOptions): Promise<Actor>;
  until(what: string, condition: () => boolean): Promise<void>;
  close(): Promise<void>;
}

const limits: Partial<PeerLimits> = {
  helloTimeoutMs: 500,
  connectTimeoutMs: 500,
  backoffMaxMs: 50,
  snapshotResumeMs: 200,
};

/** The production transport, over loopback. */
export function createRealStage(): Stage {
  const actors: Actor[] = [];
  return {
    async start(id, { incarnation = 1n, inPlaceOf } = {}) {
      const port = inPlaceOf === undefined ? 0 : Number(new URL(inPlaceOf.url).port);
      const member = await startMember(id, { limits, incarnation, port });
      const { handler, transport, url } = member;
      let stopped: Promise<void> | undefined;
      const stop = (): Promise<void> => (stopped ??= member.close());
      const nowMs = () => performance.now();
      const actor = { handler, transport, url, journal: journalOf(handler), nowMs, stop };
      actors.push(actor);
      return actor;
    },
    until,
    async close() {
      for (const actor of actors) await actor.stop();
    },
  };
}

export function createSimStage(throughCodecs: boolean): Stage {
  const bench = new NetworkBench({ throughCodecs });
  const slots = new Map<Actor, number>();
  return {
    async start(id, { incarnation = 1n, inPlaceOf } = {}) {
      const slot = inPlaceOf === undefined ? slots.size : slots.get(inPlaceOf)!;
      const { handler, transport, clock } = bench.start(slot, { id, incarnation, limits });
      const stop = async (): Promise<void> => {
        await transport.close();
        bench.end(slot);
      };
      const nowMs = () => clock.nowMs();
      const actor = { handler, transport, url: urlOf(slot), journal: journalOf(handler), nowMs, stop };
      slots.set(actor, slot);
      return actor;
    },
    until: (what, condition) => fromEventLoop(() => bench.until(what, condition)),
    close: async () => {},
  };
}

function journalOf(handler: RecordingHandler): string[] {
  const journal: string[] = [];
  const { receive, receiveSnapshotOffer, receiveSnapshotRequest, disconnected } = handler;
  const { unreachable, refused, snapshotFetched, forwarded } = handler;
  handler.receive = (messages, hello) => {
    for (const message of messages) {
      const commit = "commit" in message ? message.commit : "";
      journal.push(`${message.type} ${commit} from ${hello.from}.${hello.incarnation} to ${hello.to}`);
    }
    receive.call(handler, messages, hello);
  };
  handler.receiveSnapshotOffer = (offer) => {
    journal.push(`offer ${offer.snapshotId} from ${offer.from}`);
    receiveSnapshotOffer.call(handler, offer);
  };
  handler.receiveSnapshotRequest = (request) => {
    journal.push(`request from ${request.from}`);
    receiveSnapshotRequest.call(handler, request);
  };
  handler.disconnected = (peer) => {
    journal.push(`disconnected ${peer}`);
    disconnected.call(handler, peer);
  };
  handler.unreachable = (peer) => {
    journal.push(`unreachable ${peer}`);
    unreachable.call(handler, peer);
  };
  handler.refused = (hello, refusal) => {
    journal.push(`refused by ${hello.to}: ${refusal.reason}`);
    refused.call(handler, hello, refusal);
  };
  handler.snapshotFetched = (peer, ok) => {
    journal.push(`fetched by ${peer}: ${ok}`);
    snapshotFetched.call(handler, peer, ok);
  };
  handler.forwarded = (payload, deadlineMs) => {
    journal.push(`forwarded ${payload.join()}`);
    return forwarded.call(handler, payload, deadlineMs);
  };
  return journal;
}
