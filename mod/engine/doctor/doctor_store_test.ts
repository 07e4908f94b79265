import { deepStrictEqual, strictEqual } from "node:assert/strict";
import {
  checkContainers,
  checkDamaged,
  checkImages,
  checkLeftovers,
  checkNetworks,
} from "./doctor_store.ts";
import { Engine } from "../base/engine.ts";

/** An engine whose directories go with its disposal. */
class TemporaryEngine extends Engine implements Disposable {
  readonly #directory: string;

  constructor(directory: string = Deno.makeTempDirSync()) {
    super({ root: `${directory}/root`, runRoot: `${directory}/run` });
    this.#directory = directory;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.#directory, { recursive: true });
  }
}

const ID = "a".repeat(64);

function write(path: string, text: string): void {
  Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  Deno.writeTextFileSync(path, text);
}

Deno.test("the store of an engine that was never used is in order", () => {
  using engine = new TemporaryEngine();

  const findings = [
    ...checkContainers(engine),
    checkImages(engine),
    ...checkNetworks(engine),
    checkLeftovers(engine),
    checkDamaged(engine),
  ];

  deepStrictEqual(findings.map(({ state }) => state), Array(5).fill("ok"));
});

Deno.test("checkContainers() names containers whose record is damaged, and the command that removes them", () => {
  using engine = new TemporaryEngine();
  write(engine.paths.container(ID).config, "{");

  const findings = checkContainers(engine);

  deepStrictEqual(findings.map(({ state, detail, remedy }) => [state, detail, remedy]), [
    ["limited", "the record of aaaaaaaaaaaa is damaged", "wherry rm -f aaaaaaaaaaaa"],
  ]);
});

Deno.test("checkImages() finds a damaged list of images", () => {
  using engine = new TemporaryEngine();
  write(`${engine.paths.root}/index.json`, "{");

  strictEqual(checkImages(engine).detail, "the list of images is damaged");
});

Deno.test("checkNetworks() names networks whose record is damaged", () => {
  using engine = new TemporaryEngine();
  write(`${engine.paths.networks}/lan.json`, "{");

  deepStrictEqual(checkNetworks(engine).map(({ detail }) => detail), [
    'the record of "lan" is damaged',
  ]);
});

Deno.test("checkLeftovers() counts what crashes left, and removes none of it", () => {
  using engine = new TemporaryEngine();
  const orphan = `${engine.paths.runContainers}/${"b".repeat(64)}`;
  const unfinished = engine.paths.container(ID).directory;
  for (const path of [orphan, unfinished]) Deno.mkdirSync(path, { recursive: true });

  const { detail, remedy } = checkLeftovers(engine);

  deepStrictEqual([detail, remedy], [
    "1 containers that a crash ended or left unfinished, 1 run directories without a container",
    "wherry system recover",
  ]);
  deepStrictEqual([orphan, unfinished].map((path) => Deno.statSync(path).isDirectory), [
    true,
    true,
  ]);
});

Deno.test("checkDamaged() counts records that were put aside", () => {
  using engine = new TemporaryEngine();
  write(`${engine.paths.damaged}/${ID}/config.json`, "{");

  strictEqual(checkDamaged(engine).detail, `1 put aside in "${engine.paths.damaged}"`);
});
