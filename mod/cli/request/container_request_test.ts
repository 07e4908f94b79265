import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { CONTAINER_FLAGS } from "../definitions/container_flags.ts";
import { planRequest } from "./container_request.ts";
import { parseFlags } from "../base/flags.ts";
import type { CreateRequest } from "../../engine/lifecycle/create_request.ts";

function plan(args: string[], isDetached = false): CreateRequest {
  const parsed = parseFlags(CONTAINER_FLAGS, args, { interspersed: false });
  return planRequest(parsed, { isDetached, startsAtOnce: false, mountFlags: [] });
}

Deno.test("planRequest() takes the image, and what follows it for the command", () => {
  const { image, command } = plan(["box", "ls", "-l"]);

  deepStrictEqual([image, command], ["box", ["ls", "-l"]]);
});

Deno.test("planRequest() takes all for the command with --rootfs", () => {
  const { image, rootfs, command } = plan(["--rootfs", "/data", "ls", "-l"]);

  deepStrictEqual([image, rootfs, command], [undefined, "/data", ["ls", "-l"]]);
});

Deno.test("planRequest() attaches both outputs, and stdin where it is kept open", () => {
  deepStrictEqual(plan(["box"]).attachedStreams, ["stdout", "stderr"]);
  deepStrictEqual(plan(["-i", "box"]).attachedStreams, ["stdin", "stdout", "stderr"]);
  deepStrictEqual(plan(["-i", "box"], true).attachedStreams, []);
});

Deno.test("planRequest() attaches only what -a names, in any case of letters", () => {
  deepStrictEqual(plan(["-a", "STDERR", "box"]).attachedStreams, ["stderr"]);
  deepStrictEqual(plan(["-i", "-a", "stdout", "box"]).attachedStreams, ["stdin", "stdout"]);
});

Deno.test("planRequest() lets stdin end with the client's only if it is attached", () => {
  strictEqual(plan(["-i", "box"]).closesStdin, true);
  strictEqual(plan(["-i", "box"], true).closesStdin, false);
});

Deno.test("planRequest() reads how the container is to be stopped and started again", () => {
  const flags = ["--restart", "on-failure:3", "--stop-signal", "HUP", "--stop-timeout", "-1"];
  const { restartPolicy, stopSignal, stopTimeoutSeconds } = plan([...flags, "box"]);

  deepStrictEqual(restartPolicy, { name: "on-failure", maximumRetries: 3 });
  deepStrictEqual([stopSignal, stopTimeoutSeconds], ["HUP", -1]);
});

for (const pull of ["", "always", "missing", "never"]) {
  Deno.test(`planRequest() accepts --pull "${pull}"`, () => {
    strictEqual(plan(["--pull", pull, "box"]).image, "box");
  });
}

Deno.test("planRequest() refuses -a with -d", () => {
  throws(() => plan(["-a", "stdout", "box"], true), /cannot specify both --attach and --detach/);
});
