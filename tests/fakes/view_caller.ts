/**
 * A command that looks at a container's files: tests kill it.
 *
 * Arguments: `--root`, `--run-root`, the container. Says `open` once the files are there, and waits for its end.
 *
 * @module
 */

import { openContainerRoot } from "../../mod/engine/files/container_view.ts";
import { Engine } from "../../mod/engine/base/engine.ts";
import { findContainer } from "../../mod/engine/record/find.ts";

const [root = "", runRoot = "", wanted = ""] = Deno.args;
const engine = new Engine({ root, runRoot });
using _files = await openContainerRoot(engine, findContainer(engine, wanted));
await Deno.stdout.write(new TextEncoder().encode("open\n"));
await Deno.stdin.readable.pipeTo(new WritableStream());
