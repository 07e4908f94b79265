/** What happens to containers and images, for whoever looks: written down by those who do it. @module */

import type { ContainerConfig } from "../container/config.ts";
import type { Engine } from "./engine.ts";

/** Something that happened to one container. */
export interface ContainerEvent {
  config: ContainerConfig;
  /** Docker's word for it, for example `create` or `exec_start: sh`. */
  action: string;
  /** On top of the container's image, name and labels. */
  attributes?: Readonly<Record<string, string>>;
}

/**
 * Writes down what a command has done to a container.
 *
 * One line is one write, so that lines of several processes never mix. The monitor writes `start`, `die` and
 * `health_status` itself (docs/monitor.md, "Events").
 */
export function recordContainerEvent(engine: Engine, event: ContainerEvent): void {
  const { config, action, attributes } = event;
  const from = imageOf(config);
  appendLine(engine.paths.events, {
    status: action,
    id: config.id,
    from,
    Type: "container",
    Action: action,
    Actor: { ID: config.id, Attributes: { ...containerAttributes(config), ...attributes } },
    scope: "local",
  });
}

/** What every event of a container says about it. */
export function containerAttributes(config: ContainerConfig): Record<string, string> {
  return { ...config.labels, image: imageOf(config), name: config.name };
}

function imageOf({ root }: ContainerConfig): string {
  return root.type === "image" ? root.reference : root.path;
}

function appendLine(path: string, event: Readonly<Record<string, unknown>>): void {
  const nowMs = Date.now();
  const time = `"time":${Math.floor(nowMs / 1000)},"timeNano":${nowMs}000000`;
  // The number of nanoseconds does not fit into a JavaScript number
  const line = `${JSON.stringify(event).slice(0, -1)},${time}}\n`;
  using file = Deno.openSync(path, { append: true, create: true, mode: 0o600 });
  file.writeSync(new TextEncoder().encode(line));
}
