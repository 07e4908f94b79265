/** Carries out the syntax tree of a Go template on data. @module */

import type { WherryError } from "../errors.ts";
import { formatValue, sortedKeys } from "./go_format.ts";
import { templateExecutionError } from "./template_error.ts";
import {
  FunctionFailure,
  isTruthy,
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
  /** Go's name for the type of the whole data, for the error of a field it lacks. */
  readonly typeName?: string;
  /**
   * What a field that an object lacks gives: `error` as for `docker inspect`, or `<no value>`.
   * @default {"no value"}
   */
  readonly missingField?: "error" | "no value";
  /**
   * Fields whose values are maps, with what a key they lack stands for under `index`. A map never
   * gives an error, and is empty where it is null.
   */
  readonly mapFields?: ReadonlyMap<string, unknown>;
  /** Functions that give their first argument as it is, whatever they do elsewhere. */
  readonly identityFunctions?: ReadonlySet<string>;
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
  readonly #zeros = new WeakMap<object, unknown>();
  readonly #printed: string[] = [];
  #printedLength = 0;
  #steps = 0;
  #depth = 0;
  #templateName = "";
  #root: unknown;
  #variables: Variable[] = [];

  constructor(trees: TemplateTrees, source: string, options: TemplateOptions) {
    this.#trees = trees;
    this.#source = source;
    this.#options = options;
  }

  execute(data: unknown): string {
    this.#root = data;
    this.#variables = [{ name: "$", value: data }];
    this.#walkList(this.#trees.get("") ?? [], data);
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
    const text = value === null || value === undefined ? "<no value>" : formatValue(value);
    const [command, ...others] = pipe.commands;
    const isLiteral = others.length === 0 && command?.first.kind === "constant";
    this.#print(isLiteral ? text : this.#options.filter?.(text) ?? text, pipe);
  }

  #print(text: string, span?: Span): void {
    this.#printedLength += text.length;
    if (this.#printedLength > MAX_OUTPUT_LENGTH) {
      throw this.#failure(span ?? NO_SPAN, `output longer than ${MAX_OUTPUT_LENGTH} characters`);
    }
    this.#printed.push(text);
  }

  #walkRange(node: ControlNode, dot: unknown): Flow {
    const { pipe, body, otherwise } = node;
    const value = this.#evaluateCommands(pipe, dot);
    if (typeof value === "number" && pipe.variables.length > 1) {
      const problem = `can't use ${value} to iterate over more than one variable`;
      throw this.#failure(pipe.commands[0]?.first ?? pipe, problem);
    }
    let isEmpty = true;
    for (const [key, element] of this.#entriesOf(value, pipe)) {
      isEmpty = false;
      this.#countStep(pipe);
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

  *#entriesOf(value: unknown, pipe: Pipe): Generator<[key: unknown, element: unknown]> {
    if (value === null || value === undefined) return;
    if (Array.isArray(value)) {
      yield* value.entries();
    } else if (typeof value === "object") {
      for (const key of sortedKeys(value)) yield [key, Reflect.get(value, key)];
    } else if (typeof value === "number" && Number.isInteger(value)) {
      for (let count = 0; count < value; count++) yield [count, count];
    } else {
      throw this.#failure(
        pipe.commands[0]?.first ?? pipe,
        `range can't iterate over ${formatValue(value)}`,
      );
    }
  }

  #walkTemplate({ name, pipe, span }: TemplateCallNode, dot: unknown): void {
    const tree = this.#trees.get(name);
    if (tree === undefined) throw this.#failure(span, `template "${name}" not defined`);
    const value = pipe === undefined ? null : this.#evaluatePipe(pipe, dot);
    if (this.#depth >= MAX_TEMPLATE_DEPTH) {
      throw this.#failure(span, `exceeded maximum template depth (${MAX_TEMPLATE_DEPTH})`);
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
    const existing = pipe.isAssignment ? this.#findVariable(name) : undefined;
    if (existing === undefined) this.#variables.push({ name, value });
    else existing.value = value;
  }

  #findVariable(name: string): Variable | undefined {
    return this.#variables.findLast((variable) => variable.name === name);
  }

  #evaluateCommand(command: Command, dot: unknown, piped: unknown): unknown {
    this.#countStep(command);
    const { first, rest } = command;
    // Evaluated late: `and` and `or` may not need them.
    const args = (): unknown[] => [
      ...rest.map((operand) => this.#evaluateOperand(operand, dot)),
      ...(piped === NOTHING ? [] : [piped]),
    ];
    switch (first.kind) {
      case "function":
        return this.#callFunction(command, first.name, { dot, args });
      case "field":
        return this.#readFields(first, { value: dot, names: first.names, args: args() });
      case "variable":
        if (first.names.length === 0) break;
        return this.#readFields(first, {
          value: this.#findVariable(first.name)?.value,
          names: first.names,
          args: args(),
        });
      case "chain":
        return this.#readFields(first, {
          value: this.#evaluateOperand(first.base, dot),
          names: first.names,
          args: args(),
        });
    }
    if (rest.length > 0 || piped !== NOTHING) {
      throw this.#failure(first, `can't give argument to non-function ${this.#textOf(first)}`);
    }
    if (first.kind === "nil") throw this.#failure(first, "nil is not a command");
    return this.#evaluateOperand(first, dot);
  }

  #evaluateOperand(operand: Operand, dot: unknown): unknown {
    this.#countStep(operand);
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
          args: () => [],
        });
      case "field":
        return this.#readFields(operand, { value: dot, names: operand.names, args: [] });
      case "variable": {
        const value = this.#findVariable(operand.name)?.value;
        return this.#readFields(operand, { value, names: operand.names, args: [] });
      }
      case "chain": {
        const value = this.#evaluateOperand(operand.base, dot);
        return this.#readFields(operand, { value, names: operand.names, args: [] });
      }
    }
  }

  #callFunction(
    command: Command,
    name: string,
    { dot, args }: { dot: unknown; args: () => unknown[] },
  ): unknown {
    const callee = TEMPLATE_FUNCTIONS.get(name);
    if (callee === undefined) throw this.#failure(command, `function "${name}" not defined`);
    if ((name === "and" || name === "or") && command.rest.length > 0) {
      const decided = this.#shortCircuit(command, name, dot);
      if (decided !== NOTHING) return decided;
    }
    const values = args();
    this.#checkArgCount(command.first, callee, { name, count: values.length });
    if (this.#options.identityFunctions?.has(name)) return values[0];
    try {
      return callee.call(values, (map) => this.#zeros.get(map));
    } catch (error) {
      if (!(error instanceof FunctionFailure)) throw error;
      throw this.#failure(command, `error calling ${name}: ${error.message}`);
    }
  }

  #checkArgCount(
    span: Span,
    { minArgs, maxArgs }: TemplateFunction,
    { name, count }: { name: string; count: number },
  ): void {
    if (count >= minArgs && count <= maxArgs) return;
    const bound = count < minArgs ? minArgs : maxArgs;
    const kind = minArgs === maxArgs ? "" : count < minArgs ? "at least " : "at most ";
    throw this.#failure(
      span,
      `wrong number of args for ${name}: want ${kind}${bound} got ${count}`,
    );
  }

  /** Value of the first argument that decides `and` or `or`, the others not evaluated. */
  #shortCircuit(command: Command, name: "and" | "or", dot: unknown): unknown {
    for (const operand of command.rest) {
      const value = this.#evaluateOperand(operand, dot);
      if (isTruthy(value) === (name === "or")) return value;
    }
    return NOTHING;
  }

  #readFields(
    operand: Operand,
    { value, names, args }: { value: unknown; names: readonly string[]; args: readonly unknown[] },
  ): unknown {
    const last = names.length - 1;
    return names.reduce(
      (receiver, name, index) =>
        this.#readField(operand, { receiver, name, args: index === last ? args : [] }),
      value,
    );
  }

  #readField(
    operand: Operand,
    { receiver, name, args }: { receiver: unknown; name: string; args: readonly unknown[] },
  ): unknown {
    if (receiver === undefined && this.#options.missingField !== "error") return undefined;
    if (receiver === null || receiver === undefined) {
      throw this.#failure(operand, `nil pointer evaluating interface {}.${name}`);
    }
    if (typeof receiver !== "object" || Array.isArray(receiver)) {
      throw this.#failure(operand, `can't evaluate field ${name} in type interface {}`);
    }
    if (!Object.hasOwn(receiver, name)) return this.#readMissing(operand, receiver, name);
    const value: unknown = Reflect.get(receiver, name);
    if (typeof value === "function") return value.apply(receiver, args);
    if (args.length > 0) {
      throw this.#failure(operand, `${name} is not a method but has arguments`);
    }
    return this.#asMap(name, value);
  }

  #readMissing(operand: Operand, receiver: object, name: string): unknown {
    const { missingField, typeName, mapFields } = this.#options;
    if (mapFields?.has(name) === true) return this.#asMap(name, undefined);
    if (this.#zeros.has(receiver) || missingField !== "error") return undefined;
    if (receiver === this.#root && typeName !== undefined) {
      throw this.#failure(operand, `can't evaluate field ${name} in type ${typeName}`);
    }
    throw this.#failure(operand, `map has no entry for key ${JSON.stringify(name)}`);
  }

  /** Remembers that the value of a field in `mapFields` is a map. */
  #asMap(name: string, value: unknown): unknown {
    const { mapFields } = this.#options;
    if (mapFields?.has(name) !== true) return value;
    const map = value ?? {};
    if (typeof map === "object") this.#zeros.set(map, mapFields.get(name));
    return map;
  }

  #countStep(span: Span): void {
    if (++this.#steps > MAX_STEPS) {
      throw this.#failure(span, `exceeded maximum number of steps (${MAX_STEPS})`);
    }
  }

  #textOf({ start, end }: Span): string {
    return this.#source.slice(start, end);
  }

  #failure(span: Span, problem: string): WherryError {
    const place = {
      source: this.#source,
      templateName: this.#templateName,
      at: span.at,
      text: this.#textOf(span),
    };
    return templateExecutionError(place, problem);
  }
}

const NO_SPAN: Span = { at: 0, start: 0, end: 0 };
