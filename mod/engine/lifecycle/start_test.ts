import { rejects } from "node:assert/strict";
import { MonitorConnection } from "../../container/launch/monitor.ts";
import { sendPacket, socketPair } from "../../kernel/socket.ts";
import { awaitStart } from "./start.ts";

Deno.test("awaitStart() says that the container has ended when there is nothing to join", async () => {
  const [ours, theirs] = socketPair();
  using monitor = theirs;
  sendPacket(monitor, "failed 0 3");

  await rejects(
    () => awaitStart(new MonitorConnection(ours), [["join", "0"]], { argv: ["true"] }),
    { kind: "conflict", exitCode: 1, message: "Cannot exec in the container: it has just ended" },
  );
});
