import { FakeReplica } from "./fake-replica.ts";

/** A fake replica in a process of its own, for tests that pause it; tells its URL to its parent. */
const fake = await new FakeReplica().start();
process.send?.(fake.url);
process.on("disconnect", () => process.exit(0));
