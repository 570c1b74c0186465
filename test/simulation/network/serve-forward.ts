import { judge } from "@rstore/replica/transport/inbound-stream";
import { PeerError, peerErrorFrom } from "@rstore/replica/transport/peer-error";
import type { PeerRefusal } from "@rstore/replica/transport/types";
import { isLost } from "./dispatch.ts";
import { noteRefusal } from "./note-refusal.ts";
import type { Body } from "./parcel.ts";
import type { SimSocket } from "./sim-socket.ts";
import type { TransportShared } from "./transport-parts.ts";

const ANSWER_BYTES = 100;
/** The longest deadline that production grants a caller. */
const TIMEOUT_MAX_MS = 60_000;

type ForwardBody = Extract<Body, { type: "forward" }>;

/** Behaves as replica/src/transport/forward-serve.ts. */
export function serveForward(shared: TransportShared, socket: SimSocket, body: ForwardBody): void {
  const timeoutMs = Math.min(body.timeoutMs, TIMEOUT_MAX_MS);
  let cancel = () => {};
  const deadline = new Promise<never>((_, reject) => {
    cancel = shared.clock.after(timeoutMs, () =>
      reject(new PeerError("timeout", "no outcome before the deadline")),
    );
  });
  Promise.race([answer(shared, body, shared.clock.nowMs() + timeoutMs), deadline])
    .then(
      (result) => respond(shared, socket, { type: "forwarded", id: body.id, answer: result }),
      (reason: unknown) => {
        const error = peerErrorFrom(reason);
        shared.note("peer.forward.failed", { code: error.code, reason: error.message });
        respond(shared, socket, { type: "forwarded", id: body.id, answer: error });
      },
    )
    .finally(() => cancel());
}

async function answer(
  shared: TransportShared,
  { hello, payload }: ForwardBody,
  deadlineMs: number,
): Promise<Uint8Array | PeerRefusal> {
  if (payload.length === 0) throw new PeerError("malformed", "nothing to forward");
  const refusal = shared.links.isAdmitted(hello) ? undefined : await judge(shared, hello);
  if (refusal !== undefined) noteRefusal(shared, hello, refusal);
  return refusal ?? (await shared.handler.forwarded(payload, deadlineMs, { from: hello.from, requests: [] }));
}

function respond(
  shared: TransportShared,
  socket: SimSocket,
  body: Extract<Body, { type: "forwarded" }>,
): void {
  if (socket.closed || shared.life.isOver) return;
  const sizeBytes = ANSWER_BYTES + (body.answer instanceof Uint8Array ? body.answer.length : 0);
  socket.write(isLost(shared.network, socket.out) ? { ...body, answer: undefined } : body, sizeBytes);
}
