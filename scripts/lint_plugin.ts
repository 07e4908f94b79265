/**
 * The project's own lint rules, run by `deno lint`.
 *
 * Each rule keeps one promise of CONTRIBUTING.md that a reader would otherwise
 * have to trust: where native code is called, where the process may end, where
 * it may print, and how errors read.
 *
 * @module
 */

type Node = Deno.lint.Node;

/** Directory of the checkout, with a slash at its end. */
const PROJECT_ROOT = new URL("../", import.meta.url).pathname;

/** Most parameters of an exported function: two values and an options object. */
const MAX_ARGUMENTS = 3;

/**
 * Which argument is the message, for the errors whose message is written where they are thrown.
 * Other classes compose theirs in one place from what they are given.
 */
const MESSAGE_POSITION: ReadonlyMap<string, number> = new Map([
  ["AggregateError", 1],
  ["Error", 0],
  ["RangeError", 0],
  ["SuppressedError", 2],
  ["SyntaxError", 0],
  ["TypeError", 0],
  ["WherryError", 1],
]);

/** Members of `Deno` that reach into memory or native code. */
const NATIVE_MEMBERS: ReadonlySet<string> = new Set([
  "dlopen",
  "UnsafeCallback",
  "UnsafeFnPointer",
  "UnsafePointer",
  "UnsafePointerView",
]);

/** Members of `Deno.stdout` and `Deno.stderr` that print. */
const PRINTING_MEMBERS: ReadonlySet<string> = new Set(["write", "writeSync", "writable"]);

/** Path of `filename` from the root of the checkout, or as it is when it lies elsewhere. */
function projectPath(filename: string): string {
  return filename.startsWith(PROJECT_ROOT) ? filename.slice(PROJECT_ROOT.length) : filename;
}

/** Whether `path` is a test, a script or anything else that is not part of the program. */
function isTooling(path: string): boolean {
  return path.endsWith("_test.ts") || path.startsWith("scripts/") || path.startsWith("tests/");
}

/** Name of `object.name` when `object` is the global called `global`, otherwise undefined. */
function memberOf(node: Node, global: string): string | undefined {
  if (node.type !== "MemberExpression") return undefined;
  if (node.object.type !== "Identifier" || node.object.name !== global) return undefined;
  if (node.property.type === "Identifier" && !node.computed) return node.property.name;
  return node.property.type === "Literal" ? String(node.property.value) : undefined;
}

/** First and last fixed text of a message; undefined for an end that is computed. */
interface MessageEnds {
  start: string | undefined;
  end: string | undefined;
}

/** What can be known of a message before the program runs. */
function messageEnds(node: Node): MessageEnds {
  if (node.type === "Literal" && typeof node.value === "string") {
    return { start: node.value, end: node.value };
  }
  if (node.type === "TemplateLiteral") {
    const start = node.quasis.at(0)?.cooked;
    const end = node.quasis.at(-1)?.cooked;
    return { start: start === "" ? undefined : start, end: end === "" ? undefined : end };
  }
  if (node.type === "BinaryExpression" && node.operator === "+") {
    return { start: messageEnds(node.left).start, end: messageEnds(node.right).end };
  }
  return { start: undefined, end: undefined };
}

/** Says what is wrong with a message, or undefined when nothing is. */
function messageFault({ start, end }: MessageEnds): string | undefined {
  if (start !== undefined && !/^\p{Lu}/u.test(start)) {
    return "An error message starts with an upper-case letter";
  }
  if (end?.endsWith(".")) return "An error message does not end with a full stop";
  return undefined;
}

/** Whether a method is one of DataView's, where `true` is known to mean little-endian. */
function isByteOrderCall(callee: Node): boolean {
  return callee.type === "MemberExpression" && callee.property.type === "Identifier" &&
    /^[gs]et(Big)?(Int|Uint|Float)\d+$/.test(callee.property.name);
}

/** Only `ffi/` calls native code or reads raw memory. */
const ffiOnly: Deno.lint.Rule = {
  create(context): Deno.lint.LintVisitor {
    if (projectPath(context.filename).startsWith("ffi/")) return {};
    return {
      MemberExpression(node): void {
        const member = memberOf(node, "Deno");
        if (member === undefined || !NATIVE_MEMBERS.has(member)) return;
        context.report({
          node,
          message: `Only ffi/ uses Deno.${member}`,
          hint: "Add a typed function to ffi/ and call that",
        });
      },
    };
  },
};

/** What deno looks up when it starts: in a process that was made of a snapshot, long ago and of another process. */
const STALE_MEMBERS: ReadonlyMap<string, readonly string[]> = new Map([
  ["Deno", ["args", "noColor", "pid"]],
  ["navigator", ["hardwareConcurrency"]],
  ["performance", ["timeOrigin"]],
]);

/** Only who writes the snapshot asks what is no longer true in the processes that are made of it. */
const noStaleState: Deno.lint.Rule = {
  create(context): Deno.lint.LintVisitor {
    const path = projectPath(context.filename);
    if (isTooling(path) || path === "mod/cli/snapshot.ts") return {};
    return {
      MemberExpression(node): void {
        for (const [global, members] of STALE_MEMBERS) {
          const member = memberOf(node, global);
          if (member === undefined || !members.includes(member)) continue;
          context.report({
            node,
            message: `${global}.${member} may be that of another process`,
            hint: "Ask the kernel, for example with ownPid(), or the environment",
          });
        }
      },
    };
  },
};

/** Only `main.ts` ends the process. */
const exitOnlyInMain: Deno.lint.Rule = {
  create(context): Deno.lint.LintVisitor {
    const path = projectPath(context.filename);
    if (path === "main.ts" || isTooling(path)) return {};
    return {
      MemberExpression(node): void {
        const member = memberOf(node, "Deno");
        if (member !== "exit" && member !== "exitCode") return;
        context.report({
          node,
          message: `Only main.ts uses Deno.${member}`,
          hint: "Throw a WherryError, or return the exit status",
        });
      },
    };
  },
};

/** Only `mod/cli/base/output.ts` writes to the user's terminal. */
const printOnlyInCli: Deno.lint.Rule = {
  create(context): Deno.lint.LintVisitor {
    const path = projectPath(context.filename);
    if (path === "mod/cli/base/output.ts" || isTooling(path)) return {};
    const report = (node: Node): void =>
      context.report({
        node,
        message: "Only mod/cli/base/output.ts prints",
        hint: "Return the value, or use the functions of mod/cli/base/output.ts",
      });
    return {
      MemberExpression(node): void {
        if (memberOf(node, "console") !== undefined) return report(node);
        const stream = memberOf(node.object, "Deno");
        if (stream !== "stdout" && stream !== "stderr") return;
        if (node.property.type !== "Identifier") return;
        if (PRINTING_MEMBERS.has(node.property.name)) report(node);
      },
    };
  },
};

/** Error messages follow `Cannot <action> "<value>": <current state>`. */
const errorGrammar: Deno.lint.Rule = {
  create(context): Deno.lint.LintVisitor {
    return {
      NewExpression(node): void {
        if (node.callee.type !== "Identifier") return;
        const position = MESSAGE_POSITION.get(node.callee.name);
        const message = position === undefined ? undefined : node.arguments[position];
        if (message === undefined) return;
        const fault = messageFault(messageEnds(message));
        if (fault === undefined) return;
        context.report({
          node: message,
          message: fault,
          hint: 'The form is: Cannot <action> "<value>": <current state>',
        });
      },
    };
  },
};

/** Exported functions take at most two values and an options object. */
const maxArguments: Deno.lint.Rule = {
  create(context): Deno.lint.LintVisitor {
    const path = projectPath(context.filename);
    // Wrappers of system calls keep the arguments of the manual page.
    if (path.startsWith("ffi/") || path.startsWith("mod/kernel/") || isTooling(path)) return {};
    return {
      "ExportNamedDeclaration > FunctionDeclaration"(
        node: Deno.lint.FunctionDeclaration,
      ): void {
        if (node.params.length <= MAX_ARGUMENTS) return;
        context.report({
          node: node.id ?? node,
          message:
            `An exported function has at most ${MAX_ARGUMENTS} parameters, this one has ${node.params.length}`,
          hint: "Join what belongs together in one options object, the last parameter",
        });
      },
    };
  },
};

/** A failure that is tolerated is looked at: which one it is, and why it does not matter. */
const noEmptyCatch: Deno.lint.Rule = {
  create(context): Deno.lint.LintVisitor {
    return {
      CatchClause(node): void {
        if (node.body.body.length > 0) return;
        context.report({
          node,
          message: "A catch block is not empty",
          hint: "Check which error it is, say why it is tolerated, and rethrow all others",
        });
      },
    };
  },
};

/** A bare `true` in a call says nothing about what it switches on. */
const noBooleanArgument: Deno.lint.Rule = {
  create(context): Deno.lint.LintVisitor {
    if (projectPath(context.filename).endsWith("_test.ts")) return {};
    return {
      CallExpression(node): void {
        if (isByteOrderCall(node.callee)) return;
        for (const argument of node.arguments) {
          if (argument.type !== "Literal" || typeof argument.value !== "boolean") continue;
          context.report({
            node: argument,
            message: "A boolean argument does not say what it means",
            hint: "Name it in an options object",
          });
        }
      },
    };
  },
};

const plugin: Deno.lint.Plugin = {
  name: "wherry",
  rules: {
    "error-grammar": errorGrammar,
    "exit-only-in-main": exitOnlyInMain,
    "ffi-only": ffiOnly,
    "max-arguments": maxArguments,
    "no-boolean-argument": noBooleanArgument,
    "no-empty-catch": noEmptyCatch,
    "no-stale-state": noStaleState,
    "print-only-in-cli": printOnlyInCli,
  },
};

export default plugin;
