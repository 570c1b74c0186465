import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorDetailSchema, Outcome, Reason } from "@rstore/proto/rstore/v1/kv";
import { describe, expect, it } from "vitest";
import { ReplicaError } from "../runtime/replica-api.ts";
import {
  codeFromReason,
  connectErrorFromReplicaError,
  errorDetailFromReplicaError,
  reasons,
  replicaErrorFromConnectError,
  replicaErrorFromRefusal,
  replicaErrorFromUnknown,
} from "./errors.ts";

const fullDetail = {
  leaderId: 0xabcn,
  leaderClientUrl: "http://leader:4001",
  leaderPeerUrl: "http://leader:4101",
  subject: "key",
  limit: 1024,
  revision: 5n,
  index: 9n,
};

describe("the table of errors", () => {
  it("has a wire reason of its own for every reason, and leaves none out", () => {
    const wire = reasons.map((reason) => errorDetailFromReplicaError(new ReplicaError(reason, "")).reason);
    const known = Object.values(Reason).filter(
      (value): value is Reason => typeof value === "number" && value !== Reason.UNSPECIFIED,
    );
    expect(new Set(wire)).toEqual(new Set(known));
    expect(wire.length).toBe(known.length);
  });

  it.each(reasons)("carries %s to the caller and back with its detail", (reason) => {
    for (const outcome of ["unspecified", "not-applied", "unknown"] as const) {
      const error = new ReplicaError(reason, `about ${reason}`, { outcome, detail: fullDetail });
      const back = replicaErrorFromConnectError(connectErrorFromReplicaError(error));
      expect(back).toMatchObject({ reason, outcome, message: error.message, detail: fullDetail });
    }
  });

  it("never says UNAVAILABLE, which is retried blindly, when a write may have been applied (D9)", () => {
    expect(codeFromReason("outcome-unknown")).toBe(Code.Unknown);
  });

  it("does not invent a replica's error from another's", () => {
    expect(replicaErrorFromConnectError(new ConnectError("proxy", Code.Unavailable))).toBeUndefined();
  });

  it("hides what is inside, and takes a write that ran into it for possibly applied", () => {
    const error = replicaErrorFromUnknown(new Error("secret value"));
    expect(error).toMatchObject({ reason: "internal", outcome: "unknown" });
    expect(error.message).not.toContain("secret");
  });
});

describe("a write refused while applying", () => {
  it.each([
    [{ reason: "compare-failed", modRevision: 4n }, Code.Aborted, Reason.COMPARE_FAILED, 4n],
    [{ reason: "compacted", compactedRevision: 3n }, Code.OutOfRange, Reason.COMPACTED, 3n],
    [{ reason: "future", revision: 2n }, Code.OutOfRange, Reason.FUTURE_REVISION, 2n],
    [{ reason: "too-many-keys", limit: 7 }, Code.ResourceExhausted, Reason.LIMIT_EXCEEDED, 0n],
  ] as const)("says that %o was not applied", (refusal, code, reason, revision) => {
    const error = connectErrorFromReplicaError(replicaErrorFromRefusal(refusal));
    const [detail] = error.findDetails(ErrorDetailSchema);
    expect(error.code).toBe(code);
    expect(detail).toMatchObject({ reason, revision, outcome: Outcome.NOT_APPLIED });
    if (refusal.reason === "too-many-keys") {
      expect(detail).toMatchObject({ limit: 7n, subject: "delete_max_keys" });
    }
  });
});
