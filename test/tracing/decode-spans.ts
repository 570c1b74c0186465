import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";

/** A span as a collector gets it. */
export interface ReceivedSpan {
  readonly service: string;
  /** Which replica; empty for a client. */
  readonly instance: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty: none. */
  readonly parentSpanId: string;
  readonly name: string;
  /** 1 internal, 2 server, 3 client. */
  readonly kind: number;
  readonly startNs: bigint;
  readonly endNs: bigint;
  /** Spans that it is linked to. */
  readonly links: readonly string[];
  readonly attributes: Readonly<Record<string, string>>;
  /** Of an error; undefined: it went well. */
  readonly problem: string | undefined;
}

type Field = Uint8Array | bigint;

/** The fields of a protobuf message, by number. */
function fieldsOf(bytes: Uint8Array): Map<number, Field[]> {
  const reader = new BinaryReader(bytes);
  const fields = new Map<number, Field[]>();
  while (reader.pos < reader.len) {
    const [no, type] = reader.tag();
    fields.set(no, [...(fields.get(no) ?? []), fieldOf(reader, no, type)]);
  }
  return fields;
}

function fieldOf(reader: BinaryReader, no: number, type: WireType): Field {
  switch (type) {
    case WireType.LengthDelimited:
      return reader.bytes();
    case WireType.Varint:
      return BigInt(reader.uint64());
    case WireType.Bit64:
      return BigInt(reader.fixed64());
    default:
      reader.skip(type, no);
      return 0n;
  }
}

function messages(fields: Map<number, Field[]>, no: number): Map<number, Field[]>[] {
  return (fields.get(no) ?? []).map((field) => fieldsOf(field as Uint8Array));
}

function text(fields: Map<number, Field[]> | undefined, no: number): string {
  return Buffer.from((fields?.get(no)?.[0] as Uint8Array | undefined) ?? []).toString();
}

function hex(fields: Map<number, Field[]>, no: number): string {
  return Buffer.from((fields.get(no)?.[0] as Uint8Array | undefined) ?? []).toString("hex");
}

function attributesOf(fields: Map<number, Field[]>, no: number): Record<string, string> {
  return Object.fromEntries(
    messages(fields, no).map((attribute) => {
      const value = messages(attribute, 2)[0];
      return [text(attribute, 1), text(value, 1) || String(value?.get(3)?.[0] ?? "")];
    }),
  );
}

/** An ExportTraceServiceRequest: https://github.com/open-telemetry/opentelemetry-proto */
export function decodeSpans(body: Uint8Array): ReceivedSpan[] {
  return messages(fieldsOf(body), 1).flatMap((resourceSpans) => {
    const resource = attributesOf(messages(resourceSpans, 1)[0] ?? new Map(), 1);
    const spans = messages(resourceSpans, 2).flatMap((scope) => messages(scope, 2));
    return spans.map((span) => {
      const status = messages(span, 15)[0];
      return {
        service: resource["service.name"] ?? "",
        instance: resource["service.instance.id"] ?? "",
        traceId: hex(span, 1),
        spanId: hex(span, 2),
        parentSpanId: hex(span, 4),
        name: text(span, 5),
        kind: Number(span.get(6)?.[0] ?? 0n),
        startNs: span.get(7)![0] as bigint,
        endNs: span.get(8)![0] as bigint,
        links: messages(span, 13).map((link) => hex(link, 2)),
        attributes: attributesOf(span, 9),
        problem: status?.get(3)?.[0] === 2n ? text(status, 2) : undefined,
      };
    });
  });
}
