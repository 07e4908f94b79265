import { match } from "node:assert/strict";
import { formatOpenrcScript, formatSystemdUnit } from "./service_definition.ts";

const PROGRAM = {
  argv: ["/opt/my tools/wherry", "--root", "/data/100%/$x", "--run-root", "/run/wherry"],
  directories: ["/data/100%/$x", "/run/wherry"],
};

Deno.test("formatSystemdUnit() calls the program at start and stop, its words escaped", () => {
  const unit = formatSystemdUnit(PROGRAM);

  const call = '"/opt/my tools/wherry" --root "/data/100%%/$$x" --run-root /run/wherry';
  const escaped = RegExp.escape(call);
  match(unit, new RegExp(`^ExecStart=-${escaped} boot$`, "m"));
  match(unit, new RegExp(`^ExecStop=${escaped} boot --stop$`, "m"));
  match(unit, /^RequiresMountsFor="\/data\/100%%\/\$x" \/run\/wherry$/m);
});

Deno.test("formatOpenrcScript() calls the program at start and stop, its words quoted", () => {
  const script = formatOpenrcScript(PROGRAM);

  const call = "'/opt/my tools/wherry' --root '/data/100%/$x' --run-root /run/wherry";
  match(script, new RegExp(`^\\t${RegExp.escape(call)} boot$`, "m"));
  match(script, new RegExp(`^\\t${RegExp.escape(call)} boot --stop$`, "m"));
});
