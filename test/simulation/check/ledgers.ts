import type { MemberId } from "@rstore/replica/raft/types";
import type { World } from "../world/world.ts";
import { AppliedLedger } from "./applied-ledger.ts";
import { CampaignLedger } from "./campaign-rules.ts";
import { CommitLedger } from "./commit-ledger.ts";
import { ElectionLedger } from "./election-ledger.ts";
import { EntryLedger } from "./entry-ledger.ts";
import { VoteLedger } from "./vote-ledger.ts";

/** What the cluster as a whole has said and promised so far. */
export class Ledgers {
  readonly world: World;
  readonly entries = new EntryLedger();
  readonly commits = new CommitLedger(this.entries.root);
  readonly votes = new VoteLedger();
  readonly campaigns = new CampaignLedger();
  readonly applied = new AppliedLedger();
  readonly elections: ElectionLedger;
  /** The slot of every id that a disk ever had: it is drawn anew each time (A7). */
  readonly owners = new Map<MemberId, number>();
  /** The only one there may ever be (B3); undefined: no disk has one yet. */
  clusterId: bigint | undefined;
  /** The log of some member could not be followed, since a plan damaged its disk: not all commits are seen. */
  isBlind = false;

  constructor(world: World) {
    this.world = world;
    this.elections = new ElectionLedger(world.coverage);
  }
}
