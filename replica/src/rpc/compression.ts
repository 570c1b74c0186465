import { Code, ConnectError } from "@connectrpc/connect";
import type { Compression } from "@connectrpc/connect/protocol";
import { compressionBrotli, compressionGzip } from "@connectrpc/connect-node";
import type { RpcLimits } from "../runtime/replica-api.ts";
import { connectErrorFromReplicaError, requestTooLarge } from "./errors.ts";
import type { NodeRequest } from "./node-request.ts";

const encodingHeaders = ["grpc-encoding", "content-encoding", "connect-content-encoding"] as const;

/** Whether a request says that its messages are compressed. */
export function isCompressed(request: Pick<NodeRequest, "headers">): boolean {
  return encodingHeaders.some((name) => (request.headers[name] ?? "identity") !== "identity");
}

/** Compressed requests are taken, but what comes out of one is bounded like any other request. */
export function requestCompressions(limits: RpcLimits): Compression[] {
  return [compressionGzip, compressionBrotli].map((compression) => ({
    ...compression,
    decompress: async (bytes) => {
      try {
        return await compression.decompress(bytes, limits.requestMaxBytes);
      } catch (thrown) {
        const error = ConnectError.from(thrown);
        if (error.code !== Code.ResourceExhausted) throw error;
        throw connectErrorFromReplicaError(requestTooLarge(limits.requestMaxBytes));
      }
    },
  }));
}
