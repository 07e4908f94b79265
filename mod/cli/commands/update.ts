/** `wherry update`. @module */

import { type ContainerUpdate, updateContainer } from "../../engine/lifecycle/update.ts";
import { argumentError } from "../base/argument_error.ts";
import type { UPDATE_FLAGS } from "../definitions/container_flags.ts";
import type { Context } from "../base/context.ts";
import { forEachName } from "../base/each.ts";
import type { ParsedFlags } from "../base/flags.ts";
import { parsePublishFlags } from "../request/publish_flags.ts";
import { parseLimitFlags } from "../request/resource_flags.ts";
import { parseRestartPolicy } from "../request/restart_policy.ts";

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
