import { main } from "./mod/cli/main.ts";
import { readArguments } from "./mod/cli/snapshot.ts";

// No top-level await: the bundle is a classic script
readArguments()
  .then((args) => typeof args === "number" ? args : main(args))
  .then((exitCode) => Deno.exit(exitCode));
