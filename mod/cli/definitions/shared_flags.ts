/** Flags that commands of several families have. @module */

export const FORMAT = {
  name: "format",
  short: "f",
  type: "string",
  value: "template",
  help: "Format with a Go template; json prints JSON",
} as const;
export const FORMAT_LONG_ONLY = {
  name: "format",
  type: "string",
  value: "template",
  help: "Format with a Go template; json prints JSON",
} as const;
export const QUIET = { name: "quiet", short: "q", type: "boolean", help: "Only show ids" } as const;
export const NO_TRUNC = {
  name: "no-trunc",
  type: "boolean",
  help: "Don't truncate output",
} as const;

export const SIZE = {
  name: "size",
  short: "s",
  type: "boolean",
  help: "Display total file sizes",
} as const;

export const PRUNE_FORCE = {
  name: "force",
  short: "f",
  type: "boolean",
  help: "Do not prompt for confirmation",
} as const;
export const PRUNE_FILTER = {
  name: "filter",
  type: "list",
  value: "name=value",
  help: "Only what matches: until=TIMESTAMP, label=NAME[=VALUE], label!=NAME[=VALUE]",
} as const;

export const PLATFORM = {
  name: "platform",
  type: "string",
  value: "os/arch[/variant]",
  help: "Choose the image for another platform than this machine's",
} as const;

export const CHANGE = {
  name: "change",
  short: "c",
  type: "list",
  value: "instruction",
  help:
    "Set a field of the image, as in a Dockerfile: CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, " +
    "LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME, WORKDIR",
} as const;

export const OUTPUT = {
  name: "output",
  short: "o",
  type: "string",
  value: "file",
  help: "Write to a file (default STDOUT)",
} as const;
