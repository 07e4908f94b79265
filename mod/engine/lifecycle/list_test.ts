import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { fakeContainerConfig } from "../../../tests/fakes/container_config.ts";
import { Engine } from "../base/engine.ts";
import { listContainers } from "./list.ts";

/** An engine in directories of its own, removed in the end. */
class TestEngine implements Disposable {
  readonly directory = Deno.makeTempDirSync({ prefix: "wherry-list-" });
  readonly engine = new Engine({
    root: `${this.directory}/root`,
    runRoot: `${this.directory}/run`,
  });

  /** Writes a container's files. */
  add(digits: string, record: object, state?: string): void {
    this.engine.ensureDirectories();
    const id = idOf(digits);
    const paths = this.engine.paths.container(id);
    Deno.mkdirSync(paths.directory);
    Deno.mkdirSync(paths.merged);
    Deno.writeTextFileSync(paths.config, JSON.stringify({ ...record, id }));
    if (state !== undefined) Deno.writeTextFileSync(paths.state, state);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.directory, { recursive: true });
  }
}

function record(name: string, second: number, isAutoRemoved = false): object {
  return fakeContainerConfig({
    name,
    createdAt: `2026-11-20T09:00:0${second}.000Z`,
    isAutoRemoved,
  });
}

/** A whole id that begins with `digits`. */
function idOf(digits: string): string {
  return digits.padEnd(64, "0");
}

const KILLED =
  '{"status":"running","pid":2,"monitorPid":1,"startedAt":"1","finishedAt":"0","exitCode":0}';

function namesOf(engine: Engine): string[] {
  return listContainers(engine).containers.map(({ config }) => config.name);
}

Deno.test("listContainers() gives nothing and makes nothing before the first use", () => {
  using test = new TestEngine();

  deepStrictEqual(listContainers(test.engine), { containers: [], warnings: [] });
  deepStrictEqual(Array.from(Deno.readDirSync(test.directory)), []);
});

Deno.test("listContainers() gives the newest first", () => {
  using test = new TestEngine();
  test.add("1a", record("old", 1));
  test.add("3c", record("new", 3));
  test.add("2b", record("middle", 2));

  deepStrictEqual(namesOf(test.engine), ["new", "middle", "old"]);
});

Deno.test("listContainers() puts a damaged container aside and lists the others", () => {
  using test = new TestEngine();
  test.add("1a", record("good", 1));
  test.add("2b", { schema: "?" });

  const { containers, warnings } = listContainers(test.engine);

  deepStrictEqual(containers.map(({ config }) => config.name), ["good"]);
  match(
    warnings.join("\n"),
    /^container 2b0{62} has a damaged record and was put aside in .*\/2b0{62}$/,
  );
  strictEqual(
    Deno.statSync(`${test.engine.paths.root}/damaged/${idOf("2b")}/config.json`).isFile,
    true,
  );
  deepStrictEqual(listContainers(test.engine).warnings, []);
});

Deno.test("listContainers() puts a container with a damaged state aside", () => {
  using test = new TestEngine();
  test.add("1a", record("good", 1));
  test.add("2b", record("bad", 2), "{");

  const { containers, warnings } = listContainers(test.engine);

  deepStrictEqual([containers.length, warnings.length], [1, 1]);
});

Deno.test("listContainers() removes an --rm container whose monitor was killed", () => {
  using test = new TestEngine();
  test.add("1a", record("kept", 1), KILLED);
  test.add("2b", record("removed", 2, true), KILLED);

  deepStrictEqual(namesOf(test.engine), ["kept"]);
  deepStrictEqual(Array.from(Deno.readDirSync(test.engine.paths.containers)).length, 1);
});
