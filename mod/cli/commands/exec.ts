/** `wherry exec`. @module */

import { execInContainer } from "../../engine/exec.ts";
import type { EXEC_FLAGS } from "../command_flags.ts";
import type { Context } from "../context.ts";
import { readEnvironment } from "../environment.ts";
import type { ParsedFlags } from "../flags.ts";
import { attachmentOf, callerTerminalSize, checkTerminal, Session } from "../session.ts";

/** Runs a command in a running container, and stays with it unless `-d` is given. */
export async function run(
  { engine }: Context,
  { flags, positionals }: ParsedFlags<typeof EXEC_FLAGS>,
): Promise<number> {
  const [container = "", ...argv] = positionals;
  const streams = { hasStdin: flags.interactive, hasTerminal: flags.tty };
  if (!flags.detach) checkTerminal(streams);
  using session = flags.detach ? undefined : new Session(streams);
  if (flags.tty && flags.interactive) session?.makeRaw();
  session?.catchSignals();
  using monitor = await execInContainer(engine, container, {
    argv,
    env: readEnvironment(flags["env-file"], flags.env),
    ...(flags.workdir === undefined ? {} : { workingDirectory: flags.workdir }),
    ...(flags.user === undefined ? {} : { user: flags.user }),
    hasTerminal: flags.tty,
    hasStdin: flags.interactive,
    ...(flags.tty && !flags.detach ? { terminalSize: callerTerminalSize() } : {}),
    ...(flags.detach ? {} : { attachment: attachmentOf(streams) }),
  });
  return session === undefined ? 0 : await session.follow(monitor);
}
