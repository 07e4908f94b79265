import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { Engine } from "../../engine/base/engine.ts";
import { CONTAINER_LAYOUT } from "./container_rows.ts";
import { exitCodeOf } from "../base/exit_code.ts";
import { formatObject } from "./facts.ts";
import { IMAGE_LAYOUT } from "./image_rows.ts";
import { printInspections } from "./inspection.ts";
import { Output } from "../base/output.ts";
import { formatRows, type Row, type RowLayout } from "./rows.ts";
import golden from "./testdata/docker_formats.json" with { type: "json" };

/** What a command prints and ends with; nothing counts as printed beside an error. */
interface Result {
  readonly output: string;
  readonly error: string;
  readonly exitCode: number;
}

/** Where wherry means to print something else, and why. */
const DIFFERENCES: ReadonlyMap<string, Partial<Result>> = new Map([
  // Widths of integers are not kept
  ['{{printf "%.1f" .HostConfig.Memory}}', { output: "%!f(int=104857600)\n" }],
  ['{{gt .Size 1000}} {{printf "%.2f" .Size}}', { output: "true %!f(int=1982284)\n" }],
  // Docker knows no such field, and so reads all fields from JSON
  ["{{.ID}} {{.State.MonitorPid}}", {
    output: "b54789d321183af563ec57e8e88ea0f2787e03fe8571ce636308b2537ccc16f8 43\n",
    error: "",
    exitCode: 0,
  }],
  // All that docker's rows show are methods
  ["{{.ID 1}}", {
    error: 'template parsing error: template: :1:2: executing "" at <.ID>: ' +
      "ID has arguments but cannot be invoked as function",
  }],
]);

/** Collects what is printed on one descriptor. */
class Printed {
  text = "";

  writeSync(bytes: Uint8Array): number {
    this.text += new TextDecoder().decode(bytes);
    return bytes.length;
  }

  isTerminal(): boolean {
    return false;
  }
}

async function inspect(object: object, format: string): Promise<Result> {
  const [stdout, stderr] = [new Printed(), new Printed()];
  const output = new Output(stdout, stderr, { noColor: true });
  const exitCode = await printInspections(
    { engine: new Engine(), output, isDebug: false },
    { names: ["x"], format },
    () => Promise.resolve({ ...object }),
  );
  const error = stderr.text.replace(/^wherry: /, "").trimEnd();
  return { output: exitCode === 0 ? stdout.text : "", error, exitCode };
}

async function list(rows: readonly Row[], format: string, layout: RowLayout): Promise<Result> {
  const withMethods = rows.map((row) => ({
    ...row,
    Label: (name: string): string => labelsOf(row).get(name) ?? "",
  }));
  return succeed(await formatRows(withMethods, format, layout));
}

function labelsOf(row: Row): Map<string, string> {
  return new Map(
    String(row["Labels"]).split(",").map((label) => {
      const [name = "", value = ""] = label.split("=");
      return [name, value];
    }),
  );
}

function succeed(output: string): Result {
  return { output, error: "", exitCode: 0 };
}

const { data, rows } = golden;
const PS_LAYOUT: RowLayout = {
  ...CONTAINER_LAYOUT,
  columns: [...CONTAINER_LAYOUT.columns, { field: "Size", header: "SIZE", isExtra: true }],
};

const COMMANDS: Readonly<Record<string, (format: string) => Promise<Result> | Result>> = {
  container: (format) => inspect(data["/containers/web/json"], format),
  image: (format) => inspect(data["/images/busybox/json"], format),
  ps: (format) => list(rows.ps, format, PS_LAYOUT),
  images: (format) => list(rows.images, format, IMAGE_LAYOUT),
  info: (format) => succeed(formatObject(data["/info"], format)),
  version: (format) => succeed(formatObject({ Server: data["/version"] }, format)),
};

async function run(command: string, format: string): Promise<Result | undefined> {
  try {
    return await COMMANDS[command]?.(format);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return { output: "", error: error.message, exitCode: exitCodeOf(error, 1) };
  }
}

/** Docker's commands introduce the same error in different words; wherry always as `inspect` does. */
function inWordsOfInspect(error: string): string {
  return error.replace(/^(?:[a-z ]+: )?template: [a-z]*:/, "template parsing error: template: :");
}

for (const [command, cases] of Object.entries(golden.cases)) {
  for (const { template, ...expected } of cases) {
    Deno.test(`${command} --format prints what docker prints for ${template}`, async () => {
      const { output = "", error = "", exitCode = 0 }: Partial<Result> = expected;
      const wanted = { output, error: inWordsOfInspect(error), exitCode };
      deepStrictEqual(await run(command, template), { ...wanted, ...DIFFERENCES.get(template) });
    });
  }
}

Deno.test("docker_formats.json has a case for each known difference", () => {
  const templates = new Set(Object.values(golden.cases).flat().map(({ template }) => template));

  strictEqual(Array.from(DIFFERENCES.keys()).every((template) => templates.has(template)), true);
});
