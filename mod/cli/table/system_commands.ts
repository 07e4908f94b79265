/** Commands for wherry itself, and for everything at once. @module */

import { defineCommand } from "../base/command.ts";
import * as flags from "../definitions/system_flags.ts";

const SYSTEM_PRUNE = defineCommand({
  paths: ["system prune"],
  summary: "Remove unused data",
  usage: "[OPTIONS]",
  maxArgs: 0,
  flags: flags.SYSTEM_PRUNE_FLAGS,
  load: () => import("../commands/system_prune.ts"),
});

const SYSTEM_DF = defineCommand({
  paths: ["system df"],
  summary: "Show disk usage",
  usage: "[OPTIONS]",
  description: "Images take the room of their unpacked layers, " +
    "each counted once, and that of the blobs they were made of; reclaimable is what `wherry image " +
    "prune -a`, `wherry container prune` and `wherry volume prune -a` would give. Volumes with options are not " +
    "measured, since what is in them is elsewhere. There is no build cache.",
  maxArgs: 0,
  flags: flags.SYSTEM_DF_FLAGS,
  load: () => import("../commands/system_df.ts"),
});

const RECOVER = defineCommand({
  paths: ["system recover"],
  summary: "Remove what crashes left behind, and say what that was",
  usage: "",
  description: "That is: containers that were never finished, processes whose monitor " +
    "was killed, and files that nothing needs. Other commands do so now and then; this one looks " +
    "everywhere, and prints what it removed. What runs is never touched.",
  maxArgs: 0,
  flags: flags.RECOVER_FLAGS,
  load: () => import("../commands/system_recover.ts"),
});

const BOOT = defineCommand({
  paths: ["boot"],
  summary: "Start the containers that their restart policies want to run",
  usage: "[OPTIONS]",
  description:
    "After a reboot or a crash: starts what was started before and is not running, with the " +
    "policy always, or unless-stopped if nobody stopped it. `wherry generate` prints a service that calls it.",
  maxArgs: 0,
  flags: flags.BOOT_FLAGS,
  load: () => import("../commands/boot.ts"),
});

const GENERATE_SYSTEMD = defineCommand({
  paths: ["generate systemd"],
  summary: "Print a systemd unit that starts and stops containers with the host",
  usage: "",
  maxArgs: 0,
  flags: flags.GENERATE_FLAGS,
  load: () => import("../commands/generate_systemd.ts"),
});

const GENERATE_OPENRC = defineCommand({
  paths: ["generate openrc"],
  summary: "Print an OpenRC script that starts and stops containers with the host",
  usage: "",
  maxArgs: 0,
  flags: flags.GENERATE_FLAGS,
  load: () => import("../commands/generate_openrc.ts"),
});

const EVENTS = defineCommand({
  paths: ["events", "system events"],
  summary: "Show what happens to containers, images, networks and volumes, as it happens",
  usage: "[OPTIONS]",
  maxArgs: 0,
  flags: flags.EVENTS_FLAGS,
  load: () => import("../commands/events.ts"),
});

const INSPECT = defineCommand({
  paths: ["inspect"],
  summary: "Return low-level information on containers, images, networks and volumes",
  usage: "[OPTIONS] NAME|ID [NAME|ID...]",
  minArgs: 1,
  flags: flags.INSPECT_FLAGS,
  load: () => import("../commands/inspect.ts"),
});

const VERSION = defineCommand({
  paths: ["version"],
  summary: "Show wherry's version and how it was built",
  usage: "[OPTIONS]",
  maxArgs: 0,
  flags: flags.VERSION_FLAGS,
  load: () => import("../commands/version.ts"),
});

const INFO = defineCommand({
  paths: ["info", "system info"],
  summary: "Display system-wide information",
  usage: "[OPTIONS]",
  maxArgs: 0,
  flags: flags.INFO_FLAGS,
  load: () => import("../commands/info.ts"),
});

const DOCTOR = defineCommand({
  paths: ["doctor", "system doctor"],
  summary: "Say what this host offers to containers, and what it lacks",
  usage: "[OPTIONS]",
  description:
    "Each feature is ok, limited or missing, and what is not ok has its consequence and a remedy. " +
    "Nothing is changed and nothing is left behind, so that it may be called at any time, also without " +
    "root. It ends with 0 if containers can run here, and with 1 if not.",
  maxArgs: 0,
  flags: flags.DOCTOR_FLAGS,
  load: () => import("../commands/doctor.ts"),
});

const CLEANUP = defineCommand({
  paths: ["__cleanup"],
  summary: "Remove a container that has ended (for wherry's own use)",
  usage: "ID",
  hidden: true,
  minArgs: 1,
  maxArgs: 1,
  flags: flags.CLEANUP_FLAGS,
  load: () => import("../commands/cleanup.ts"),
});

const RENEW = defineCommand({
  paths: ["__renew"],
  summary: "Renew a container's leases of addresses (for wherry's own use)",
  usage: "ID",
  hidden: true,
  minArgs: 1,
  maxArgs: 1,
  flags: flags.RENEW_FLAGS,
  load: () => import("../commands/renew.ts"),
});

/** In the order of the help. */
export const SYSTEM_COMMANDS = [
  BOOT,
  DOCTOR,
  GENERATE_OPENRC,
  GENERATE_SYSTEMD,
  EVENTS,
  INFO,
  INSPECT,
  SYSTEM_DF,
  SYSTEM_PRUNE,
  RECOVER,
  VERSION,
  CLEANUP,
  RENEW,
] as const;
