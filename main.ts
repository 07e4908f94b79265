import { main } from "./mod/cli/main.ts";

// No top-level await: the bundle is a classic script
main(Deno.args).then((exitCode) => Deno.exit(exitCode));
