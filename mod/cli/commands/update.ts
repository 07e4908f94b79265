/** `wherry update`. @module */

import { type ContainerUpdate, updateContainer } from "../../engine/update.ts";
import { argumentError } from "../argument_error.ts";
import type { UPDATE_FLAGS } from "../definitions/container_flags.ts";
import type { Context } from "../context.ts";
import { forEachName } from "../each.ts";
import type { ParsedFlags } from "../flags.ts";
import { parsePublishFlags } from "../publish_flags.ts";
import { parseLimitFlags } from "../resource_flags.ts";
import { parseRestartPolicy } from "../restart_policy.ts";

/** Changes each container and prints what it was called by. */
export function run(
  context: Context,
  { flags, given, positionals }: ParsedFlags<typeof UPDATE_FLAGS>,
): Promise<number> {
  const update: ContainerUpdate = {
    ...(flags.restart === undefined ? {} : { restartPolicy: parseRestartPolicy(flags.restart) }),
    resources: parseLimitFlags(flags),
    publish: parsePublishFlags(flags["publish-add"]),
    unpublish: parsePublishFlags(flags["publish-rm"]),
  };
  if (given.size === 0) {
    throw argumentError("you must provide one or more flags when using this command", {
      hint: "See 'wherry update --help'",
    });
  }
  return forEachName(context, positionals, async (name) => {
    await updateContainer(context.engine, name, update);
    return name;
  });
}
