import { deepStrictEqual, throws } from "node:assert/strict";
import { readSeccompOption } from "./seccomp_option.ts";

Deno.test("readSeccompOption() knows docker's words", () => {
  deepStrictEqual(readSeccompOption("builtin"), { type: "default" });
  deepStrictEqual(readSeccompOption("unconfined"), { type: "unconfined" });
});

Deno.test("readSeccompOption() takes white space out of a profile, and nothing else", () => {
  const file = Deno.makeTempFileSync();
  try {
    Deno.writeTextFileSync(file, '{ "a b" : [ 18446744073709551615,\n\t"c \\" d" ] }\n');

    deepStrictEqual(readSeccompOption(file), {
      type: "profile",
      file,
      json: '{"a b":[18446744073709551615,"c \\" d"]}',
    });
  } finally {
    Deno.removeSync(file);
  }
});

Deno.test("readSeccompOption() tells in docker's words what is wrong with a file", () => {
  throws(
    () => readSeccompOption("/no/file"),
    /opening seccomp profile \(\/no\/file\) failed: no such file or directory/,
  );
  throws(() => readSeccompOption("/"), /opening seccomp profile \(\/\) failed: is a directory$/);
  throws(
    () => readSeccompOption("/etc/passwd"),
    /compacting json for seccomp profile \(\/etc\/passwd\) failed: /,
  );
});
