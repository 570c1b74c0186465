import { crc32 } from "node:zlib";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { MessageBatchSchema } from "@rstore/proto/rstore/peer/v1/message";
import { StreamRequestSchema } from "@rstore/proto/rstore/peer/v1/peer";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Entry, Message, SnapshotMetadata } from "../raft/types.ts";
import { ENVELOPE_BYTES, EnvelopeReader } from "./envelope.ts";
import {
  decodeChunk,
  decodeFrame,
  encodeChunk,
  encodeFrame,
  type Frame,
  parseStreamRequest,
} from "./frame-codec.ts";
import { PeerError } from "./peer-error.ts";
import type { SnapshotOffer, SnapshotRequest } from "./types.ts";

const FROM = 0xfeed_0000_0000_0001n;
const TO = 0xffff_ffff_ffff_ffffn;
const anyUint64 = fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn });
const anyIndex = fc.oneof(fc.bigInt({ min: 0n, max: 1n << 40n }), fc.constant((1n << 63n) - 1n));
const anyBytes = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc
    .uint8Array({ minLength: 1, maxLength: 64 })
    .map((seed) => new Uint8Array(4095 + seed.length).fill(seed[0]!)),
);
const anyMembers = fc.array(anyUint64, { maxLength: 5 });

const anySnapshot: fc.Arbitrary<SnapshotMetadata> = fc.record({
  index: anyUint64,
  term: anyUint64,
  configuration: fc.record({
    index: anyUint64,
    configuration: fc.record({
      voters: anyMembers,
      outgoing: anyMembers,
      learners: anyMembers,
      learnersNext: anyMembers,
      context: anyBytes,
    }),
  }),
});

const anyEntries = fc
  .tuple(
    anyIndex,
    fc.array(
      fc.record({
        term: anyUint64,
        type: fc.constantFrom("normal", "configuration") as fc.Arbitrary<Entry["type"]>,
        data: anyBytes,
      }),
      { maxLength: 6 },
    ),
  )
  .map(([previousIndex, entries]) => ({
    previousIndex,
    entries: entries.map((entry, at) => ({ ...entry, index: previousIndex + 1n + BigInt(at) })),
  }));

const base = { from: fc.constant(FROM), to: fc.constant(TO), term: anyUint64 };
const vote = { lastLogIndex: anyUint64, lastLogTerm: anyUint64, transfer: fc.boolean() };

/** One generator for each type: a type that is added to the core does not compile without one. */
const messageOf: { [Type in Message["type"]]: fc.Arbitrary<Message & { type: Type }> } = {
  PreVote: fc.record({ type: fc.constant("PreVote"), ...base, ...vote }),
  PreVoteResponse: fc.record({ type: fc.constant("PreVoteResponse"), ...base, granted: fc.boolean() }),
  RequestVote: fc.record({ type: fc.constant("RequestVote"), ...base, ...vote }),
  RequestVoteResponse: fc.record({
    type: fc.constant("RequestVoteResponse"),
    ...base,
    granted: fc.boolean(),
  }),
  AppendEntries: fc
    .tuple(fc.record({ ...base, previousTerm: anyUint64, commit: anyUint64 }), anyEntries)
    .map(([fields, entries]) => ({ type: "AppendEntries", ...fields, ...entries })),
  AppendEntriesResponse: fc.record({
    type: fc.constant("AppendEntriesResponse"),
    ...base,
    index: anyUint64,
    rejected: fc.boolean(),
    hintIndex: anyUint64,
    hintTerm: anyUint64,
  }),
  Heartbeat: fc.record({
    type: fc.constant("Heartbeat"),
    ...base,
    commit: anyUint64,
    readSequence: anyUint64,
  }),
  HeartbeatResponse: fc.record({ type: fc.constant("HeartbeatResponse"), ...base, readSequence: anyUint64 }),
  InstallSnapshot: fc.record({ type: fc.constant("InstallSnapshot"), ...base, snapshot: anySnapshot }),
  TimeoutNow: fc.record({ type: fc.constant("TimeoutNow"), ...base }),
  ReadIndexRequest: fc.record({ type: fc.constant("ReadIndexRequest"), ...base, requestId: anyUint64 }),
  ReadIndexResponse: fc.record({
    type: fc.constant("ReadIndexResponse"),
    ...base,
    requestId: anyUint64,
    index: anyUint64,
    rejected: fc.boolean(),
  }),
};

const anyMessage: fc.Arbitrary<Message> = fc.oneof(...(Object.values(messageOf) as fc.Arbitrary<Message>[]));
const anyOffer: fc.Arbitrary<SnapshotOffer> = fc.record({
  ...base,
  snapshot: anySnapshot,
  snapshotId: fc.string(),
  sizeBytes: fc.nat(),
  checksum: anyBytes,
});
const { from, to } = base;
const anyRequest: fc.Arbitrary<SnapshotRequest> = fc.record({ from, to, minIndex: anyUint64 });
const anyFrame: fc.Arbitrary<Frame> = fc.record({
  messages: fc.array(anyMessage, { maxLength: 6 }),
  snapshotOffers: fc.array(anyOffer, { maxLength: 2 }),
  snapshotRequests: fc.array(anyRequest, { maxLength: 2 }),
});

function joined(pieces: readonly Uint8Array[]): Buffer {
  return Buffer.concat(pieces);
}

function decode(envelope: Buffer): Frame {
  return decodeFrame(parseStreamRequest(new Uint8Array(envelope.subarray(ENVELOPE_BYTES))), FROM, TO);
}

describe("frames", () => {
  test.each(Object.entries(messageOf))("%s comes back as it was", (_type, arbitrary) => {
    fc.assert(
      fc.property(arbitrary as fc.Arbitrary<Message>, (message) => {
        const frame = { messages: [message], snapshotOffers: [], snapshotRequests: [] };
        expect(decode(joined(encodeFrame(frame).pieces))).toEqual(frame);
      }),
      { numRuns: 50 },
    );
  });

  test("many messages and offers come back in order, and the size is what was written", () => {
    fc.assert(
      fc.property(anyFrame, (frame) => {
        const { pieces, sizeBytes } = encodeFrame(frame);
        const envelope = joined(pieces);
        expect(envelope.length).toBe(sizeBytes);
        expect(envelope.readUInt32BE(1)).toBe(sizeBytes - ENVELOPE_BYTES);
        expect(decode(envelope)).toEqual(frame);
      }),
    );
  });

  test("written by hand are the protobuf message: protobuf-es reads and writes the same", () => {
    fc.assert(
      fc.property(anyFrame, (frame) => {
        const written = joined(encodeFrame(frame).pieces).subarray(ENVELOPE_BYTES);
        const rewritten = toBinary(StreamRequestSchema, fromBinary(StreamRequestSchema, written));
        expect(decodeFrame(parseStreamRequest(rewritten), FROM, TO)).toEqual(frame);
      }),
    );
  });

  test("large entry data is neither copied by the encoder nor by the decoder", () => {
    const data = new Uint8Array(100_000).fill(5);
    const append: Message = {
      type: "AppendEntries",
      from: FROM,
      to: TO,
      term: 2n,
      previousIndex: 4n,
      previousTerm: 1n,
      entries: [{ term: 2n, index: 5n, type: "normal", data }],
      commit: 4n,
    };
    const { pieces } = encodeFrame({ messages: [append], snapshotOffers: [], snapshotRequests: [] });
    expect(pieces).toContain(data);
    const bytes = new Uint8Array(joined(pieces));
    const decoded = decodeFrame(parseStreamRequest(bytes.subarray(ENVELOPE_BYTES)), FROM, TO).messages[0]!;
    expect((decoded as typeof append).entries[0]!.data.buffer).toBe(bytes.buffer);
  });
});

describe("what is not a frame is refused with a PeerError", () => {
  function codeOf(decodeIt: () => unknown): string {
    try {
      decodeIt();
      return "accepted";
    } catch (error) {
      if (error instanceof PeerError) return error.code;
      throw error;
    }
  }

  function requestOf(
    batch: Parameters<typeof create<typeof MessageBatchSchema>>[1],
    entryData: Uint8Array[] = [],
  ) {
    const messages = toBinary(MessageBatchSchema, create(MessageBatchSchema, batch));
    const checksum = entryData.reduce((sum, data) => crc32(data, sum), crc32(messages));
    return create(StreamRequestSchema, { checksum, messages, entryData });
  }

  function codeOfBatch(batch: Parameters<typeof requestOf>[0], entryData?: Uint8Array[]): string {
    return codeOf(() => decodeFrame(requestOf(batch, entryData), FROM, TO));
  }

  const address = { from: FROM, to: TO, term: 1n };

  test("any flipped bit of content (C2)", () => {
    fc.assert(
      fc.property(anyFrame, fc.nat(), fc.integer({ min: 0, max: 7 }), (frame, at, bit) => {
        const envelope = joined(encodeFrame(frame).pieces);
        const position = ENVELOPE_BYTES + (at % (envelope.length - ENVELOPE_BYTES));
        envelope[position]! ^= 1 << bit;
        const code = codeOf(() => {
          // A flip may turn a field into one that is unknown and skipped, but never change what is read.
          expect(decode(envelope)).toEqual(frame);
        });
        expect(["checksum", "malformed", "accepted"]).toContain(code);
      }),
      { numRuns: 500 },
    );
  });

  test("random bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        codeOf(() => decodeFrame(parseStreamRequest(bytes), FROM, TO));
        codeOf(() => new EnvelopeReader(1_000).push(Buffer.from(bytes)));
      }),
      { numRuns: 500 },
    );
  });

  test("a message of an unknown type", () => {
    expect(codeOfBatch({ messages: [address] })).toBe("malformed");
  });

  test("an entry of an unknown type", () => {
    const entries = [{ term: 1n, index: 1n, type: 9 as never }];
    expect(
      codeOfBatch({ messages: [{ ...address, body: { case: "appendEntries", value: { entries } } }] }),
    ).toBe("malformed");
  });

  test("a gap between entries", () => {
    const entries = [
      { term: 1n, index: 1n, type: 1 },
      { term: 1n, index: 3n, type: 1 },
    ];
    expect(
      codeOfBatch({ messages: [{ ...address, body: { case: "appendEntries", value: { entries } } }] }),
    ).toBe("malformed");
  });

  test("entry data that is missing, of another size, or too much", () => {
    const entries = [{ term: 1n, index: 1n, type: 1, dataBytes: 4 }];
    const batch = {
      messages: [{ ...address, body: { case: "appendEntries" as const, value: { entries } } }],
    };
    expect(codeOfBatch(batch)).toBe("malformed");
    expect(codeOfBatch(batch, [new Uint8Array(3)])).toBe("malformed");
    expect(codeOfBatch(batch, [new Uint8Array(4), new Uint8Array(1)])).toBe("malformed");
    expect(codeOfBatch(batch, [new Uint8Array(4)])).toBe("accepted");
  });

  test("a snapshot without its configuration", () => {
    const snapshot = { index: 1n, term: 1n };
    expect(
      codeOfBatch({ messages: [{ ...address, body: { case: "installSnapshot", value: { snapshot } } }] }),
    ).toBe("malformed");
    expect(codeOfBatch({ snapshotOffers: [{ ...address, snapshotId: "1", sizeBytes: 1n, snapshot }] })).toBe(
      "malformed",
    );
  });

  test("a message or an offer from or to another member (A14)", () => {
    const body = { case: "timeoutNow" as const, value: {} };
    const snapshot = { configuration: {} };
    expect(codeOfBatch({ messages: [{ ...address, body }] })).toBe("accepted");
    expect(codeOfBatch({ messages: [{ ...address, from: 5n, body }] })).toBe("misdirected");
    expect(codeOfBatch({ messages: [{ ...address, to: 5n, body }] })).toBe("misdirected");
    expect(codeOfBatch({ snapshotOffers: [{ ...address, snapshot }] })).toBe("accepted");
    expect(codeOfBatch({ snapshotOffers: [{ ...address, to: 5n, snapshot }] })).toBe("misdirected");
  });

  test("a snapshot's chunk that does not fit its checksum", () => {
    const data = new Uint8Array(10_000).fill(1);
    const envelope = joined(encodeChunk({ offset: 5_000_000_000, data, checksum: crc32(data) }).pieces);
    const body = envelope.subarray(ENVELOPE_BYTES);
    expect(decodeChunk(body)).toMatchObject({ offset: 5_000_000_000, checksum: crc32(data) });
    body[body.length - 1]! ^= 1;
    expect(codeOf(() => decodeChunk(body))).toBe("checksum");
  });
});

describe("envelopes", () => {
  test("come out whole however the bytes are cut", () => {
    const frames = fc.array(fc.uint8Array({ maxLength: 50 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(frames, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (messages, cuts) => {
        const bytes = Buffer.concat(
          messages.map((message) => Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message])),
        );
        const reader = new EnvelopeReader(1_000);
        const out: Uint8Array[] = [];
        for (let at = 0, cut = 0; at < bytes.length; cut++) {
          const end = at + cuts[cut % cuts.length]!;
          out.push(...reader.push(bytes.subarray(at, end)).map(({ data }) => data));
          at = end;
        }
        expect(out).toEqual(messages);
      }),
    );
  });

  test("claiming more than the limit are refused before memory is set aside (C9)", () => {
    expect(() => new EnvelopeReader(1_000).push(Buffer.from([0, 0xff, 0xff, 0xff, 0xff]))).toThrow(
      /limit is 1000/,
    );
    expect(() => new EnvelopeReader(1_000).push(Buffer.from([1, 0, 0, 0, 1]))).toThrow(/not compressed/);
  });
});
