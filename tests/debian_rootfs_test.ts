import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { parseAptSource } from "./debian_rootfs.ts";

Deno.test("parseAptSource() reads the one-line form", () => {
  const text = `
# deb http://old.test/debian bullseye main
deb-src http://mirror.test/debian bookworm main
deb [signed-by=/usr/share/keyrings/a.gpg] http://mirror.test/debian bookworm main contrib
`;

  deepStrictEqual(parseAptSource(text), {
    mirror: "http://mirror.test/debian",
    suite: "bookworm",
  });
});

Deno.test("parseAptSource() reads the deb822 form", () => {
  const text = `Types: deb
URIs: http://mirror.test/debian
Suites: bookworm bookworm-updates
Components: main
`;

  deepStrictEqual(parseAptSource(text), {
    mirror: "http://mirror.test/debian",
    suite: "bookworm",
  });
});

Deno.test("parseAptSource() passes over security archives and disabled sources", () => {
  const text = `deb http://mirror.test/debian-security bookworm-security main

Enabled: no
Types: deb
URIs: http://off.test/debian
Suites: bookworm

Types: deb
URIs: http://mirror.test/debian
Suites: trixie
`;

  deepStrictEqual(parseAptSource(text), { mirror: "http://mirror.test/debian", suite: "trixie" });
});

Deno.test("parseAptSource() finds nothing where there is nothing", () => {
  strictEqual(parseAptSource("Types: deb\nURIs: file:/media/cdrom\nSuites: bookworm\n"), undefined);
});
