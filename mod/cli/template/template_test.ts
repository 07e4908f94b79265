import { strictEqual, throws } from "node:assert/strict";
import { WherryError } from "../../errors.ts";
import {
  parseObjectTemplate,
  parseTemplate,
  structValue,
  type TemplateOptions,
} from "./template.ts";

function render(source: string, data: unknown, options?: TemplateOptions): string {
  return parseTemplate(source).execute(data, options);
}

const RENDERED: [source: string, data: unknown, text: string][] = [
  ["{{.a.b}}", {}, "<no value>"],
  ["{{.constructor}} {{.__proto__}}", {}, "<no value> <no value>"],
  ['{{.Label "app"}}', { Label: (key: string): string => `<${key}>` }, "<app>"],
  ["{{.Lazy}}", { Lazy: (): string => "x" }, "x"],
  ['{{"app" | .Label}}', { Label: (key: string): string => `<${key}>` }, "<app>"],
  ["{{eq .n 1.5}} {{eq .m 1}}", { n: 1.5, m: 1 }, "true true"],
  ["{{printf `%.1f %d` .n .m}}", { n: 2.5, m: 2 }, "2.5 2"],
  ['{{join .texts ","}} {{len .none}}', { texts: ["a", "b"], none: [] }, "a,b 0"],
  ['{{truncate "日本語" 6}} {{truncate "日本語" 4}}', {}, "日本 日\ufffd"],
  ["{{range $k, $v := .}}{{$k}}{{$v}}{{end}}", { b: 2, a: 1 }, "a1b2"],
  ["{{range .}}{{if eq . 2}}{{continue}}{{end}}{{.}}{{end}}", [1, 2, 3], "13"],
  ["{{with .a}}{{.}}{{else with .b}}{{.}}{{end}}", { b: "x" }, "x"],
  ["{{if false}}{{else if true}}{{$x := 1}}{{$x}}{{end}}", {}, "1"],
  ["a\n{{- range . }}\n{{ . }}{{ end -}}\nb", [1, 2], "a\n1\n2b"],
  ["{{(index . 0).a}}", [{ a: "x" }], "x"],
  ["{{and false (index . 5)}}{{or true (index . 5)}}", [], "falsetrue"],
  ["{{range 3}}{{.}}{{end}}", {}, "012"],
  ["", {}, ""],
  ["no actions", {}, "no actions"],
];

for (const [source, data, text] of RENDERED) {
  Deno.test(`Template prints "${text}" for ${JSON.stringify(source)}`, () => {
    strictEqual(render(source, data), text);
  });
}

Deno.test("structValue() names its type when a field is missing", () => {
  const row = structValue("*formatter.ContainerContext", {});

  throws(() => render("{{.Foo}}", row), {
    message: 'template parsing error: template: :1:2: executing "" at <.Foo>: ' +
      "can't evaluate field Foo in type *formatter.ContainerContext",
  });
});

Deno.test("structValue() takes null for a nil pointer", () => {
  const row = structValue("row", { Platform: null });

  strictEqual(render("{{.Platform}} {{json .}}", row), '<nil> {"Platform":null}');
});

Deno.test("structValue() is sorted and safe inside HTML as JSON", () => {
  const row = structValue("row", { b: "<none>", a: 1, Label: (): string => "x" });

  strictEqual(render("{{json .}}", row), '{"a":1,"b":"\\u003cnone\\u003e"}');
});

Deno.test("parseObjectTemplate() exits as docker does when the template is malformed", () => {
  throws(() => parseObjectTemplate("{{"), { kind: "invalid_argument", exitCode: 64 });
});

Deno.test("Template gives what it printed before an error when errors only cut", () => {
  strictEqual(render("a{{index . 5}}b", [], { isCutByErrors: true }), "a");
});

Deno.test("Template evaluates each argument of and and or once", () => {
  let count = 0;

  strictEqual(render("{{and .Next .Next}}{{or .Next .Next}}", { Next: () => ++count }), "23");
});

Deno.test("Template checks a method's arguments", () => {
  const data = { Label: (key: string): string => `<${key}>` };

  throws(() => render("{{.Label 5}}", data), { message: /at <5>: expected string; found 5$/ });
  throws(() => render("{{.Label}}", data), {
    message: /wrong number of args for Label: want 1 got 0$/,
  });
});

Deno.test("Template reports the line and column of a failure", () => {
  throws(() => render("a\nb {{index .x 0}}", {}), {
    message: 'template parsing error: template: :2:4: executing "" at <index .x 0>: ' +
      "error calling index: index of untyped nil",
  });
});

Deno.test("Template filters values and leaves texts and literals alone", () => {
  const filter = (text: string): string => text.toUpperCase();

  strictEqual(render('a{{"b"}}{{.}}', "c", { filter }), "abC");
});

const BOUNDED: [description: string, source: string, problem: string][] = [
  ["endless recursion", '{{define "x"}}{{template "x"}}{{end}}{{template "x"}}', "template depth"],
  ["huge ranges", "{{range 9000000000}}{{end}}", "number of steps"],
  ["nested ranges", "{{range 9999}}{{range 9999}}{{range 9999}}{{end}}{{end}}{{end}}", "steps"],
  ["growing texts", '{{$x := "xxxxxxxx"}}{{range 99}}{{$x = print $x $x}}{{end}}', "text longer"],
  ["long output", '{{$x := printf "%900000d" 1}}{{range 999}}{{$x}}{{end}}', "output longer"],
  ["deep parentheses", `{{${"(".repeat(100_000)}`, "maximum nesting"],
  ["deep blocks", "{{if 1}}".repeat(100_000), "maximum nesting"],
];

for (const [description, source, problem] of BOUNDED) {
  Deno.test(`Template ends with an error on ${description}`, () => {
    throws(() => render(source, {}), { name: "WherryError", message: new RegExp(problem) });
  });
}

/** A linear congruential generator, so that a failure can be repeated. */
function* pseudoRandom(seed: number): Generator<number, never> {
  let state = seed;
  for (;;) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state / 2 ** 32;
  }
}

const PIECES =
  "{{ }} {{- -}} {{/* */}} . .a .b $ $x $x:= = := , | ( ) \" ` ' 1 -1 1.5 'c' \"s\" `r` nil true if else end range with template define block break continue eq lt index slice len print printf json join split pad and or not % %d é \0 \n \\"
    .split(" ");

Deno.test("Template throws nothing but WherryError on random sources", () => {
  const random = pseudoRandom(7);
  const pick = (limit: number): number => Math.floor(random.next().value * limit);
  const data = { a: { b: [1, "x", null] }, b: "text" };

  for (let round = 0; round < 20_000; round++) {
    const pieces = Array.from({ length: pick(9) }, () => PIECES[pick(PIECES.length)]);
    const source = pick(3) === 0 ? pieces.join(" ") : `{{${pieces.join(" ")}}}`;
    try {
      render(source, data);
    } catch (error) {
      strictEqual(error instanceof WherryError, true, `${JSON.stringify(source)}: ${error}`);
    }
  }
});
