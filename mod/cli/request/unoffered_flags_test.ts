import { throws } from "node:assert/strict";
import { UNOFFERED_FLAGS } from "../definitions/unoffered_flags.ts";
import { parseFlags } from "../base/flags.ts";
import { checkContentTrust, type GivenFlags, refuseUnoffered } from "./unoffered_flags.ts";

function parse(...args: string[]): GivenFlags {
  return parseFlags(UNOFFERED_FLAGS, args, { interspersed: false });
}

Deno.test("refuseUnoffered() refuses each flag with its own name and a reason", () => {
  const values = {
    boolean: (name: string) => `--${name}=${name === "use-api-socket"}`,
    list: (name: string) => `--${name}=x`,
    number: (name: string) => `--${name}=1`,
    string: (name: string) => `--${name}=x`,
  };
  for (const { name, type } of UNOFFERED_FLAGS) {
    const parsed = parse(values[type](name));

    throws(() => refuseUnoffered(parsed), {
      name: "WherryError",
      kind: "unsupported",
      message: new RegExp(`^Cannot use --${name}: .+`),
    });
  }
});

Deno.test("refuseUnoffered() takes values that say what is so anyway", () => {
  refuseUnoffered(parse());
  refuseUnoffered(parse(
    ...["--disable-content-trust", "--isolation=default", "--runtime=wherry"],
    "--use-api-socket=false",
  ));
});

Deno.test("checkContentTrust() refuses to have signatures looked at", () => {
  checkContentTrust({ "disable-content-trust": true });
  throws(() => checkContentTrust({ "disable-content-trust": false }), {
    name: "WherryError",
    kind: "unsupported",
  });
});
