/** Docker's flags that no container of wherry can have: known, so that they are refused with the reason. @module */

import type { FlagSpec } from "../base/flags.ts";

const HELP = "Refused, with the reason";

/** Of every command that makes a container. */
export const UNOFFERED_FLAGS = [
  { name: "annotation", type: "list", help: HELP, hidden: true },
  { name: "cpu-count", type: "number", help: HELP, hidden: true },
  { name: "cpu-percent", type: "number", help: HELP, hidden: true },
  { name: "disable-content-trust", type: "boolean", default: true, help: HELP, hidden: true },
  { name: "io-maxbandwidth", type: "string", help: HELP, hidden: true },
  { name: "io-maxiops", type: "number", help: HELP, hidden: true },
  { name: "isolation", type: "string", help: HELP, hidden: true },
  { name: "link-local-ip", type: "list", help: HELP, hidden: true },
  { name: "runtime", type: "string", help: HELP, hidden: true },
  { name: "storage-opt", type: "list", help: HELP, hidden: true },
  { name: "use-api-socket", type: "boolean", help: HELP, hidden: true },
] as const satisfies readonly FlagSpec[];
