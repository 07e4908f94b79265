import { rejects, strictEqual } from "node:assert/strict";
import { formatRows, type RowColumn } from "./rows.ts";

const COLUMNS: readonly RowColumn[] = [
  { field: "ID", header: "CONTAINER ID" },
  { field: "Names", header: "NAMES" },
  { field: "Size", header: "SIZE", isExtra: true },
];
const ROWS = [
  { ID: "aaaaaaaaaaaa", Names: "web", Size: "0B" },
  { ID: "cccccccccccc", Names: "日本", Size: "4.26MB" },
];

const FORMATTED: [format: string | undefined, text: string][] = [
  [undefined, "CONTAINER ID   NAMES\naaaaaaaaaaaa   web\ncccccccccccc   日本\n"],
  ["table", "CONTAINER ID   NAMES\naaaaaaaaaaaa   web\ncccccccccccc   日本\n"],
  [
    "table {{.ID}}\\t{{.Names}}\\t{{.Size}}",
    "CONTAINER ID   NAMES     SIZE\naaaaaaaaaaaa   web       0B\ncccccccccccc   日本      4.26MB\n",
  ],
  [
    "table {{.ID}} {{.Names}}\t{{.Size}}",
    "CONTAINER ID NAMES   SIZE\naaaaaaaaaaaa web     0B\ncccccccccccc 日本    4.26MB\n",
  ],
  [
    "table {{json .ID}}\\t{{upper .Names}}\\t{{len .Names}}",
    'CONTAINER ID     NAMES     5\n"aaaaaaaaaaaa"   WEB       3\n"cccccccccccc"   日本      6\n',
  ],
  ['table {{.Names}}{{"\\t"}}{{.Size}}', "NAMES     SIZE\nweb       0B\n日本      4.26MB\n"],
  ["{{.Names}}\\t{{.Size}}", "web\t0B\n日本\t4.26MB\n"],
  [
    "json",
    '{"ID":"aaaaaaaaaaaa","Names":"web","Size":"0B"}\n{"ID":"cccccccccccc","Names":"日本","Size":"4.26MB"}\n',
  ],
];

const RAW = [["id", "ID"], ["names", "Names"], ["labels", "Labels"]] as const;

Deno.test("formatRows() lays out raw fields a line, with nothing behind an empty one", async () => {
  strictEqual(
    await formatRows(ROWS, "raw", { columns: COLUMNS, raw: RAW }),
    "id: aaaaaaaaaaaa\nnames: web\nlabels:\n\nid: cccccccccccc\nnames: 日本\nlabels:\n\n",
  );
});

for (const [format, text] of FORMATTED) {
  Deno.test(`formatRows() lays out rows for the format ${format}`, async () => {
    strictEqual(await formatRows(ROWS, format, { columns: COLUMNS }), text);
  });
}

Deno.test("formatRows() sorts the fields of JSON and leaves methods out", async () => {
  const row = { b: 1, Label: (): string => "x", a: 2 };

  strictEqual(await formatRows([row], "json", { columns: [] }), '{"a":2,"b":1}\n');
});

Deno.test("formatRows() prints JSON that is safe inside HTML, as docker does", async () => {
  strictEqual(
    await formatRows([{ a: "<none>&" }], "json", { columns: [] }),
    '{"a":"\\u003cnone\\u003e\\u0026"}\n',
  );
});

Deno.test("formatRows() takes an empty format for the table", async () => {
  strictEqual(
    await formatRows(ROWS, "", { columns: COLUMNS }),
    await formatRows(ROWS, "table", { columns: COLUMNS }),
  );
});

Deno.test("formatRows() names a label's column by the last part of its name", async () => {
  const rows = [{ Names: "web", Label: (name: string): string => `<${name}>` }];

  strictEqual(
    await formatRows(rows, 'table {{.Names}}\\t{{.Label "a.my-app_x"}}', { columns: COLUMNS }),
    "NAMES     my app x\nweb       <a.my-app_x>\n",
  );
});

Deno.test("formatRows() ends the titles where they fail, as docker does", async () => {
  strictEqual(
    await formatRows(ROWS, 'table {{.Names}}{{range split .ID "x"}}{{end}}', { columns: COLUMNS }),
    "NAMES\nweb\n日本\n",
  );
});

Deno.test("formatRows() prints the header alone for no rows", async () => {
  strictEqual(
    await formatRows([], "table {{.Names}}\\t{{.Foo}}", { columns: COLUMNS }),
    "NAMES     <no value>\n",
  );
});

Deno.test("formatRows() escapes control characters of values in a template's table", async () => {
  const rows = [{ Names: "a\u001b[2J\nb", Size: "1" }];

  strictEqual(
    await formatRows(rows, "table {{.Names}}\\t{{.Size}}", { columns: COLUMNS }),
    "NAMES         SIZE\na\\x1b[2J\\nb   1\n",
  );
});

Deno.test("formatRows() refuses a field that rows lack", async () => {
  await rejects(
    () =>
      formatRows(ROWS, "{{.Foo}}", { columns: COLUMNS, typeName: "*formatter.ContainerContext" }),
    {
      message: 'template parsing error: template: :1:2: executing "" at <.Foo>: ' +
        "can't evaluate field Foo in type *formatter.ContainerContext",
    },
  );
});
