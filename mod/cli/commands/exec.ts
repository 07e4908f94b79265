/** `wherry exec`. @module */

import { execInContainer } from "../../engine/lifecycle/exec.ts";
import { findContainer } from "../../engine/record/find.ts";
import { loadSeccompSupport } from "../../engine/security/seccomp.ts";
import { WherryError } from "../../errors.ts";
import type { EXEC_FLAGS } from "../definitions/container_flags.ts";
import type { Context } from "../base/context.ts";
import { parseDetachKeys } from "../terminal/detach_keys.ts";
import { readEnvironment } from "../base/environment.ts";
import { EXIT_FAILURE } from "../base/exit_code.ts";
import type { ParsedFlags } from "../base/flags.ts";
import {
  attachmentOf,
  callerTerminalSize,
  checkTerminal,
  finishSession,
  Session,
} from "../terminal/session.ts";

/** Runs a command in a running container, and stays with it unless `-d` is given. */
export async function run(
  context: Context,
  { flags, positionals }: ParsedFlags<typeof EXEC_FLAGS>,
): Promise<number> {
  const { engine } = context;
  const [container = "", ...argv] = positionals;
  const streams = {
    hasStdin: flags.interactive,
    hasTerminal: flags.tty,
    detachKeys: parseDetachKeys(flags["detach-keys"]),
  };
  await loadSeccompSupport(findContainer(engine, container).config);
  if (!flags.detach) checkTerminal(streams);
  using session = flags.detach ? undefined : new Session(streams);
  session?.prepareStdin();
  session?.catchSignals();
  using monitor = await execInContainer(engine, container, {
    argv,
    env: readEnvironment(flags["env-file"], flags.env),
    ...(flags.workdir === undefined ? {} : { workingDirectory: flags.workdir }),
    ...(flags.user === undefined ? {} : { user: flags.user }),
    hasTerminal: flags.tty,
    hasStdin: flags.interactive,
    isPrivileged: flags.privileged,
    ...(flags.tty && !flags.detach ? { terminalSize: callerTerminalSize() } : {}),
    ...(flags.detach ? {} : { attachment: attachmentOf(streams) }),
  }).catch((error: unknown) => {
    // As with docker: a status that tells why is for those who wait for the command
    throw flags.detach && error instanceof WherryError ? error.withExitCode(EXIT_FAILURE) : error;
  });
  return session === undefined ? 0 : await finishSession(context, session, monitor);
}
