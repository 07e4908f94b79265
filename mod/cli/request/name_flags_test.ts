import { deepStrictEqual, throws } from "node:assert/strict";
import { type NameFlags, planNameLookup } from "./name_flags.ts";

function flags(changes: Partial<NameFlags>): NameFlags {
  return { "add-host": [], dns: [], "dns-search": [], "dns-option": [], ...changes };
}

Deno.test("planNameLookup() reads servers, domains and options", () => {
  deepStrictEqual(
    planNameLookup(flags({
      dns: ["1.1.1.1", "2606:4700::1111"],
      "dns-search": ["example.com", "lan", "a-b.c.", "."],
      "dns-option": ["ndots:2", "use-vc"],
    })),
    {
      servers: ["1.1.1.1", "2606:4700::1111"],
      searches: ["example.com", "lan", "a-b.c.", "."],
      options: ["ndots:2", "use-vc"],
      extraHosts: [],
    },
  );
});

const HOSTS: [text: string, expected: string][] = [
  ["db:10.0.0.5", "db:10.0.0.5"],
  ["db=10.0.0.5", "db:10.0.0.5"],
  ["db:::1", "db:::1"],
  ["db=fd00::1", "db:fd00::1"],
  ["db:[fd00::1]", "db:fd00::1"],
  ["db=[10.0.0.5]", "db:10.0.0.5"],
  ["a_b.example.com:10.0.0.5", "a_b.example.com:10.0.0.5"],
  ["me:host-gateway", "me:host-gateway"],
  ["me=host-gateway", "me:host-gateway"],
];

for (const [text, expected] of HOSTS) {
  Deno.test(`planNameLookup() reads --add-host ${text}`, () => {
    deepStrictEqual(planNameLookup(flags({ "add-host": [text] })).extraHosts, [expected]);
  });
}

const REFUSED: [flag: keyof NameFlags, text: string, why: string][] = [
  ["dns", "x", "IP address is not correctly formatted: x"],
  ["dns", "1.2.3", "IP address is not correctly formatted: 1.2.3"],
  ["dns", "1.2.3.256", "IP address is not correctly formatted: 1.2.3.256"],
  ["dns", "", "IP address is not correctly formatted: "],
  ["dns-search", "-a", "-a is not a valid domain"],
  ["dns-search", "a_b.c", "a_b.c is not a valid domain"],
  ["dns-search", "1.2", "1.2 is not a valid domain"],
  ["dns-search", "a..b", "a..b is not a valid domain"],
  ["dns-search", "a\nb", "a\nb is not a valid domain"],
  ["dns-option", "", "it is not of one line"],
  ["dns-option", "ndots:1\nnameserver 1.2.3.4", "it is not of one line"],
  ["add-host", "x", 'bad format for add-host: "x"'],
  ["add-host", ":1.2.3.4", 'bad format for add-host: ":1.2.3.4"'],
  ["add-host", "=1.2.3.4", 'bad format for add-host: "=1.2.3.4"'],
  ["add-host", "a b:1.2.3.4", 'bad format for add-host: "a b:1.2.3.4"'],
  ["add-host", "x:y", 'invalid IP address in add-host: "y"'],
  ["add-host", "x:", 'invalid IP address in add-host: ""'],
  ["add-host", "x:1.2.3", 'invalid IP address in add-host: "1.2.3"'],
  ["add-host", "x=[]", 'invalid IP address in add-host: "[]"'],
  ["add-host", "x:fe80::1%eth0", 'invalid IP address in add-host: "fe80::1%eth0"'],
];

for (const [flag, text, why] of REFUSED) {
  Deno.test(`planNameLookup() refuses --${flag} ${JSON.stringify(text)}`, () => {
    throws(() => planNameLookup(flags({ [flag]: [text] })), {
      kind: "invalid_argument",
      exitCode: 125,
      message: `invalid argument "${text}" for "--${flag}" flag: ${why}`,
    });
  });
}
