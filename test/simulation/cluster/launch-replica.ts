import { type AssembledReplica, assembleReplica } from "@rstore/replica/assemble-replica";
import { decodeConfiguration } from "@rstore/replica/raft/confchange/codec";
import type { Member } from "@rstore/replica/runtime/member";
import type { Replica } from "@rstore/replica/runtime/replica";
import { noMetrics } from "@rstore/replica/runtime/runtime-metrics";
import { openDataDirectory } from "@rstore/replica/storage/open-data-directory";
import type { PeerHandler, PeerHello, PeerTransport } from "@rstore/replica/transport/types";
import type { SimNetwork } from "../network/types.ts";
import type { PeerMemory } from "../plan/peer-memory.ts";
import type { World } from "../world/world.ts";
import { createProcessLogger } from "./process-logger.ts";
import type { ReplicaSettings } from "./replica-settings.ts";
import type { LaunchParts, RunningReplica } from "./replica-slot.ts";

interface ReplicaEnvironment {
  readonly world: World;
  readonly network: SimNetwork;
  readonly settings: ReplicaSettings;
  readonly memory: PeerMemory;
  /** The process in a slot let a stream of a peer in; `later` is the start of it that it knew before, if later. */
  readonly admitted: (slot: number, hello: PeerHello, later: bigint | undefined) => void;
}

/** The production replica in one life of a slot's process: what startReplica does, without the ports for clients. */
export class LaunchedReplica implements RunningReplica {
  readonly #environment: ReplicaEnvironment;
  readonly #parts: LaunchParts;
  #assembled: AssembledReplica<PeerTransport> | undefined;

  constructor(environment: ReplicaEnvironment, parts: LaunchParts) {
    this.#environment = environment;
    this.#parts = parts;
    this.#start().catch(parts.failed);
  }

  get replica(): Replica | undefined {
    return this.#assembled?.replica;
  }

  get member(): Member | undefined {
    return this.#assembled?.lifecycle.member;
  }

  async stop(): Promise<void> {
    if (this.#assembled === undefined) return;
    const { lifecycle, transport } = this.#assembled;
    await lifecycle.stop();
    await transport.close();
    await lifecycle.close();
  }

  async #start(): Promise<void> {
    const { world, network, settings, memory, admitted } = this.#environment;
    const { slot, life, clock, random, failed } = this.#parts;
    const log = createProcessLogger(world, slot.name);
    const machine = slot.disk.machine(life);
    const deadPeerMs = settings.config.missedHeartbeats * settings.config.heartbeatIntervalMs;
    const directory = await openDataDirectory(slot.disk.directory, {
      machine,
      randomBytes: (size) => random.bytes(size),
      decodeConfiguration,
      onFatal: failed,
      commitDeadlineMs: settings.config.diskDeadlineMs,
      logCacheMaxBytes: settings.logCacheMaxBytes,
      snapshotChunkBytes: settings.snapshotChunkBytes,
      after: (delayMs, callback) => clock.after(delayMs, callback),
    });
    this.#assembled = await assembleReplica({
      directory,
      machine,
      config: {
        ...settings.config,
        name: slot.name,
        peerAdvertise: slot.peerUrl,
        clientAdvertise: slot.clientUrl,
      },
      clock,
      random: () => random.fraction(),
      log,
      metrics: noMetrics,
      limits: settings.limits,
      version: "simulated",
      failed,
      createTransport: (handler) =>
        network.createTransport({
          slot: slot.index,
          life,
          clock,
          handler: watchAdmissions(handler, (hello) =>
            admitted(slot.index, hello, memory.admitted(life, hello)),
          ),
          limits: { deadPeerMs },
        }),
    });
    this.#assembled.lifecycle.start(this.#assembled.transport);
  }
}

/** The same handler; whom it lets in is told. */
function watchAdmissions(handler: PeerHandler, admitted: (hello: PeerHello) => void): PeerHandler {
  const admit = handler.admit.bind(handler);
  handler.admit = async (hello) => {
    const refusal = await admit(hello);
    if (refusal === undefined) admitted(hello);
    return refusal;
  };
  return handler;
}
