/** `wherry attach`. @module */

import type { MonitorConnection } from "../../container/launch/monitor.ts";
import { attachToContainer, findAttachable } from "../../engine/lifecycle/attach.ts";
import { recordContainerEvent } from "../../engine/base/events.ts";
import type { ATTACH_FLAGS } from "../definitions/container_flags.ts";
import type { Context } from "../base/context.ts";
import { parseDetachKeys } from "../terminal/detach_keys.ts";
import type { ParsedFlags } from "../base/flags.ts";
import {
  attachmentOf,
  callerTerminalSize,
  checkTerminal,
  finishSession,
  Session,
  type StreamOptions,
} from "../terminal/session.ts";

/** Connects the caller's streams to a running container until it ends or the user detaches. */
export async function run(
  context: Context,
  { flags, positionals }: ParsedFlags<typeof ATTACH_FLAGS>,
): Promise<number> {
  const detachKeys = parseDetachKeys(flags["detach-keys"]);
  const [name = ""] = positionals;
  const container = findAttachable(context.engine, name);
  const { hasTerminal, hasStdin, closesStdin } = container.config;
  const wantsStdin = !flags["no-stdin"];
  checkTerminal({ hasStdin: wantsStdin, hasTerminal });
  const streams: StreamOptions = {
    hasStdin: wantsStdin && hasStdin,
    hasTerminal,
    detachKeys,
    // Closing a window must not type ^D into a shell that others may use
    closesStdin: closesStdin && !hasTerminal,
    proxiesSignals: flags["sig-proxy"] && !hasTerminal,
  };
  using session = new Session(streams);
  session.catchSignals();
  session.prepareStdin();
  using monitor = attachToContainer(context.engine, container, attachmentOf(streams));
  if (hasTerminal) askForRedrawing(monitor);
  const exitCode = await finishSession(context, session, monitor);
  if (session.hasDetached) {
    recordContainerEvent(context.engine, { config: container.config, action: "detach" });
  }
  return exitCode;
}

/** Programs draw their screen again when the terminal's size changes: it will be set right in a moment. */
function askForRedrawing(monitor: MonitorConnection): void {
  const { rows, columns } = callerTerminalSize();
  if (rows > 0 && columns > 0) monitor.resize(rows + 1, columns + 1);
}
