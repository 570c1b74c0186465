import type { ChildSpan, Span, SpanAttributes } from "./types.ts";

/** A span in memory; for tests. */
export class FakeSpan implements Span {
  readonly name: string;
  readonly traceParent = "";
  readonly children: FakeSpan[] = [];
  attributes: SpanAttributes = {};
  /** undefined: it has not ended. */
  ended: { readonly problem: string | undefined } | undefined;

  constructor(name: string) {
    this.name = name;
  }

  child(name: string, { attributes }: ChildSpan = {}): FakeSpan {
    const child = new FakeSpan(name);
    child.attributes = attributes ?? {};
    this.children.push(child);
    return child;
  }

  set(attributes: SpanAttributes): void {
    this.attributes = { ...this.attributes, ...attributes };
  }

  end(problem?: string): void {
    this.ended ??= { problem };
  }

  /** Name and end of it and all below it, in the order of their beginning. */
  describe(): string[] {
    const end = this.ended === undefined ? "open" : (this.ended.problem ?? "ok");
    return [`${this.name}: ${end}`, ...this.children.flatMap((child) => child.describe())];
  }
}
