import { type DescMessage, fromBinary, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { errorToJsonBytes } from "@connectrpc/connect/protocol-connect";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";

/*
 * Unary messages on the wire, for the fast path. What is malformed is reported in the words of connect-es, since
 * the same request may come by either road.
 */

const envelopeHeaderBytes = 5;
const compressedFlag = 1;

export function decodeMessage<Desc extends DescMessage>(desc: Desc, bytes: Uint8Array): MessageShape<Desc> {
  try {
    return fromBinary(desc, bytes);
  } catch (thrown) {
    const problem = thrown instanceof Error ? thrown.message : String(thrown);
    throw new ConnectError(`parse binary: ${problem}`, Code.Internal);
  }
}

/** The one message of a gRPC request; throws ConnectError when there is none, more than one, or half of one. */
export function decodeGrpcRequest<Desc extends DescMessage>(desc: Desc, body: Buffer): MessageShape<Desc> {
  if (body.length === 0) {
    const problem = "protocol error: missing input message for unary method";
    throw new ConnectError(problem, Code.Unimplemented);
  }
  const end = envelopeEnd(body, 0);
  if ((body[0]! & compressedFlag) !== 0) {
    const problem = "received compressed envelope, but do not know how to decompress";
    throw new ConnectError(problem, Code.Internal);
  }
  const message = decodeMessage(desc, body.subarray(envelopeHeaderBytes, end));
  if (end < body.length) {
    envelopeEnd(body, end);
    const problem = "protocol error: received extra input message for unary method";
    throw new ConnectError(problem, Code.Unimplemented);
  }
  return message;
}

function envelopeEnd(body: Buffer, start: number): number {
  const left = body.length - start;
  const end =
    left < envelopeHeaderBytes ? Infinity : start + envelopeHeaderBytes + body.readUInt32BE(start + 1);
  if (end > body.length) throw new ConnectError("protocol error: incomplete envelope", Code.InvalidArgument);
  return end;
}

/** A message in its gRPC envelope. */
export function encodeGrpcResponse<Desc extends DescMessage>(
  desc: Desc,
  message: MessageShape<Desc>,
): Buffer {
  const bytes = toBinary(desc, message);
  const body = Buffer.allocUnsafe(envelopeHeaderBytes + bytes.length);
  body[0] = 0;
  body.writeUInt32BE(bytes.length, 1);
  body.set(bytes, envelopeHeaderBytes);
  return body;
}

/** The trailers of a gRPC call that failed, details included. */
export function grpcErrorTrailers(error: ConnectError): Record<string, string> {
  return Object.fromEntries(setTrailerStatus(new Headers(), error));
}

/** The body of a Connect call that failed, details included. */
export function connectErrorBody(error: ConnectError): Uint8Array {
  return errorToJsonBytes(error, undefined);
}
