import { deepStrictEqual, throws } from "node:assert/strict";
import { WherryError } from "../../errors.ts";
import { parseRestartPolicy } from "./restart_policy.ts";

Deno.test("parseRestartPolicy() reads every policy", () => {
  deepStrictEqual(["", "no", "always", "unless-stopped", "on-failure"].map(parseRestartPolicy), [
    { name: "no", maximumRetries: 0 },
    { name: "no", maximumRetries: 0 },
    { name: "always", maximumRetries: 0 },
    { name: "unless-stopped", maximumRetries: 0 },
    { name: "on-failure", maximumRetries: 0 },
  ]);
});

Deno.test("parseRestartPolicy() reads how often on-failure tries", () => {
  deepStrictEqual(parseRestartPolicy("on-failure:5"), { name: "on-failure", maximumRetries: 5 });
});

Deno.test("parseRestartPolicy() has the exit code of a flag for a bad format alone", () => {
  throws(() => parseRestartPolicy("on-failure:x"), { exitCode: 125 });
  throws(() => parseRestartPolicy("sometimes"), { exitCode: undefined });
});

for (
  const [text, message] of [
    ["sometimes", /unknown policy 'sometimes'; use one of 'no', 'always', 'on-failure'/],
    [":3", /no policy provided before colon/],
    ["on-failure:x", /maximum retry count must be an integer/],
    ["on-failure:1:2", /maximum retry count must be an integer/],
    ["on-failure:-1", /maximum retry count cannot be negative/],
    ["always:3", /maximum retry count can only be used with 'on-failure'$/],
    ["no:-3", /can only be used with 'on-failure' and cannot be negative/],
  ] as const
) {
  Deno.test(`parseRestartPolicy() refuses ${text}`, () => {
    throws(
      () => parseRestartPolicy(text),
      (error: unknown) =>
        error instanceof WherryError && error.kind === "invalid_argument" &&
        message.test(error.message),
    );
  });
}
