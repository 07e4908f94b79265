/** People sign in to registries, and out again. @module */

import { deepStrictEqual, doesNotMatch, match, strictEqual, throws } from "node:assert/strict";
import { type Result, type TestEngine, testWhole } from "./harness.ts";
import { type Account, TestRegistry } from "./registry.ts";
import { Terminal } from "./terminal.ts";

const ACCOUNT: Account = { user: "somebody", password: "secret" };
const AUTH = { auth: btoa("somebody:secret") };

function configDirectory(wherry: TestEngine): string {
  return `${wherry.scratch}/docker`;
}

function readConfig(wherry: TestEngine): unknown {
  return JSON.parse(Deno.readTextFileSync(`${configDirectory(wherry)}/config.json`));
}

/** Runs a command whose configuration is the test's own. */
async function run(
  wherry: TestEngine,
  args: readonly string[],
  { stdin = "", env = {} }: { stdin?: string; env?: Record<string, string> } = {},
): Promise<Result> {
  return await wherry.run(args, {
    stdin,
    env: { DOCKER_CONFIG: configDirectory(wherry), ...env },
  });
}

function logInOnTerminal(wherry: TestEngine, args: readonly string[]): Promise<Terminal> {
  const config = `DOCKER_CONFIG=${configDirectory(wherry)}`;
  return Promise.resolve(
    wherry.network.within(() =>
      Terminal.open(["env", config, ...wherry.commandLine(["login", ...args])], {
        directory: wherry.scratch,
      })
    ),
  );
}

testWhole("login keeps what the registry accepts, and logout forgets it", async (wherry) => {
  await using registry = await TestRegistry.start(wherry, { account: ACCOUNT });
  const { host } = registry;

  const login = await run(wherry, ["login", "-u", "somebody", "--password-stdin", host], {
    stdin: "secret\n",
  });

  deepStrictEqual([login.code, login.stdout], [0, "Login Succeeded\n"]);
  match(
    login.stderr,
    /^WARNING: Your credentials are stored unencrypted in '.*config\.json'\. A cred/,
  );
  deepStrictEqual(readConfig(wherry), { auths: { [host]: AUTH } });

  const again = await run(wherry, ["login", host]);
  deepStrictEqual([again.code, again.stdout], [0, "Login Succeeded\n"]);
  match(again.stderr, /Authenticating with existing credentials\.\.\. \[Username: somebody\]/);

  const logout = await run(wherry, ["logout", host]);
  deepStrictEqual([logout.code, logout.stdout, logout.stderr], [
    0,
    `Removing login credentials for ${host}\n`,
    "",
  ]);
  deepStrictEqual(readConfig(wherry), { auths: {} });
});

testWhole("login keeps nothing of a wrong password", async (wherry) => {
  await using registry = await TestRegistry.start(wherry, { account: ACCOUNT });

  const { code, stdout, stderr } = await run(
    wherry,
    ["login", "-u", "somebody", "-p", "guessed", registry.host],
  );

  deepStrictEqual([code, stdout], [1, ""]);
  strictEqual(
    stderr,
    "WARNING: Using --password via the CLI is insecure. Use --password-stdin.\n" +
      `wherry: Cannot log in to "${registry.host}": incorrect username or password\n`,
  );
  throws(() => readConfig(wherry), Deno.errors.NotFound);
});

testWhole("login asks for a name and, unseen, for a password", async (wherry) => {
  await using registry = await TestRegistry.start(wherry, { account: ACCOUNT });
  await using terminal = await logInOnTerminal(wherry, [registry.host]);

  await terminal.waitFor("Username: ");
  terminal.type("somebody\n");
  await terminal.waitFor("Password: ");
  terminal.type("secret\n");

  strictEqual(await terminal.finish(), 0);
  match(terminal.shown, /Login Succeeded/);
  doesNotMatch(terminal.shown, /secret/);
  terminal.assertRestored();
});

testWhole("login leaves the terminal as it was when it is interrupted", async (wherry) => {
  await using terminal = await logInOnTerminal(wherry, ["-u", "somebody", "registry.invalid"]);

  await terminal.waitFor("Password: ");
  terminal.type("\x03");

  strictEqual(await terminal.finish(), 130);
  terminal.assertRestored();
});

testWhole("login believes the authority that SSL_CERT_FILE names, and no other", async (wherry) => {
  await using registry = await TestRegistry.start(wherry, { account: ACCOUNT, isTls: true });
  const { host, caPath = "" } = registry;
  const registries = `${wherry.scratch}/registries.json`;
  Deno.writeTextFileSync(
    registries,
    JSON.stringify({ registries: { [host]: { insecure: false } } }),
  );
  const args = ["login", "-u", "somebody", "--password-stdin", host];
  const env = { WHERRY_REGISTRIES: registries };

  const stranger = await run(wherry, args, { stdin: "secret", env });
  const known = await run(wherry, args, {
    stdin: "secret",
    env: { ...env, SSL_CERT_FILE: caPath },
  });

  strictEqual(stranger.code, 1);
  match(stranger.stderr, /the server's certificate is not trusted \(UnknownIssuer\)\n/);
  deepStrictEqual([known.code, known.stdout], [0, "Login Succeeded\n"]);
});

testWhole("login trusts a registry on this machine whatever it shows", async (wherry) => {
  await using registry = await TestRegistry.start(wherry, { account: ACCOUNT, isTls: true });

  const { code, stdout } = await run(
    wherry,
    ["login", "-u", "somebody", "--password-stdin", `localhost:${registry.port}`],
    { stdin: "secret" },
  );

  deepStrictEqual([code, stdout], [0, "Login Succeeded\n"]);
});

testWhole(
  "login gives the secret to the helper that is configured, and its HOME",
  async (wherry) => {
    await using registry = await TestRegistry.start(wherry, { account: ACCOUNT });
    const { host } = registry;
    const directory = configDirectory(wherry);
    Deno.mkdirSync(directory);
    Deno.writeTextFileSync(`${directory}/config.json`, '{"credsStore":"fake"}');
    Deno.writeTextFileSync(
      `${directory}/docker-credential-fake`,
      '#!/bin/sh\n[ "$1" = store ] && cat > "$HOME/kept"\nexit 0\n',
      { mode: 0o755 },
    );

    const { code, stderr } = await run(
      wherry,
      ["login", "-u", "somebody", "--password-stdin", host],
      { stdin: "secret", env: { PATH: `${directory}:/usr/bin:/bin`, HOME: wherry.scratch } },
    );

    deepStrictEqual([code, stderr], [0, ""]);
    deepStrictEqual(JSON.parse(Deno.readTextFileSync(`${wherry.scratch}/kept`)), {
      "ServerURL": host,
      "Username": "somebody",
      "Secret": "secret",
    });
    deepStrictEqual(readConfig(wherry), { credsStore: "fake", auths: { [host]: {} } });
  },
);

const REFUSED: readonly [readonly string[], string][] = [
  [["-p", "x", "--password-stdin"], "cannot specify both --password and --password-stdin"],
  [["--password-stdin"], "The --password-stdin option requires --username to be set"],
  [["-u", ""], "Username is empty"],
  [["-u", "somebody", "-p", ""], "Password is empty"],
  [["-u", "somebody"], "Cannot perform an interactive login from a non TTY device"],
  [["a", "b"], "'wherry login' requires at most 1 argument"],
];

for (const [args, message] of REFUSED) {
  testWhole(`login ${args.join(" ")} is refused in docker's words`, async (wherry) => {
    const { code, stderr } = await run(wherry, ["login", ...args]);

    strictEqual(code, 1);
    strictEqual(stderr.includes(message), true, stderr);
  });
}
