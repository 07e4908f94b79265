import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { fakeContainerConfig } from "../../../tests/fakes/container_config.ts";
import { WherryError } from "../../errors.ts";
import { acquireLock } from "../../store/lock.ts";
import { Paths } from "../../store/paths.ts";
import { claimName, findByName, releaseName, removeStaleNames } from "./names.ts";

const FIRST = "1".repeat(64);
const SECOND = "2".repeat(64);
const GONE = "3".repeat(64);

/** Runs `body` with the directories of an engine that has the containers FIRST and SECOND. */
function testNames(name: string, body: (paths: Paths) => void): void {
  Deno.test(name, () => {
    const directory = Deno.makeTempDirSync();
    const paths = new Paths(`${directory}/root`, `${directory}/run`);
    try {
      for (const path of [paths.names, paths.runRoot]) Deno.mkdirSync(path, { recursive: true });
      for (const id of [FIRST, SECOND]) {
        Deno.mkdirSync(paths.container(id).directory, { recursive: true });
      }
      body(paths);
    } finally {
      Deno.removeSync(directory, { recursive: true });
    }
  });
}

testNames("claimName() gives a free name to the container", (paths) => {
  claimName(paths, "web", FIRST);

  strictEqual(findByName(paths, "web"), FIRST);
});

testNames("claimName() refuses a name that another container has", (paths) => {
  claimName(paths, "web", FIRST);

  throws(
    () => claimName(paths, "web", SECOND),
    (error: unknown) =>
      error instanceof WherryError && error.kind === "already_exists" &&
      error.message.includes(`"web": it is already in use by container 111111111111`),
  );
});

testNames("claimName() takes the name of a container that is gone", (paths) => {
  Deno.symlinkSync(GONE, `${paths.names}/web`);

  claimName(paths, "web", FIRST);

  strictEqual(findByName(paths, "web"), FIRST);
});

testNames("releaseName() leaves a name that is another container's", (paths) => {
  claimName(paths, "web", FIRST);

  releaseName(paths, "web", SECOND);

  strictEqual(findByName(paths, "web"), FIRST);
});

testNames("removeStaleNames() removes only names without a container", (paths) => {
  claimName(paths, "web", FIRST);
  Deno.symlinkSync(GONE, `${paths.names}/stale`);

  removeStaleNames(paths);

  deepStrictEqual(Array.from(Deno.readDirSync(paths.names), ({ name }) => name), ["web"]);
});

testNames("claimName() takes a name that is the container's own already", (paths) => {
  claimName(paths, "web", FIRST);

  claimName(paths, "web", FIRST);

  strictEqual(findByName(paths, "web"), FIRST);
});

testNames("removeStaleNames() frees a name whose container has another one", (paths) => {
  claimName(paths, "old", FIRST);
  claimName(paths, "new", FIRST);
  const config = fakeContainerConfig({ id: FIRST, name: "old" });
  Deno.writeTextFileSync(paths.container(FIRST).config, JSON.stringify(config));

  deepStrictEqual(removeStaleNames(paths), ["new"]);

  strictEqual(findByName(paths, "old"), FIRST);
});

testNames("removeStaleNames() waits for who is renaming the container", (paths) => {
  const { config, configLock, runDirectory } = paths.container(FIRST);
  claimName(paths, "new", FIRST);
  Deno.writeTextFileSync(config, JSON.stringify(fakeContainerConfig({ id: FIRST, name: "old" })));
  Deno.mkdirSync(runDirectory, { recursive: true });
  using _renaming = acquireLock(configLock);

  deepStrictEqual(removeStaleNames(paths), []);

  strictEqual(findByName(paths, "new"), FIRST);
});
