/** More clients of one container than its monitor serves. @module */

import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { connectPacketSocket, sendPacket } from "../mod/kernel/socket.ts";
import { eventually, listNames, type TestEngine, testWhole } from "./harness.ts";

/** How many can stay, and how many can be connected at all (docs/monitor.md, "Messages"). */
const STAYING_COUNT = 32;
const CLIENT_COUNT = 40;

/** Connections to a container's monitor that each have sent `request`. */
class Crowd extends DisposableStack {
  constructor(
    wherry: TestEngine,
    { id, count, request }: { id: string; count: number; request: string },
  ) {
    super();
    for (let index = 0; index < count; index++) {
      sendPacket(
        this.use(connectPacketSocket(`${wherry.runRoot}/containers/${id}`, "socket")),
        request,
      );
    }
  }
}

/** Sockets of a container's monitor: one for each client, and the one that listens. */
function countSockets(wherry: TestEngine, id: string): number {
  const directory = `/proc/${wherry.readStateRecord(id).monitorPid}/fd`;
  return listNames(directory).filter((fd) => isSocket(`${directory}/${fd}`)).length;
}

function isSocket(link: string): boolean {
  try {
    return Deno.readLinkSync(link).startsWith("socket:");
  } catch (error) {
    // Closed meanwhile
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

const REFUSAL =
  /^wherry: Cannot connect to the container: too many commands are attached [^\n]*\nTry again [^\n]*\n$/;

for (const argv of [["attach", "--no-stdin"], ["logs", "-f"], ["wait"]]) {
  testWhole(`the 33rd ${argv[0]} is refused, and works when one has left`, async (wherry) => {
    // On a network, its monitor has a socket more
    const flags = ["--name", "box", "--network", "none"];
    const id = await wherry.start(flags, ["sh", "-c", "echo started; sleep 100"]);
    using crowd = new Crowd(wherry, { id, count: STAYING_COUNT, request: "wait" });

    const refused = await wherry.run([...argv, "box"]);
    const exec = await wherry.run(["exec", "box", "echo", "works"]);
    crowd.dispose();
    using _others = new Crowd(wherry, { id, count: STAYING_COUNT - 1, request: "wait" });
    await eventually(() => countSockets(wherry, id) === STAYING_COUNT);
    const late = wherry.spawn([...argv, "box"]);
    await eventually(() => countSockets(wherry, id) > STAYING_COUNT);
    const killed = await wherry.run(["kill", "box"]);

    match(refused.stderr, REFUSAL);
    strictEqual(refused.code, 1);
    deepStrictEqual(exec, { code: 0, stdout: "works\n", stderr: "" });
    deepStrictEqual(killed, { code: 0, stdout: "box\n", stderr: "" });
    deepStrictEqual(new TextDecoder().decode((await late.output()).stderr), "");
    await wherry.run(["rm", "box"]);
  });
}

for (const end of [["stop", "-t", "0"], ["kill"], ["rm", "-f"], ["restart", "-t", "0"]]) {
  testWhole(`${end.join(" ")} finds a place beside all who stay`, async (wherry) => {
    const id = await wherry.start(["--name", "box"], ["sleep", "100"]);
    using _crowd = new Crowd(wherry, { id, count: STAYING_COUNT, request: "wait" });

    const result = await wherry.run([...end, "box"]);

    deepStrictEqual(result, { code: 0, stdout: "box\n", stderr: "" });
    await wherry.run(["rm", "-f", "box"]);
  });
}

testWhole("who finds no place at all is told so at once", async (wherry) => {
  const id = await wherry.start(["--name", "box"], ["sleep", "100"]);
  using crowd = new Crowd(wherry, { id, count: CLIENT_COUNT, request: "signal 0" });

  for (
    const argv of [["exec", "box", "true"], ["stop", "box"], ["kill", "box"], ["pause", "box"]]
  ) {
    const { code, stderr } = await wherry.run(argv);

    match(stderr, REFUSAL);
    strictEqual(code, 1);
  }
  crowd.dispose();

  strictEqual((await wherry.run(["rm", "-f", "box"])).code, 0);
});
