/** Builds the syntax tree of a Go template. @module */

import { GoFloat } from "./go_value.ts";
import { templateSyntaxError } from "./template_error.ts";
import { lexTemplate, type Token, type TokenKind } from "./template_lexer.ts";
import { parseNumberLiteral, unquote } from "./template_literals.ts";

/** Where a node is in the source, in UTF-16 units. */
export interface Span {
  /** Offset that errors report. */
  readonly at: number;
  readonly start: number;
  readonly end: number;
}

/** Something with a value, without arguments. */
export type Operand =
  & Span
  & (
    | { readonly kind: "dot" | "nil" }
    | { readonly kind: "constant"; readonly value: string | number | boolean | GoFloat }
    | { readonly kind: "field"; readonly names: readonly string[] }
    | { readonly kind: "variable"; readonly name: string; readonly names: readonly string[] }
    | { readonly kind: "chain"; readonly base: Operand; readonly names: readonly string[] }
    | { readonly kind: "function"; readonly name: string }
    | { readonly kind: "pipe"; readonly pipe: Pipe }
  );

/** An operand and its arguments. */
export interface Command extends Span {
  readonly first: Operand;
  readonly rest: readonly Operand[];
}

/** Commands, each the last argument of the next. */
export interface Pipe extends Span {
  /** Variables that take the value, dollar signs included. */
  readonly variables: readonly string[];
  /** Whether the variables exist already (`=`, not `:=`). */
  readonly isAssignment: boolean;
  readonly commands: readonly Command[];
}

/** A piece of a template that prints or decides. */
export type Node =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "action"; readonly pipe: Pipe }
  | ControlNode
  | TemplateCallNode
  | { readonly kind: "break" | "continue" };

/** `if`, `with` or `range`, and the two lists it chooses from. */
export interface ControlNode {
  readonly kind: "if" | "with" | "range";
  readonly pipe: Pipe;
  readonly body: readonly Node[];
  readonly otherwise: readonly Node[];
}

/** A call of a named template. */
export interface TemplateCallNode {
  readonly kind: "template";
  readonly name: string;
  /** What becomes the dot; nil without it. */
  readonly pipe: Pipe | undefined;
  readonly span: Span;
}

/** A template's tree, and those it defines by name; the outermost is named `""`. */
export type TemplateTrees = ReadonlyMap<string, readonly Node[]>;

/** Deepest nesting of blocks and parentheses; keeps hostile input off the end of the stack. */
const MAX_NESTING = 200;

const KEYWORDS: ReadonlySet<string> = new Set(
  "block break continue define else end if range nil template with".split(" "),
);
const OPERAND_KINDS: ReadonlySet<TokenKind> = new Set(
  ["word", "field", "variable", "dot", "number", "string", "char"] as const,
);

/**
 * Parses `source`.
 *
 * @param isFunction Whether a function of that name exists.
 * @throws {WherryError} `invalid_argument`, in Go's words.
 */
export function parseTemplateTrees(
  source: string,
  isFunction: (name: string) => boolean,
): TemplateTrees {
  return new TemplateParser(source, isFunction).parse();
}

const PARENTHESES = "parenthesized pipeline";

type ListEnd = "end" | "else" | "eof";

class TemplateParser {
  readonly #source: string;
  readonly #isFunction: (name: string) => boolean;
  readonly #tokens: readonly Token[];
  readonly #trees = new Map<string, readonly Node[]>();
  #position = 0;
  #nesting = 0;
  #rangeDepth = 0;
  #variables: string[] = ["$"];

  constructor(source: string, isFunction: (name: string) => boolean) {
    this.#source = source;
    this.#isFunction = isFunction;
    this.#tokens = lexTemplate(source);
  }

  parse(): TemplateTrees {
    const { nodes, end } = this.#parseList({ isOutermost: true });
    if (end !== "eof") throw this.#failure(`unexpected {{${end}}}`);
    this.#trees.set("", nodes);
    return this.#trees;
  }

  #parseList({ isOutermost = false } = {}): { nodes: Node[]; end: ListEnd } {
    const nodes: Node[] = [];
    for (;;) {
      const token = this.#next();
      if (token.kind === "end") {
        if (isOutermost) return { nodes, end: "eof" };
        throw this.#failure("unexpected EOF");
      }
      if (token.kind === "text") {
        nodes.push({ kind: "text", text: token.text });
        continue;
      }
      if (token.kind !== "open") throw this.#unexpected(token, "input");
      const keyword = this.#takeKeyword();
      if (keyword === "end" || keyword === "else") {
        if (keyword === "end") this.#expectClose("end");
        return { nodes, end: keyword };
      }
      if (keyword === "define" && isOutermost) this.#parseDefine();
      else nodes.push(this.#parseAction(keyword, token.start));
    }
  }

  #parseAction(keyword: string | undefined, start: number): Node {
    switch (keyword) {
      case undefined:
        return { kind: "action", pipe: this.#parsePipe("command") };
      case "if":
      case "with":
      case "range":
        return this.#parseControl(keyword);
      case "template":
        return this.#parseTemplateCall(start);
      case "block":
        return this.#parseBlock(start);
      case "break":
      case "continue":
        this.#expectClose(`{{${keyword}}}`);
        if (this.#rangeDepth === 0) throw this.#failure(`{{${keyword}}} outside {{range}}`);
        return { kind: keyword };
      default:
        throw this.#failure(`unexpected <${keyword}> in command`);
    }
  }

  #parseControl(kind: ControlNode["kind"]): Node {
    return this.#nested(() => {
      const variableCount = this.#variables.length;
      const pipe = this.#parsePipe(kind);
      if (kind === "range") this.#rangeDepth++;
      const { nodes: body, end } = this.#parseList();
      if (kind === "range") this.#rangeDepth--;
      const otherwise = end === "else" ? this.#parseElse(kind) : [];
      this.#variables.length = variableCount;
      return { kind, pipe, body, otherwise };
    });
  }

  /** Parses what follows `{{else`: a list, or the control that `else if` or `else with` opens. */
  #parseElse(kind: ControlNode["kind"]): Node[] {
    if (this.#peekPastSpace().text === kind && kind !== "range") {
      this.#nextPastSpace();
      return [this.#parseControl(kind)];
    }
    this.#expectClose("else");
    const { nodes, end } = this.#parseList();
    if (end !== "end") throw this.#failure(`expected end; found {{${end}}}`);
    return nodes;
  }

  #parseDefine(): void {
    const name = this.#parseName("define clause");
    this.#expectClose("define clause");
    this.#parseSubtree(name);
  }

  #parseBlock(start: number): Node {
    const name = this.#parseName("block clause");
    const pipe = this.#parsePipe("block clause");
    const span = this.#spanFrom(start, start);
    this.#parseSubtree(name);
    return { kind: "template", name, pipe, span };
  }

  /** Parses the body of a named template, which sees none of the variables around it. */
  #parseSubtree(name: string): void {
    const outer = { variables: this.#variables, rangeDepth: this.#rangeDepth };
    this.#variables = ["$"];
    this.#rangeDepth = 0;
    const { nodes, end } = this.#nested(() => this.#parseList());
    if (end !== "end") throw this.#failure(`unexpected {{${end}}}`);
    this.#trees.set(name, nodes);
    this.#variables = outer.variables;
    this.#rangeDepth = outer.rangeDepth;
  }

  #parseTemplateCall(start: number): Node {
    const name = this.#parseName("template clause");
    let pipe: Pipe | undefined;
    if (this.#peekPastSpace().kind === "close") this.#nextPastSpace();
    else pipe = this.#parsePipe("template clause");
    // Go reports the name's place, and shows the whole action.
    const at = this.#source.indexOf(" ", start) + 1;
    return { kind: "template", name, pipe, span: this.#spanFrom(start, at) };
  }

  #parseName(context: string): string {
    const token = this.#nextPastSpace();
    if (token.kind !== "string") throw this.#unexpected(token, context);
    return this.#unquote(token);
  }

  /** Parses up to and including the closing delimiter, or `)` for a pipe in parentheses. */
  #parsePipe(context: string): Pipe {
    const start = this.#peekPastSpace().start;
    const { variables, isAssignment } = this.#parseDeclaration(context);
    const commands: Command[] = [];
    for (;;) {
      const token = this.#peekPastSpace();
      const isEnd = context === PARENTHESES ? isSymbol(token, ")") : token.kind === "close";
      if (isEnd) {
        const span = this.#spanFrom(start, start);
        this.#nextPastSpace();
        this.#checkPipe(commands, context);
        if (!isAssignment) this.#variables.push(...variables);
        return { ...span, variables, isAssignment, commands };
      }
      if (!this.#startsOperand(token)) throw this.#unexpected(this.#nextPastSpace(), context);
      commands.push(this.#parseCommand());
    }
  }

  #startsOperand(token: Token): boolean {
    if (token.kind === "word" && KEYWORDS.has(token.text)) return token.text === "nil";
    return OPERAND_KINDS.has(token.kind) || isSymbol(token, "(");
  }

  #parseDeclaration(context: string): { variables: string[]; isAssignment: boolean } {
    const before = this.#position;
    const variables: string[] = [];
    while (this.#peekPastSpace().kind === "variable") {
      variables.push(this.#nextPastSpace().text);
      const operator = this.#nextPastSpace();
      if (isSymbol(operator, ":=") || isSymbol(operator, "=")) {
        return { variables, isAssignment: operator.text === "=" };
      }
      if (!isSymbol(operator, ",")) break;
      if (context !== "range" || variables.length === 2) {
        throw this.#failure(`too many declarations in ${context}`);
      }
    }
    this.#position = before;
    return { variables: [], isAssignment: false };
  }

  #checkPipe(commands: readonly Command[], context: string): void {
    if (commands.length === 0) throw this.#failure(`missing value for ${context}`);
    for (const [index, { first }] of commands.entries()) {
      const isExecutable = first.kind !== "constant" && first.kind !== "dot" &&
        first.kind !== "nil";
      if (index > 0 && !isExecutable) {
        throw this.#failure(`non executable command in pipeline stage ${index + 1}`);
      }
    }
  }

  #parseCommand(): Command {
    const start = this.#peekPastSpace().start;
    const operands: Operand[] = [];
    let span = this.#spanFrom(start, start);
    for (;;) {
      if (this.#startsOperand(this.#peekPastSpace())) {
        this.#skipSpace();
        operands.push(this.#parseOperand());
        span = this.#spanFrom(start, start);
      }
      const token = this.#peek();
      if (token.kind === "close" || isSymbol(token, ")")) break;
      this.#next();
      if (token.kind === "space") continue;
      if (isSymbol(token, "|")) break;
      throw this.#unexpected(token, "operand");
    }
    const [first, ...rest] = operands;
    if (first === undefined) throw this.#failure("empty command");
    return { ...span, first, rest };
  }

  #parseOperand(): Operand {
    const base = this.#parseTerm();
    const chainAt = this.#peek().start;
    const names: string[] = [];
    while (this.#peek().kind === "field") names.push(this.#next().text.slice(1));
    if (names.length === 0) return base;
    const span = this.#spanFrom(base.start, chainAt);
    switch (base.kind) {
      case "field":
        return { ...base, ...span, names: [...base.names, ...names] };
      case "variable":
        return { ...base, ...span, names };
      case "constant":
      case "nil":
      case "dot": {
        const text = this.#source.slice(base.start, base.end);
        throw this.#failure(`unexpected . after term ${JSON.stringify(text)}`);
      }
      default:
        return { ...span, kind: "chain", base, names };
    }
  }

  #parseTerm(): Operand {
    const token = this.#next();
    const { start, text } = token;
    const span = this.#spanFrom(start, start);
    switch (token.kind) {
      case "dot":
        return { ...span, kind: "dot" };
      case "field":
        return { ...span, kind: "field", names: [text.slice(1)] };
      case "variable":
        this.#checkVariable(text);
        return { ...span, kind: "variable", name: text, names: [] };
      case "string":
        return { ...span, kind: "constant", value: this.#unquote(token) };
      case "number":
      case "char":
        return { ...span, kind: "constant", value: this.#parseNumber(token) };
      case "word":
        return this.#parseWord(text, span);
      default:
        return this.#nested(() => this.#parseParentheses(start));
    }
  }

  #parseParentheses(start: number): Operand {
    const pipe = this.#parsePipe(PARENTHESES);
    return { ...this.#spanFrom(start, start), kind: "pipe", pipe };
  }

  #parseWord(name: string, span: Span): Operand {
    if (name === "nil") return { ...span, kind: "nil" };
    if (name === "true" || name === "false") {
      return { ...span, kind: "constant", value: name === "true" };
    }
    if (!this.#isFunction(name)) throw this.#failure(`function "${name}" not defined`);
    return { ...span, kind: "function", name };
  }

  #unquote(token: Token): string {
    const value = unquote(token.text);
    if (value === undefined) throw this.#failure("invalid syntax");
    return value;
  }

  #parseNumber({ kind, text }: Token): number | GoFloat {
    const result = parseNumberLiteral(text);
    if (typeof result === "string") throw this.#failure(result);
    return kind === "number" && FLOAT_MARK.test(text) ? new GoFloat(result) : result;
  }

  #checkVariable(name: string): void {
    if (!this.#variables.includes(name)) throw this.#failure(`undefined variable "${name}"`);
  }

  /** Takes the keyword that opens an action, if there is one. */
  #takeKeyword(): string | undefined {
    const token = this.#peekPastSpace();
    if (token.kind !== "word" || !KEYWORDS.has(token.text) || token.text === "nil") {
      return undefined;
    }
    return this.#nextPastSpace().text;
  }

  #expectClose(context: string): void {
    const token = this.#nextPastSpace();
    if (token.kind !== "close") throw this.#unexpected(token, context);
  }

  #nested<T>(parse: () => T): T {
    if (++this.#nesting > MAX_NESTING) {
      throw this.#failure(`exceeded maximum nesting (${MAX_NESTING})`);
    }
    const result = parse();
    this.#nesting--;
    return result;
  }

  #peek(): Token {
    return this.#tokens[this.#position] ?? LAST_TOKEN;
  }

  #next(): Token {
    const token = this.#peek();
    this.#position++;
    return token;
  }

  #skipSpace(): void {
    while (this.#peek().kind === "space") this.#position++;
  }

  #peekPastSpace(): Token {
    const before = this.#position;
    this.#skipSpace();
    const token = this.#peek();
    this.#position = before;
    return token;
  }

  #nextPastSpace(): Token {
    this.#skipSpace();
    return this.#next();
  }

  /** Span from `start` to the end of the token taken last. */
  #spanFrom(start: number, at: number): Span {
    const last = this.#tokens[this.#position - 1] ?? LAST_TOKEN;
    return { at, start, end: Math.max(start, last.start + last.text.length) };
  }

  #unexpected(token: Token, context: string): Error {
    if (token.kind === "error") return this.#failure(token.text);
    if (token.kind === "end") return this.#failure("unexpected EOF");
    if (token.kind === "close" && context === PARENTHESES) {
      return this.#failure("unclosed left paren");
    }
    if (isSymbol(token, ")")) return this.#failure("unexpected right paren");
    const isKeyword = token.kind === "dot" || (token.kind === "word" && KEYWORDS.has(token.text));
    const shown = isKeyword ? `<${token.text}>` : JSON.stringify(token.text);
    return this.#failure(`unexpected ${shown} in ${context}`);
  }

  #failure(problem: string): Error {
    const token = this.#tokens[this.#position - 1] ?? LAST_TOKEN;
    return templateSyntaxError(this.#source, token.start, problem);
  }
}

/** What makes a number that is not hexadecimal a float, even without a fraction. */
const FLOAT_MARK = /^[^xX]*[.eEpP]/;
const LAST_TOKEN: Token = { kind: "end", text: "EOF", start: 0 };

function isSymbol(token: Token, text: string): boolean {
  return token.kind === "symbol" && token.text === text;
}
