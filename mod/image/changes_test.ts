import { deepStrictEqual, throws } from "node:assert/strict";
import { WherryError } from "../errors.ts";
import { applyChanges, type ProcessConfig } from "./changes.ts";

const cases: [changes: string[], config: ProcessConfig][] = [
  [['CMD ["sh", "-c", "a b"]'], { "Cmd": ["sh", "-c", "a b"] }],
  [["CMD echo hi"], { "Cmd": ["/bin/sh", "-c", "echo hi"] }],
  [["CMD [not json"], { "Cmd": ["/bin/sh", "-c", "[not json"] }],
  [['entrypoint ["/init"]'], { "Entrypoint": ["/init"] }],
  [['ENV A=1 B="two \\"words\\"" C='], { "Env": ["A=1", 'B=two "words"', "C="] }],
  [["ENV A old form"], { "Env": ["A=old form"] }],
  [["ENV A=1", "ENV A=2"], { "Env": ["A=2"] }],
  [["EXPOSE 80 53/udp"], { "ExposedPorts": { "80/tcp": {}, "53/udp": {} } }],
  [["LABEL a=1", 'LABEL b="x y"'], { "Labels": { a: "1", b: "x y" } }],
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

for (const change of ["", "CMD", "COPY a b", "WORKDIR relative", "ENV", "ENV A"]) {
  Deno.test(`applyChanges() refuses "${change}" and names it`, () => {
    throws(
      () => applyChanges([change]),
      (error: unknown) =>
        error instanceof WherryError && error.kind === "invalid_argument" &&
        error.message === `Cannot apply the change "${change}": not understood`,
    );
  });
}
