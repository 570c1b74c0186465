/** What a rule may ask of one source file. All texts have the length and the line breaks of the original. */
export interface ScannedSource {
  /** The source with comments, the contents of strings and regular expressions replaced by spaces. */
  readonly code: string;
  /** Only the comments; everything else is spaces. */
  readonly comments: string;
  readonly imports: readonly SourceImport[];
  /** Every string literal without substitutions. */
  readonly strings: readonly StringLiteral[];
}

export interface SourceImport {
  readonly specifier: string;
  readonly line: number;
  /** Leaves no trace when types are stripped (`import type`, `export type`). */
  readonly typeOnly: boolean;
}

export interface StringLiteral {
  readonly value: string;
  /** Offset of the opening quote. */
  readonly start: number;
}

/** After one of these a slash begins a regular expression; after anything else it divides. */
const regexMayFollow =
  /(?:^|[([{,;=:!&|?+\-*%<>~^}]|\b(?:return|typeof|case|in|of|delete|void|throw|await|yield|else|do))\s*$/;

const importClause = /\b(?:import|export)\s+(type\s+)?(?:[\w$*{}\s,]|\bas\b)*from\s*$/;
const bareImport = /\bimport\s*$/;
const importCall = /\b(?:import|require)\s*\(\s*$/;

/**
 * Splits a TypeScript source into code and comments and finds its imports. It is a scanner, not a parser:
 * TypeScript 7 has no stable JavaScript API, and the rules need no more than this.
 */
export function scanSource(text: string): ScannedSource {
  const scanner = new Scanner(text);
  scanner.run();
  const code = scanner.code.join("");
  const imports: SourceImport[] = [];
  for (const literal of scanner.strings) {
    const near = code.slice(Math.max(0, literal.start - 20), literal.start);
    const far = /\bfrom\s*$/.test(near) ? code.slice(Math.max(0, literal.start - 4_000), literal.start) : "";
    const clause = importClause.exec(far);
    if (clause === null && !bareImport.test(near) && !importCall.test(near)) continue;
    const typeOnly = clause !== null && clause[1] !== undefined;
    imports.push({ specifier: literal.value, line: lineAt(text, literal.start), typeOnly });
  }
  return { code, comments: scanner.comments.join(""), imports, strings: scanner.strings };
}

/** 1-based. */
export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at !== -1 && at < offset; at = text.indexOf("\n", at + 1)) line += 1;
  return line;
}

class Scanner {
  readonly #text: string;
  #at = 0;
  /** For each template literal that is open around the code being read: how many braces are open in it. */
  readonly #templates: number[] = [];
  readonly code: string[] = [];
  readonly comments: string[] = [];
  readonly strings: StringLiteral[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  run(): void {
    while (this.#at < this.#text.length) this.#step();
  }

  #step(): void {
    const text = this.#text;
    const char = text[this.#at]!;
    const next = text[this.#at + 1];
    if (char === "/" && next === "/") this.#comment(this.#indexOf("\n"));
    else if (char === "/" && next === "*") this.#comment(this.#indexOf("*/", 2) + 2);
    else if (char === '"' || char === "'") this.#string(char);
    else if (char === "`") this.#template();
    else if (char === "/" && this.#regexHere()) this.#regex();
    else if (char === "}" && this.#templates.at(-1) === 0) this.#template();
    else {
      const top = this.#templates.length - 1;
      if (top >= 0 && char === "{") this.#templates[top]! += 1;
      if (top >= 0 && char === "}") this.#templates[top]! -= 1;
      this.#emitCode(this.#at + 1);
    }
  }

  #indexOf(mark: string, from = 0): number {
    const found = this.#text.indexOf(mark, this.#at + from);
    return found === -1 ? this.#text.length : found;
  }

  #regexHere(): boolean {
    return regexMayFollow.test(this.code.slice(-40).join(""));
  }

  #comment(end: number): void {
    this.comments.push(this.#text.slice(this.#at, end));
    this.code.push(blank(this.#text.slice(this.#at, end)));
    this.#at = Math.min(end, this.#text.length);
  }

  #string(quote: string): void {
    const end = this.#closing(this.#at + 1, (char) => char === quote || char === "\n");
    this.strings.push({ value: this.#text.slice(this.#at + 1, end), start: this.#at });
    this.#emitQuoted(end + 1);
  }

  /** At the opening backtick, or at the brace that ends a substitution. */
  #template(): void {
    const start = this.#at;
    const opening = this.#text[start] === "`";
    const text = this.#text;
    const end = this.#closing(
      start + 1,
      (char, at) => char === "`" || (char === "$" && text[at + 1] === "{"),
    );
    const substitution = text[end] === "$";
    if (opening && !substitution) this.strings.push({ value: text.slice(start + 1, end), start });
    if (opening && substitution) this.#templates.push(0);
    if (!opening && !substitution) this.#templates.pop();
    this.#emitQuoted(end + (substitution ? 2 : 1));
  }

  #regex(): void {
    let inClass = false;
    const end = this.#closing(this.#at + 1, (char) => {
      if (char === "[") inClass = true;
      if (char === "]") inClass = false;
      return (char === "/" && !inClass) || char === "\n";
    });
    this.#emitQuoted(end + 1);
  }

  /** The first offset from `from` on where `ends` holds, escapes passed over. */
  #closing(from: number, ends: (char: string, at: number) => boolean): number {
    let at = from;
    while (at < this.#text.length && !ends(this.#text[at]!, at)) at += this.#text[at] === "\\" ? 2 : 1;
    return Math.min(at, this.#text.length);
  }

  /** Keeps the delimiters, blanks what is between them. */
  #emitQuoted(end: number): void {
    const body = this.#text.slice(this.#at + 1, end - 1);
    this.comments.push(blank(this.#text.slice(this.#at, end)));
    this.code.push(this.#text[this.#at]!, blank(body));
    if (end - 1 > this.#at && end <= this.#text.length) this.code.push(this.#text[end - 1]!);
    this.#at = Math.min(end, this.#text.length);
  }

  #emitCode(end: number): void {
    const piece = this.#text.slice(this.#at, end);
    this.code.push(piece);
    this.comments.push(blank(piece));
    this.#at = end;
  }
}

function blank(text: string): string {
  return text.replace(/[^\n]/g, " ");
}
