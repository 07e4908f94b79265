/** Splits a Go template into tokens. @module */

/** Kind of a {@linkcode Token}. */
export type TokenKind =
  | "text"
  | "open"
  | "close"
  | "space"
  | "word"
  | "field"
  | "variable"
  | "dot"
  | "number"
  | "string"
  | "char"
  | "symbol"
  | "error"
  | "end";

/** A piece of a template. */
export interface Token {
  readonly kind: TokenKind;
  /** Source text; of an `error`, what is wrong. */
  readonly text: string;
  /** Offset in the source, in UTF-16 units. */
  readonly start: number;
}

const TEXT_END = /\{\{(?:-(?=\s))?/g;
const LEADING_SPACE = /\s*/y;
const COMMENT = /(?:(?<=-)\s)?\/\*/y;

/**
 * Splits `source` into tokens, an `end` or an `error` last.
 *
 * Trim markers (`{{-`, `-}}`) are applied and comments are dropped, so texts come out as they are
 * to be printed.
 */
export function lexTemplate(source: string): Token[] {
  const tokens: Token[] = [];
  let position = 0;
  while (position < source.length) {
    const opening = matchFrom(TEXT_END, source, position);
    const text = source.slice(position, opening?.index);
    if (opening === undefined) {
      tokens.push({ kind: "text", text, start: position });
      break;
    }
    const trimmed = opening[0].endsWith("-") ? text.trimEnd() : text;
    if (trimmed !== "") tokens.push({ kind: "text", text: trimmed, start: position });
    const inside = opening.index + opening[0].length;
    position = matchFrom(COMMENT, source, inside) === undefined
      ? lexAction(source, { open: opening.index, inside }, tokens)
      : skipComment(source, inside, tokens);
    if (tokens.at(-1)?.kind === "error") return tokens;
  }
  tokens.push({ kind: "end", text: "EOF", start: source.length });
  return tokens;
}

function matchFrom(pattern: RegExp, source: string, position: number): RegExpExecArray | undefined {
  pattern.lastIndex = position;
  return pattern.exec(source) ?? undefined;
}

/** Offset after a closing delimiter that ends at `position`, and after the space it trims. */
function afterClose(source: string, delimiter: string, position: number): number {
  if (!delimiter.startsWith("-")) return position;
  return position + (matchFrom(LEADING_SPACE, source, position)?.[0].length ?? 0);
}

const COMMENT_CLOSE = /(?:\s+(?=-))?(-?\}\})/y;

function skipComment(source: string, inside: number, tokens: Token[]): number {
  const fail = (text: string): number => {
    tokens.push({ kind: "error", text, start: inside });
    return source.length;
  };
  const end = source.indexOf("*/", inside);
  if (end === -1) return fail("unclosed comment");
  const close = matchFrom(COMMENT_CLOSE, source, end + 2);
  if (close === undefined) return fail("comment ends before closing delimiter");
  return afterClose(source, close[1] ?? "", end + 2 + close[0].length);
}

const CLOSE = /(?:\s+(?=-\}\}))?(-\}\}|\}\})/y;
/** What Go scans as a number, whether or not it is one: a sign starts one too. */
const NUMBER =
  /(?=[+-]|\.?\d|\.$)[+-]?(?:0[xX][\da-fA-F_]*(?:\.[\da-fA-F_]*)?(?:[pP][+-]?[\d_]*)?|0[oO][0-7_]*|0[bB][01_]*|[\d_]*(?:\.[\d_]*)?(?:[eE][+-]?[\d_]*)?)i?/y;
/** Tried in this order at each place inside an action. */
const PATTERNS: readonly (readonly [TokenKind, RegExp])[] = [
  ["space", /\s+/y],
  ["string", /"(?:\\.|[^"\\\n])*"|`[^`]*`/y],
  ["char", /'(?:\\.|[^'\\\n])*'/y],
  ["number", NUMBER],
  ["field", /\.[\p{L}_][\p{L}\p{Nd}_]*/uy],
  ["variable", /\$[\p{L}\p{Nd}_]*/uy],
  ["word", /[\p{L}_][\p{L}\p{Nd}_]*/uy],
  ["dot", /\./y],
  ["symbol", /:=|[\x21-\x7e]/y],
];
const UNTERMINATED: ReadonlyMap<string, string> = new Map([
  ['"', "unterminated quoted string"],
  ["`", "unterminated raw quoted string"],
  ["'", "unterminated character constant"],
]);
/** What may follow a field, variable or word: Go's `atTerminator`. */
const TERMINATOR = /(?=[\s.,|:)(]|\}\}|$)/y;

function lexAction(
  source: string,
  { open, inside }: { open: number; inside: number },
  tokens: Token[],
): number {
  tokens.push({ kind: "open", text: "{{", start: open });
  let position = inside;
  while (position < source.length) {
    const close = matchFrom(CLOSE, source, position);
    // "-}}" closes only after a space; without one it is a minus sign.
    if (close !== undefined && (close[1] === "}}" || close[0] !== close[1])) {
      tokens.push({ kind: "close", text: "}}", start: position });
      return afterClose(source, close[1] ?? "", position + close[0].length);
    }
    const token = nextToken(source, position);
    tokens.push(token);
    if (token.kind === "error") return source.length;
    position += token.text.length;
  }
  tokens.push({ kind: "error", text: "unclosed action", start: open });
  return position;
}

function nextToken(source: string, start: number): Token {
  for (const [kind, pattern] of PATTERNS) {
    const text = matchFrom(pattern, source, start)?.[0];
    if (text === undefined) continue;
    const problem = describeProblem(kind, text, source.slice(start + text.length));
    return problem === undefined ? { kind, text, start } : { kind: "error", text: problem, start };
  }
  const char = String.fromCodePoint(source.codePointAt(start) ?? 0);
  const text = `unrecognized character in action: ${describeCharacter(char)}`;
  return { kind: "error", text, start };
}

function describeProblem(kind: TokenKind, text: string, rest: string): string | undefined {
  if (kind === "symbol") return UNTERMINATED.get(text);
  if (kind === "number") {
    const next = /^[\p{L}\p{Nd}_]/u.exec(rest)?.[0];
    return next === undefined ? undefined : `bad number syntax: ${JSON.stringify(text + next)}`;
  }
  const isName = kind === "field" || kind === "variable" || kind === "word";
  if (!isName || matchFrom(TERMINATOR, rest, 0) !== undefined) return undefined;
  return `bad character ${describeCharacter(String.fromCodePoint(rest.codePointAt(0) ?? 0))}`;
}

/** Go's `%#U`. */
function describeCharacter(char: string): string {
  const hex = (char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
  return `U+${hex} '${char}'`;
}
