import { randomBytes } from "node:crypto";
import type { Client } from "../client.ts";
import { RstoreError } from "../errors.ts";
import { leaderPeerUrl } from "../membership-change.ts";
import { withMembershipClient } from "../membership-client.ts";
import type { ClusterFile } from "./cluster-file.ts";
import type { Step } from "./plan.ts";

/** What a step may touch. */
export interface ActContext {
  readonly client: Client;
  readonly file: () => ClusterFile;
  /** Durable when it returns. */
  readonly save: (change: Partial<ClusterFile>) => void;
  readonly retire: (slot: number) => Promise<void>;
}

const callTimeoutMs = 5_000;
const changeTimeoutMs = 20_000;

/**
 * Carries one step out. Each may be repeated: what is noted is noted once, a call carries the ids or the
 * configuration index that it was planned with. Returns why it did not happen, to be planned anew.
 */
export async function act(step: Step, context: ActContext): Promise<string | undefined> {
  try {
    await perform(step, context);
    return undefined;
  } catch (error) {
    if (error instanceof RstoreError) return error.message;
    throw error;
  }
}

async function perform(step: Step, { client, file, save, retire }: ActContext): Promise<void> {
  switch (step.type) {
    case "latch-bootstrap":
      if (file().bootstrap === null && file().clusterId === null) {
        save({ bootstrap: { clusterId: drawId(), memberId: step.memberId } });
      }
      return;
    case "bootstrap":
      await withMembershipClient(step.peerUrl, (replica) =>
        replica.bootstrap(step.clusterId, step.memberId, { timeoutMs: callTimeoutMs }),
      );
      return;
    case "confirm-cluster":
      save({ clusterId: step.clusterId });
      return;
    case "note-voters":
      save({ voters: [...step.voters] });
      return;
    case "change-membership": {
      const peerUrl = await leaderPeerUrl(client);
      await withMembershipClient(peerUrl, (leader) =>
        leader.changeMembership(step.expectedConfigurationIndex, step.target, { timeoutMs: changeTimeoutMs }),
      );
      return;
    }
    case "reset":
      await withMembershipClient(step.peerUrl, (replica) =>
        replica.reset(step.clusterId, step.memberId, step.removedIndex, { timeoutMs: callTimeoutMs }),
      );
      return;
    case "retire-slot":
      await retire(step.slot);
      return;
  }
}

function drawId(): bigint {
  return randomBytes(8).readBigUInt64BE() || 1n;
}
