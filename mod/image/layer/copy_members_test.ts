import { deepStrictEqual } from "node:assert/strict";
import { TemporaryDirectory } from "../../../tests/fakes/temporary_directory.ts";
import { needs } from "../../../tests/needs.ts";
import { setAttributeAt } from "../../kernel/file.ts";
import { openDirectory } from "../../kernel/open.ts";
import { byteStringOfText } from "../tar/byte_string.ts";
import { copyMembers, type CopySource } from "./copy_members.ts";

const ignore = !needs("root");

/** What there is in a copy of a directory: type, name, and what it is linked to. */
function list(path: string, source: Partial<CopySource> = {}): string[] {
  using directory = openDirectory(path);
  const name = byteStringOfText("copy");
  const members = copyMembers({ location: directory.number, name, ...source });
  return Array.from(
    members,
    ({ entry: { type, name, linkName } }) => [type, name, linkName].join(" ").trimEnd(),
  );
}

Deno.test(
  "copyMembers() gives a directory first, then what is in it below its name",
  { ignore },
  () => {
    using directory = new TemporaryDirectory();
    Deno.mkdirSync(directory.join("sub"));
    Deno.writeTextFileSync(directory.join("sub/file"), "x");
    Deno.symlinkSync("/etc", directory.join("link"));

    deepStrictEqual(list(directory.path), [
      "directory copy",
      "symlink copy/link /etc",
      "directory copy/sub",
      "file copy/sub/file",
    ]);
  },
);

Deno.test("copyMembers() gives further names of a file as hard links", { ignore }, () => {
  using directory = new TemporaryDirectory();
  Deno.writeTextFileSync(directory.join("a"), "x");
  Deno.linkSync(directory.join("a"), directory.join("b"));

  deepStrictEqual(list(directory.path), [
    "directory copy",
    "file copy/a",
    "hardlink copy/b copy/a",
  ]);
});

Deno.test("copyMembers() leaves out sockets, and tells of them", { ignore }, () => {
  using directory = new TemporaryDirectory();
  using _socket = Deno.listen({ transport: "unix", path: directory.join("socket") });
  const skipped: string[] = [];

  const members = list(directory.path, { onSkipped: (name) => skipped.push(name) });

  deepStrictEqual([members, skipped], [["directory copy"], ["copy/socket"]]);
});

Deno.test(
  "copyMembers() gives a directory that is not entered, and nothing in it",
  { ignore },
  () => {
    using directory = new TemporaryDirectory();
    Deno.mkdirSync(directory.join("sub/below"), { recursive: true });

    const members = list(directory.path, { isEntered: ({ path }) => path !== "sub" });

    deepStrictEqual(members, ["directory copy", "directory copy/sub"]);
  },
);

Deno.test("copyMembers() keeps attributes that mean the same everywhere", { ignore }, () => {
  using directory = new TemporaryDirectory();
  Deno.writeTextFileSync(directory.join("file"), "x");
  using opened = openDirectory(directory.path);
  for (const name of ["user.note", "user.overlay.opaque", "trusted.note"]) {
    setAttributeAt(opened.number, "file", name, new Uint8Array([1]));
  }
  const source = { location: opened.number, name: byteStringOfText(".") };

  const kept = Array.from(copyMembers(source), ({ entry }) => entry.attributes.map((a) => a.name));

  deepStrictEqual(kept, [[], ["user.note"]]);
});
