import { deepStrictEqual, throws } from "node:assert/strict";
import { WherryError } from "../../errors.ts";
import { applyChanges, type ProcessConfig } from "./changes.ts";

const cases: [changes: string[], config: ProcessConfig][] = [
  [['CMD ["sh", "-c", "a b"]'], { "Cmd": ["sh", "-c", "a b"] }],
  [["CMD echo hi"], { "Cmd": ["/bin/sh", "-c", "echo hi"] }],
  [["CMD [not json"], { "Cmd": ["/bin/sh", "-c", "[not json"] }],
  [['entrypoint ["/init"]'], { "Entrypoint": ["/init"] }],
  [['ENV A=1 B="two \\"words\\"" C='], { "Env": ["A=1", 'B=two "words"', "C="] }],
  [["ENV A='two words' B=x\\ y C=\"a b\"'c d'"], { "Env": ["A=two words", "B=x y", "C=a bc d"] }],
  [["ENV A old form"], { "Env": ["A=old form"] }],
  [["ENV A=1", "ENV A=2"], { "Env": ["A=2"] }],
  [["EXPOSE 80 53/udp"], { "ExposedPorts": { "80/tcp": {}, "53/udp": {} } }],
  [["EXPOSE 65534-65535/SCTP"], { "ExposedPorts": { "65534/sctp": {}, "65535/sctp": {} } }],
  [["LABEL a=1", 'LABEL b="x y"'], { "Labels": { a: "1", b: "x y" } }],
  [['LABEL "com.example.a"="x y"'], { "Labels": { "com.example.a": "x y" } }],
  [['VOLUME ["/a", "/b c"]'], { "Volumes": { "/a": {}, "/b c": {} } }],
  [["USER web:log", "WORKDIR /srv", "STOPSIGNAL SIGQUIT"], {
    "User": "web:log",
    "WorkingDir": "/srv",
    "StopSignal": "SIGQUIT",
  }],
];
for (const [changes, config] of cases) {
  Deno.test(`applyChanges() takes ${changes.join(", ")}`, () => {
    deepStrictEqual(applyChanges(changes), config);
  });
}

const mergedCases: [change: string, before: ProcessConfig, after: ProcessConfig][] = [
  ["ENV B=2", { "Env": ["A=1", "B=1"] }, { "Env": ["A=1", "B=2"] }],
  ["LABEL b=2", { "Labels": { a: "1", b: "1" } }, { "Labels": { a: "1", b: "2" } }],
  ["EXPOSE 80", { "ExposedPorts": { "53/udp": {} } }, {
    "ExposedPorts": { "53/udp": {}, "80/tcp": {} },
  }],
  ["WORKDIR b", { "WorkingDir": "/a" }, { "WorkingDir": "/a/b" }],
  ["WORKDIR b", {}, { "WorkingDir": "/b" }],
  ['ENTRYPOINT ["/x"]', { "Cmd": ["old"] }, { "Entrypoint": ["/x"] }],
  ['CMD ["/x"]', { "Entrypoint": ["old"] }, { "Entrypoint": ["old"], "Cmd": ["/x"] }],
  ["CMD ls", { "Shell": ["/bin/bash", "-c"] }, {
    "Shell": ["/bin/bash", "-c"],
    "Cmd": ["/bin/bash", "-c", "ls"],
  }],
  ["ONBUILD RUN make", { "OnBuild": ["COPY . ."] }, { "OnBuild": ["COPY . .", "RUN make"] }],
  ["HEALTHCHECK NONE", { "Healthcheck": { "Test": ["CMD", "x"] } }, {
    "Healthcheck": { "Test": ["NONE"] },
  }],
];
for (const [change, before, after] of mergedCases) {
  Deno.test(`applyChanges() puts ${change} on top of ${JSON.stringify(before)}`, () => {
    deepStrictEqual(applyChanges([change], before), after);
  });
}

Deno.test("applyChanges() leaves what it changes as it was", () => {
  const before = { "Env": ["A=1"], "Labels": { a: "1" }, "OnBuild": ["RUN a"] };

  applyChanges(["ENV A=2", "LABEL a=2", "ONBUILD RUN b"], before);

  deepStrictEqual(before, { "Env": ["A=1"], "Labels": { a: "1" }, "OnBuild": ["RUN a"] });
});

Deno.test("applyChanges() keeps a command that comes before the entrypoint", () => {
  const config = applyChanges(['CMD ["a"]', 'ENTRYPOINT ["b"]']);

  deepStrictEqual(config, { "Cmd": ["a"], "Entrypoint": ["b"] });
});

const REFUSED = [
  ...["", "CMD", "COPY a b", "ENV", "ENV A", "ONBUILD FROM a", "HEALTHCHECK x"],
  ...["EXPOSE http", "EXPOSE 0", "EXPOSE 65536", "EXPOSE 80/icmp", "EXPOSE 9-8", "EXPOSE 80 x"],
  ...["ENV A=1 junk", "ENV A=1 'B=2", 'LABEL a="x'],
];
for (const change of REFUSED) {
  Deno.test(`applyChanges() refuses "${change}" and names it`, () => {
    throws(
      () => applyChanges([change]),
      (error: unknown) =>
        error instanceof WherryError && error.kind === "invalid_argument" &&
        error.message === `Cannot apply the change "${change}": not understood`,
    );
  });
}
