import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { Engine } from "../../engine/base/engine.ts";
import { WherryError } from "../../errors.ts";
import { printInspections } from "./inspection.ts";
import { Output } from "../base/output.ts";

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

const CONTAINER = { HostConfig: { Dns: null, Memory: 5 } };

interface Result {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** Inspects `names`, of which only `a` and `b` exist. */
async function inspect(names: string[], format?: string, more: object = {}): Promise<Result> {
  const [stdout, stderr] = [new Printed(), new Printed()];
  const output = new Output(stdout, stderr, { noColor: true });
  const exitCode = await printInspections(
    { engine: new Engine(), output, isDebug: false },
    { names, format },
    (name) =>
      ["a", "b"].includes(name)
        ? Promise.resolve({ Id: name, ...more })
        : Promise.reject(new WherryError("not_found", `No such object: ${name}`)),
  );
  return { exitCode, stdout: stdout.text, stderr: stderr.text };
}

Deno.test("printInspections() prints one indented array", async () => {
  deepStrictEqual(await inspect(["a"]), {
    exitCode: 0,
    stdout: '[\n    {\n        "Id": "a"\n    }\n]\n',
    stderr: "",
  });
});

Deno.test("printInspections() prints what it found and reports the others", async () => {
  deepStrictEqual(await inspect(["a", "x", "b"], "json"), {
    exitCode: 1,
    stdout: '[{"Id":"a"},{"Id":"b"}]\n',
    stderr: "wherry: No such object: x\n",
  });
});

Deno.test("printInspections() prints an empty array when nothing was found", async () => {
  const { exitCode, stdout } = await inspect(["x"]);

  deepStrictEqual([exitCode, stdout], [1, "[]\n"]);
});

Deno.test("printInspections() prints a template's line for each object", async () => {
  const { exitCode, stdout } = await inspect(["a", "b"], "<{{.Id}}>");

  deepStrictEqual([exitCode, stdout], [0, "<a>\n<b>\n"]);
});

Deno.test("printInspections() prints an empty line when a template finds nothing", async () => {
  const { exitCode, stdout } = await inspect(["x"], "{{.Id}}");

  deepStrictEqual([exitCode, stdout], [1, "\n"]);
});

Deno.test("printInspections() reports a template that does not suit the object", async () => {
  const { exitCode, stdout } = await inspect(["a"], "{{.Nope}}");

  deepStrictEqual([exitCode, stdout], [1, "\n"]);
});

Deno.test("printInspections() reads what the struct lacks from the JSON", async () => {
  const { stdout } = await inspect(["a"], "{{.HostConfig.Dns}} {{.HostConfig.Memory}}", CONTAINER);

  strictEqual(stdout, "<no value> 5\n");
});

Deno.test("printInspections() prints a list that is null as docker does", async () => {
  const { stdout } = await inspect(
    ["a"],
    "{{.HostConfig.DNS}} {{printf `%d` .HostConfig.Memory}}",
    CONTAINER,
  );

  strictEqual(stdout, "[] 5\n");
});

Deno.test("printInspections() refuses a malformed template before it looks", async () => {
  await rejects(inspect(["a"], "{{"), { kind: "invalid_argument", exitCode: 64 });
});
