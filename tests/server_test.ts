/** A Debian root file system with a real server in it, from its import to its removal. @module */

import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { makeDebianTar } from "./debian_rootfs.ts";
import { eventually, type TestEngine, testWhole } from "./harness.ts";

const SITE = "/var/www/html/index.html";

/** Logs to the container's own streams, as images of servers do. */
const SERVE = [
  "sh",
  "-c",
  "ln -sf /dev/stdout /var/log/nginx/access.log && " +
  "exec nginx -g 'daemon off; error_log stderr notice;'",
];

/** Asks the server over the container's loopback; the image has no other client than bash. */
const REQUEST = "exec 3<>/dev/tcp/127.0.0.1/80 && " +
  "printf 'GET / HTTP/1.0\\r\\nHost: site.test\\r\\n\\r\\n' >&3 && cat <&3";

/** Runs a command that must succeed and say nothing on stderr. */
async function succeed(wherry: TestEngine, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await wherry.run(args);
  deepStrictEqual([args[0], code, stderr], [args[0], 0, ""]);
  return stdout;
}

/** Asks until the server answers. */
async function request(wherry: TestEngine, name: string): Promise<string> {
  let answer = "";
  await eventually(async () => {
    const { code, stdout } = await wherry.run(["exec", name, "bash", "-c", REQUEST]);
    answer = stdout;
    return code === 0;
  });
  return answer;
}

testWhole(
  "a Debian nginx is imported, served from, looked into, stopped and removed",
  async (wherry) => {
    const tar = `${wherry.scratch}/debian.tar`;
    await makeDebianTar(tar, ["nginx-light"]);
    await succeed(
      wherry,
      "import",
      "-c",
      `CMD ${JSON.stringify(SERVE)}`,
      "-c",
      "STOPSIGNAL SIGQUIT",
      tar,
      "nginx",
    );
    await succeed(wherry, "run", "-d", "--name", "web", "--network", "none", "nginx");

    match(await request(wherry, "web"), /^HTTP\/1\.1 200 OK\r\nServer: nginx/);

    const script = `echo "<p>changed</p>" >${SITE}; ls -l /var/www/html`;
    match(await succeed(wherry, "exec", "web", "sh", "-c", script), /index\.html/);
    match(await request(wherry, "web"), /\r\n\r\n<p>changed<\/p>\n$/);

    const logs = await wherry.run(["logs", "web"]);
    match(logs.stdout, /"GET \/ HTTP\/1\.0" 200 /);
    match(logs.stderr, /\[notice\] [^\n]*start worker processes/);
    match(
      await succeed(wherry, "ps", "--format", "{{.Image}} {{.Names}} {{.Status}}"),
      /^nginx web Up /,
    );
    strictEqual(
      await succeed(wherry, "inspect", "-f", "{{.State.Status}} {{.Config.StopSignal}}", "web"),
      "running SIGQUIT\n",
    );

    strictEqual(await succeed(wherry, "stop", "web"), "web\n");
    strictEqual(
      await succeed(wherry, "inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", "web"),
      "exited 0\n",
    );

    await succeed(wherry, "start", "web");
    match(await request(wherry, "web"), /\r\n\r\n<p>changed<\/p>\n$/);

    await succeed(wherry, "rm", "-f", "web");
    await succeed(wherry, "rmi", "nginx");
    strictEqual(await succeed(wherry, "ps", "-aq"), "");
    strictEqual(await succeed(wherry, "images", "-q"), "");
  },
);
