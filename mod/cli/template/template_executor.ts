/** Carries out the syntax tree of a Go template on data. @module */

import { WherryError } from "../../errors.ts";
import { formatValue } from "./go_format.ts";
import {
  ANY_TYPE,
  dereference,
  elementTypeName,
  GoFloat,
  GoList,
  GoMap,
  type GoMethod,
  GoStruct,
  goTypeName,
  goValueOf,
  isMethod,
  isNil,
} from "./go_value.ts";
import { templateExecutionError } from "./template_error.ts";
import {
  FunctionFailure,
  isTruthy,
  type ParameterType,
  TEMPLATE_FUNCTIONS,
  type TemplateFunction,
} from "./template_functions.ts";
import type {
  Command,
  ControlNode,
  Node,
  Operand,
  Pipe,
  Span,
  TemplateCallNode,
  TemplateTrees,
} from "./template_parser.ts";

/** How a template treats the data it is given. */
export interface TemplateOptions {
  /**
   * What a field that a map lacks gives; a struct always gives an error.
   * @default {"no value"}
   */
  readonly missingKey?: "error" | "no value";
  /** Functions that give their first argument as it is, whatever they do elsewhere. */
  readonly identityFunctions?: ReadonlySet<string>;
  /** Whether an error only ends the output, as docker ends the titles of a table. */
  readonly isCutByErrors?: boolean;
  /** Changes each value before it is printed; literals are printed as they are. */
  readonly filter?: (text: string) => string;
}

/** Most pieces that one execution evaluates: ends `range` over huge numbers within seconds. */
const MAX_STEPS = 2_000_000;
/** Most characters that one execution prints: 64 Mi. */
const MAX_OUTPUT_LENGTH = 64 * 1024 * 1024;
/** Deepest nesting of template calls; Go's 100000 would overflow the stack here. */
const MAX_TEMPLATE_DEPTH = 100;

const NOTHING = Symbol("no piped value");

type Flow = "next" | "break" | "continue";

interface Variable {
  readonly name: string;
  value: unknown;
}

/**
 * Carries out a template on `data`, and returns what it prints.
 *
 * @throws {WherryError} `invalid_argument`, in Go's words, if the template does not suit the data,
 * or asks for too much.
 */
export function executeTemplate(
  trees: TemplateTrees,
  data: unknown,
  { source, ...options }: TemplateOptions & { source: string },
): string {
  return new TemplateExecutor(trees, source, options).execute(data);
}

class TemplateExecutor {
  readonly #trees: TemplateTrees;
  readonly #source: string;
  readonly #options: TemplateOptions;
  readonly #printed: string[] = [];
  #printedLength = 0;
  #steps = 0;
  #depth = 0;
  #place = NO_SPAN;
  #templateName = "";
  #variables: Variable[] = [];

  constructor(trees: TemplateTrees, source: string, options: TemplateOptions) {
    this.#trees = trees;
    this.#source = source;
    this.#options = options;
  }

  execute(data: unknown): string {
    this.#variables = [{ name: "$", value: data }];
    try {
      this.#walkList(this.#trees.get("") ?? [], data);
    } catch (error) {
      if (this.#options.isCutByErrors !== true || !(error instanceof WherryError)) throw error;
    }
    return this.#printed.join("");
  }

  #walkList(nodes: readonly Node[], dot: unknown): Flow {
    for (const node of nodes) {
      const flow = this.#walk(node, dot);
      if (flow !== "next") return flow;
    }
    return "next";
  }

  #walk(node: Node, dot: unknown): Flow {
    switch (node.kind) {
      case "text":
        this.#print(node.text);
        return "next";
      case "action":
        this.#walkAction(node.pipe, dot);
        return "next";
      case "if":
      case "with":
      case "range":
        return this.#scoped(() => this.#walkControl(node, dot));
      case "template":
        this.#walkTemplate(node, dot);
        return "next";
      default:
        return node.kind;
    }
  }

  #walkControl(node: ControlNode, dot: unknown): Flow {
    if (node.kind === "range") return this.#walkRange(node, dot);
    const value = this.#evaluatePipe(node.pipe, dot);
    if (!isTruthy(value)) return this.#walkList(node.otherwise, dot);
    return this.#walkList(node.body, node.kind === "with" ? value : dot);
  }

  #walkAction(pipe: Pipe, dot: unknown): void {
    const value = this.#evaluatePipe(pipe, dot);
    if (pipe.variables.length > 0) return;
    const isMissing = value === null || value === undefined;
    const text = isMissing ? "<no value>" : formatValue(dereference(value));
    const [command, ...others] = pipe.commands;
    const isLiteral = others.length === 0 && command?.first.kind === "constant";
    this.#print(isLiteral ? text : this.#options.filter?.(text) ?? text);
  }

  #print(text: string): void {
    this.#printedLength += text.length;
    if (this.#printedLength > MAX_OUTPUT_LENGTH) {
      throw this.#failure(`output longer than ${MAX_OUTPUT_LENGTH} characters`);
    }
    this.#printed.push(text);
  }

  #walkRange(node: ControlNode, dot: unknown): Flow {
    const { pipe, body, otherwise } = node;
    const value = dereference(this.#evaluateCommands(pipe, dot));
    if (typeof value === "number" && pipe.variables.length > 1) {
      const problem = `can't use ${value} to iterate over more than one variable`;
      throw this.#failure(problem);
    }
    let isEmpty = true;
    for (const [key, element] of this.#entriesOf(value)) {
      isEmpty = false;
      this.#visit(pipe);
      const flow = this.#scoped(() => {
        this.#assignRange(pipe, key, element);
        return this.#walkList(body, element);
      });
      if (flow === "break") break;
    }
    return isEmpty ? this.#walkList(otherwise, dot) : "next";
  }

  #assignRange(pipe: Pipe, key: unknown, element: unknown): void {
    const values = pipe.variables.length === 1 ? [element] : [key, element];
    for (const [index, name] of pipe.variables.entries()) {
      this.#assign(pipe, name, values[index]);
    }
  }

  *#entriesOf(value: unknown): Generator<[key: unknown, element: unknown]> {
    if (value === null || value === undefined) return;
    if (value instanceof GoList) {
      yield* value.items.entries();
    } else if (value instanceof GoMap) {
      for (const key of value.sortedKeys()) yield [key, value.entries.get(key)];
    } else if (typeof value === "number") {
      for (let count = 0; count < value; count++) yield [count, count];
    } else {
      throw this.#failure(`range can't iterate over ${formatValue(value)}`);
    }
  }

  #walkTemplate({ name, pipe, span }: TemplateCallNode, dot: unknown): void {
    this.#visit(span);
    const tree = this.#trees.get(name);
    if (tree === undefined) throw this.#failure(`template "${name}" not defined`);
    const value = pipe === undefined ? null : this.#evaluatePipe(pipe, dot);
    if (this.#depth >= MAX_TEMPLATE_DEPTH) {
      throw this.#failure(`exceeded maximum template depth (${MAX_TEMPLATE_DEPTH})`);
    }
    const outer = { variables: this.#variables, name: this.#templateName };
    this.#variables = [{ name: "$", value }];
    this.#templateName = name;
    this.#depth++;
    this.#walkList(tree, value);
    this.#depth--;
    this.#variables = outer.variables;
    this.#templateName = outer.name;
  }

  #scoped(walk: () => Flow): Flow {
    const count = this.#variables.length;
    const flow = walk();
    this.#variables.length = count;
    return flow;
  }

  #evaluatePipe(pipe: Pipe, dot: unknown): unknown {
    const value = this.#evaluateCommands(pipe, dot);
    for (const name of pipe.variables) this.#assign(pipe, name, value);
    return value;
  }

  #evaluateCommands(pipe: Pipe, dot: unknown): unknown {
    let value: unknown = NOTHING;
    for (const command of pipe.commands) value = this.#evaluateCommand(command, dot, value);
    return value;
  }

  #assign(pipe: Pipe, name: string, value: unknown): void {
    if (!pipe.isAssignment) {
      this.#variables.push({ name, value });
      return;
    }
    const existing = this.#findVariable(name);
    if (existing === undefined) {
      throw this.#failure(`undefined variable: ${name}`);
    }
    existing.value = value;
  }

  #findVariable(name: string): Variable | undefined {
    return this.#variables.findLast((variable) => variable.name === name);
  }

  #evaluateCommand(command: Command, dot: unknown, piped: unknown): unknown {
    const { first, rest } = command;
    this.#visit(first);
    const args = { operands: rest, piped, dot };
    switch (first.kind) {
      case "function":
        return this.#callFunction(command, first.name, { dot, piped });
      case "field":
        return this.#readFields({ value: dot, names: first.names, args });
      case "variable":
        if (first.names.length === 0) break;
        return this.#readFields({
          value: this.#findVariable(first.name)?.value,
          names: first.names,
          args,
        });
      case "chain":
        return this.#readFields({
          value: this.#evaluateOperand(first.base, dot),
          names: first.names,
          args,
        });
    }
    if (rest.length > 0 || piped !== NOTHING) {
      throw this.#failure(`can't give argument to non-function ${this.#textOf(first)}`);
    }
    if (first.kind === "nil") throw this.#failure("nil is not a command");
    return this.#evaluateOperand(first, dot);
  }

  #evaluateOperand(operand: Operand, dot: unknown): unknown {
    this.#visit(operand);
    switch (operand.kind) {
      case "dot":
        return dot;
      case "nil":
        return null;
      case "constant":
        return operand.value;
      case "pipe":
        return this.#evaluatePipe(operand.pipe, dot);
      case "function":
        return this.#callFunction({ ...operand, first: operand, rest: [] }, operand.name, {
          dot,
          piped: NOTHING,
        });
      case "field":
        return this.#readFields({ value: dot, names: operand.names, args: NO_ARGUMENTS });
      case "variable": {
        const value = this.#findVariable(operand.name)?.value;
        return this.#readFields({ value, names: operand.names, args: NO_ARGUMENTS });
      }
      case "chain": {
        const value = this.#evaluateOperand(operand.base, dot);
        return this.#readFields({ value, names: operand.names, args: NO_ARGUMENTS });
      }
    }
  }

  #callFunction(
    command: Command,
    name: string,
    { dot, piped }: { dot: unknown; piped: unknown },
  ): unknown {
    const callee = TEMPLATE_FUNCTIONS.get(name);
    if (callee === undefined) throw this.#failure(`function "${name}" not defined`);
    const { rest } = command;
    const count = rest.length + (piped === NOTHING ? 0 : 1);
    this.#checkArgCount(callee, { name, count });
    const request = { operands: rest, piped, dot };
    const isIdentity = this.#options.identityFunctions?.has(name) === true;
    const typeAt = (index: number): ParameterType =>
      isIdentity ? "any" : parameterAt(callee, index);
    const args = name === "and" || name === "or"
      ? this.#evaluateUntilDecided(request, name)
      : this.#evaluateArgs(request, typeAt);
    if (isIdentity) return args[0];
    try {
      const texts = rest.map((operand) =>
        this.#textOf(operand.kind === "pipe" ? operand.pipe : operand)
      );
      return callee.call(args, texts);
    } catch (error) {
      if (!(error instanceof FunctionFailure)) throw error;
      this.#place = command;
      throw this.#failure(`error calling ${name}: ${error.message}`);
    }
  }

  #checkArgCount(
    { parameters, isVariadic }: TemplateFunction,
    { name, count }: { name: string; count: number },
  ): void {
    const min = parameters.length - (isVariadic ? 1 : 0);
    if (isVariadic ? count >= min : count === min) return;
    throw this.#failure(
      `wrong number of args for ${name}: want ${isVariadic ? "at least " : ""}${min} got ${count}`,
    );
  }

  #evaluateArgs(
    { operands, piped, dot }: Arguments,
    typeAt: (index: number) => ParameterType,
  ): unknown[] {
    const args = operands.map((operand, index) => this.#evaluateArg(operand, typeAt(index), dot));
    if (piped === NOTHING) return args;
    const type = typeAt(operands.length);
    return [...args, this.#convertArg(type, piped ?? undefined)];
  }

  #evaluateArg(operand: Operand, type: ParameterType, dot: unknown): unknown {
    this.#visit(operand);
    if (type !== "any") {
      if (operand.kind === "constant") return this.#readConstant(operand, type, operand.value);
      if (operand.kind === "nil" && type !== "[]string") {
        throw this.#failure(`cannot assign nil to ${type}`);
      }
    }
    const value = this.#evaluateOperand(operand, dot);
    // A pipe forgets that what is nil could be anything
    const isUntyped = value === null && (operand.kind === "pipe" || operand.kind === "nil");
    return this.#convertArg(type, isUntyped && type !== "any" ? undefined : value);
  }

  /** A literal where a function wants a type; an integer may be written as `1.0`. */
  #readConstant(
    span: Span,
    type: ParameterType,
    value: string | number | boolean | GoFloat,
  ): unknown {
    if (type === "string" && typeof value === "string") return value;
    const number = value instanceof GoFloat ? value.value : value;
    if (type === "int" && Number.isInteger(number)) return number;
    const text = this.#textOf(span);
    if (type === "[]string") {
      throw this.#failure(`can't handle ${text} for arg of type ${type}`);
    }
    throw this.#failure(`expected ${type === "int" ? "integer" : type}; found ${text}`);
  }

  #convertArg(type: ParameterType, arg: unknown): unknown {
    if (type === "any") return arg;
    if (arg === undefined && type !== "[]string") {
      throw this.#failure(`invalid value; expected ${type}`);
    }
    if (arg === undefined) return new GoList("[]string", [], true);
    const value = dereference(arg);
    if (goTypeName(value) === type) return value;
    const found = value === null ? ANY_TYPE : goTypeName(value);
    throw this.#failure(`wrong type for value; expected ${type}; got ${found}`);
  }

  /** Arguments of `and` or `or` up to the one that decides; the others are not evaluated. */
  #evaluateUntilDecided({ operands, piped, dot }: Arguments, name: "and" | "or"): unknown[] {
    const args: unknown[] = [];
    for (const operand of operands) {
      const arg = this.#evaluateOperand(operand, dot);
      args.push(arg);
      if (isTruthy(arg) === (name === "or")) return args;
    }
    return piped === NOTHING ? args : [...args, piped];
  }

  #readFields(
    { value, names, args }: { value: unknown; names: readonly string[]; args: Arguments },
  ): unknown {
    const last = names.length - 1;
    let [receiver, typeName] = [value, goTypeName(value)];
    for (const [index, name] of names.entries()) {
      const found = this.#readField({
        ...{ receiver, typeName, name },
        args: index === last ? args : NO_ARGUMENTS,
      });
      typeName = isBoxed(receiver) ? ANY_TYPE : goTypeName(found);
      receiver = found;
    }
    return receiver;
  }

  #readField(request: FieldRequest): unknown {
    const { receiver, typeName, name, args } = request;
    const isStrict = this.#options.missingKey === "error";
    if (receiver === undefined) {
      if (!isStrict) return undefined;
      throw this.#failure(`nil data; no entry for key ${JSON.stringify(name)}`);
    }
    const holder = dereference(receiver);
    const isHolder = holder instanceof GoStruct || holder instanceof GoMap;
    if (!isHolder && isNil(holder)) {
      const type = holder === null ? ANY_TYPE : typeName;
      throw this.#failure(`nil pointer evaluating ${type}.${name}`);
    }
    const value = isHolder ? memberOf(holder, name) : undefined;
    if (isMethod(value)) return this.#callMethod(value, request);
    if (!isHolder || (holder instanceof GoStruct && !holder.has(name))) {
      throw this.#failure(`can't evaluate field ${name} in type ${typeName}`);
    }
    if (countOf(args) > 0) {
      const problem = holder instanceof GoStruct
        ? `${name} has arguments but cannot be invoked as function`
        : `${name} is not a method but has arguments`;
      throw this.#failure(problem);
    }
    if (value === undefined && isStrict) {
      throw this.#failure(`map has no entry for key ${JSON.stringify(name)}`);
    }
    return value;
  }

  #callMethod(method: GoMethod, { name, args }: FieldRequest): unknown {
    const count = countOf(args);
    if (count !== method.length) {
      const problem = `wrong number of args for ${name}: want ${method.length} got ${count}`;
      throw this.#failure(problem);
    }
    const texts = this.#evaluateArgs(args, () => "string").map(String);
    return goValueOf(method(...texts));
  }

  /** Notes where errors are from now on: like Go, at what was evaluated last. */
  #visit(span: Span): void {
    this.#place = span;
    if (++this.#steps > MAX_STEPS) {
      throw this.#failure(`exceeded maximum number of steps (${MAX_STEPS})`);
    }
  }

  #textOf({ start, end }: Span): string {
    return this.#source.slice(start, end);
  }

  #failure(problem: string): WherryError {
    const place = {
      source: this.#source,
      templateName: this.#templateName,
      at: this.#place.at,
      text: this.#textOf(this.#place),
    };
    return templateExecutionError(place, problem);
  }
}

const NO_SPAN: Span = { at: 0, start: 0, end: 0 };

/** What a function or a method is called with; operands are evaluated once their number is right. */
interface Arguments {
  readonly operands: readonly Operand[];
  /** What the pipe brings, or {@linkcode NOTHING}. */
  readonly piped: unknown;
  readonly dot: unknown;
}

const NO_ARGUMENTS: Arguments = { operands: [], piped: NOTHING, dot: undefined };

function countOf({ operands, piped }: Arguments): number {
  return operands.length + (piped === NOTHING ? 0 : 1);
}

/** A field to read. */
interface FieldRequest {
  readonly receiver: unknown;
  /** Go's name for the receiver's type as far as Go knows it before it looks. */
  readonly typeName: string;
  readonly name: string;
  readonly args: Arguments;
}

function memberOf(holder: GoStruct | GoMap, name: string): unknown {
  return holder instanceof GoStruct ? holder.get(name) : holder.entries.get(name);
}

/** Whether Go knows no more of what it holds than that it can be anything. */
function isBoxed(holder: unknown): boolean {
  return (holder instanceof GoMap || holder instanceof GoList) &&
    elementTypeName(holder) === ANY_TYPE;
}

function parameterAt({ parameters }: TemplateFunction, index: number): ParameterType {
  return parameters[Math.min(index, parameters.length - 1)] ?? "any";
}
