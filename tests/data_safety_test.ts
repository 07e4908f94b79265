/** Data outside of containers: what removes containers and volumes does not come near it. @module */

import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { Canaries } from "./canaries.ts";
import { eventually, exists, listNames, type TestEngine, testWhole } from "./harness.ts";

/** Runs a command that must say nothing but its result. */
async function expectOk(wherry: TestEngine, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await wherry.run(args);
  deepStrictEqual([code, stderr], [0, ""], args.join(" "));
  return stdout.trimEnd();
}

/** Makes a container that has ended. */
async function runToEnd(
  wherry: TestEngine,
  flags: readonly string[],
  argv: readonly string[] = ["true"],
): Promise<string> {
  const id = await wherry.start(["--network", "none", ...flags], argv);
  strictEqual((await wherry.run(["wait", id])).stdout, "0\n");
  return id;
}

/** Binds a directory of the host somewhere, until it is disposed of. */
async function bindByHand(
  wherry: TestEngine,
  source: string,
  target: string,
): Promise<AsyncDisposable> {
  Deno.mkdirSync(target, { recursive: true });
  await wherry.runHost("mount", "--bind", source, target);
  return { [Symbol.asyncDispose]: async () => void await wherry.runHost("umount", target) };
}

for (
  const [command, ...args] of [
    ["rm", "rm", "box"],
    ["rm -f", "rm", "-f", "box"],
    ["container prune", "container", "prune", "-f"],
    ["system prune", "system", "prune", "-f"],
  ] as const
) {
  testWhole(
    `${command} leaves a container alone in which the host has mounted something`,
    async (wherry) => {
      const canaries = await Canaries.plant(`${wherry.scratch}/canaries`);
      const id = await runToEnd(wherry, ["--name", "box"], ["sh", "-c", "echo kept >/file"]);
      const target = wherry.containerPath(id, "upper/with space/mounted");
      {
        await using _mount = await bindByHand(wherry, `${wherry.scratch}/canaries`, target);

        const { code, stderr } = await wherry.run(args);

        strictEqual(code, 1);
        strictEqual(
          stderr,
          `wherry: Cannot remove container "box": something is mounted on "${target}"\n` +
            `Nothing of it was removed. First "umount ${target}"\n`,
        );
        canaries.assertUntouched();
        strictEqual(Deno.readTextFileSync(wherry.containerPath(id, "upper/file")), "kept\n");
        strictEqual(await expectOk(wherry, ["ps", "-aq", "--no-trunc"]), id);
      }
      await expectOk(wherry, args);
      deepStrictEqual(listNames(`${wherry.root}/containers`), []);
      canaries.assertUntouched();
    },
  );
}

testWhole(
  "what a run --rm leaves because the host has mounted something goes when that is gone",
  async (wherry) => {
    const canaries = await Canaries.plant(`${wherry.scratch}/canaries`);
    const id = await wherry.start(["--rm", "--stop-timeout", "0"], ["sleep", "100"]);
    {
      const target = wherry.containerPath(id, "merged");
      await using _mount = await bindByHand(wherry, `${wherry.scratch}/canaries`, target);

      await expectOk(wherry, ["stop", id]);
      // Its monitor may be at it at this moment
      const warning = /^WARNING: what is left of container \w+ stays for now: .* mounted on "/;
      await eventually(async () => warning.test((await wherry.run(["ps", "-a"])).stderr));

      canaries.assertUntouched();
    }
    strictEqual(await expectOk(wherry, ["ps", "-aq"]), "");
    deepStrictEqual(listNames(`${wherry.root}/containers`), []);
    canaries.assertUntouched();
  },
);

testWhole(
  "system prune leaves a damaged container alone in which the host has mounted something",
  async (wherry) => {
    const canaries = await Canaries.plant(`${wherry.scratch}/canaries`);
    const id = await runToEnd(wherry, []);
    Deno.writeTextFileSync(wherry.containerPath(id, "config.json"), "{");
    match((await wherry.run(["ps", "-a"])).stderr, /put aside/);
    const target = `${wherry.root}/damaged/${id}/upper/mounted`;
    {
      await using _mount = await bindByHand(wherry, `${wherry.scratch}/canaries`, target);

      const { code, stderr } = await wherry.run(["system", "prune", "-f"]);

      strictEqual(code, 1);
      match(stderr, new RegExp(`: something is mounted on "${target}"\n.*umount ${target}`));
      canaries.assertUntouched();
    }
    await expectOk(wherry, ["system", "prune", "-f"]);
    ok(!exists(`${wherry.root}/damaged`));
    canaries.assertUntouched();
  },
);

for (
  const [command, ...args] of [
    ["volume rm", "volume", "rm", "data"],
    ["volume rm -f", "volume", "rm", "-f", "data"],
    ["volume prune -a", "volume", "prune", "-a", "-f"],
  ] as const
) {
  for (const place of ["", "/below"]) {
    testWhole(
      `${command} leaves a volume alone in which the host has mounted something${place}`,
      async (wherry) => {
        const canaries = await Canaries.plant(`${wherry.scratch}/canaries`);
        await expectOk(wherry, ["volume", "create", "data"]);
        const data = `${wherry.root}/volumes/data/_data`;
        Deno.writeTextFileSync(`${data}/file`, "kept\n");
        {
          const target = data + place;
          await using _mount = await bindByHand(wherry, `${wherry.scratch}/canaries`, target);

          const { code, stderr } = await wherry.run(args);

          strictEqual(code, 1);
          match(stderr, new RegExp(`^wherry: Cannot remove volume "data": [^\n]*"${target}"\n`));
          match(stderr, new RegExp(`^Nothing of it was removed. First "umount ${target}"$`, "m"));
          canaries.assertUntouched();
          strictEqual(await expectOk(wherry, ["volume", "ls", "-q"]), "data");
        }
        strictEqual(Deno.readTextFileSync(`${data}/file`), "kept\n");
        await expectOk(wherry, args);
        deepStrictEqual(listNames(`${wherry.root}/volumes`), []);
        canaries.assertUntouched();
      },
    );
  }
}

testWhole(
  "rm -v removes all volumes but the one in which the host has mounted something",
  async (wherry) => {
    const canaries = await Canaries.plant(`${wherry.scratch}/canaries`);
    await runToEnd(wherry, ["--name", "box", "-v", "/one", "-v", "/two"]);
    const volumes = `${wherry.root}/volumes`;
    const [name = ""] = listNames(volumes);
    {
      const target = `${volumes}/${name}/_data/mounted`;
      await using _mount = await bindByHand(wherry, `${wherry.scratch}/canaries`, target);

      const { code, stderr } = await wherry.run(["rm", "-v", "box"]);

      strictEqual(code, 1);
      match(stderr, new RegExp(`^wherry: Cannot remove volume "${name}": [^\n]*"${target}"\n`));
      deepStrictEqual(listNames(volumes), [name]);
      canaries.assertUntouched();
    }
    await expectOk(wherry, ["ps", "-a"]);
    deepStrictEqual(listNames(volumes), []);
    canaries.assertUntouched();
  },
);

testWhole("a container that has the whole host mounted can be removed", async (wherry) => {
  const canaries = await Canaries.plant(`${wherry.scratch}/canaries`);
  const flags = ["-v", "/:/host", "-v", `${wherry.root}:/wherry`];
  const id = await wherry.start(["--name", "box", ...flags], ["sleep", "100"]);
  strictEqual(
    await expectOk(wherry, ["exec", "box", "cat", `/host${wherry.scratch}/canaries/file`]),
    "canary file",
  );

  await expectOk(wherry, ["rm", "-f", "box"]);

  canaries.assertUntouched();
  ok(!exists(wherry.containerPath(id, "")));
});

testWhole(
  "a container may remove its own directory of the host, and is removed",
  async (wherry) => {
    const canaries = await Canaries.plant(`${wherry.scratch}/canaries`);
    const id = await wherry.start(
      ["--name", "box", "-v", `${wherry.root}:/wherry`],
      ["sh", "-c", "rm -rf /wherry/containers/*/upper /wherry/containers/*/log; exec sleep 100"],
    );

    await expectOk(wherry, ["rm", "-f", "box"]);

    canaries.assertUntouched();
    ok(!exists(wherry.containerPath(id, "")));
  },
);

/** Everything that a container can be given which is not its own. */
async function mountEverything(wherry: TestEngine): Promise<string[]> {
  const { scratch } = wherry;
  await Canaries.plant(`${scratch}/bind`);
  Deno.writeTextFileSync(`${scratch}/secret`, "secret\n");
  await expectOk(wherry, ["import", await wherry.imageTar(), "box"]);
  await expectOk(wherry, ["volume", "create", "data"]);
  await Canaries.plant(`${wherry.root}/volumes/data/_data`);
  return [
    ...["-v", `${scratch}/bind:/bind`, "-v", `${scratch}/secret:/run/secret`],
    ...["-v", "data:/volume", "-v", "/anonymous", "--tmpfs", "/tmpfs"],
    ...["-v", "data:/existing", "-v", `${scratch}/secret:/etc/motd`],
  ];
}

/** Writes into each of them. */
const WRITE_EVERYWHERE = "for d in bind volume anonymous tmpfs; do echo secret >/$d/new; done; " +
  "echo own >/own";

for (const driver of ["overlay", "copy"]) {
  testWhole(
    `commit, export and diff hold nothing of binds and volumes (${driver})`,
    async (wherry) => {
      const mounts = await mountEverything(wherry);
      const run = ["run", "--name", "box", "--network", "none", ...mounts];
      const container = ["box", "sh", "-c", WRITE_EVERYWHERE];
      await expectOk(wherry, ["--storage-driver", driver, ...run, ...container]);

      const changes = (await expectOk(wherry, ["diff", "box"])).split("\n");
      const id = await expectOk(wherry, ["commit", "box", "made"]);
      await expectOk(wherry, ["export", "-o", "exported.tar", "box"]);
      await expectOk(wherry, ["save", "-o", "saved.tar", "made"]);

      const targets = ["/anonymous", "/bind", "/existing", "/tmpfs", "/volume"];
      deepStrictEqual(changes.filter((line) => targets.some((path) => line.includes(path))), [
        ...targets.map((path) => `A ${path}`),
      ]);
      ok(changes.includes("A /own"));
      for (const tar of ["exported.tar", "saved.tar"]) {
        const bytes = Deno.readTextFileSync(`${wherry.scratch}/${tar}`);
        ok(!bytes.includes("secret\n") && !bytes.includes("canary"), tar);
      }
      const show = `cat /own /run/secret; find ${targets.join(" ")}; find / -xdev -perm -0002 ` +
        "! -type l ! -perm -1000";
      const shown = await expectOk(wherry, [
        ...["run", "--rm", "--network", "none", id, "sh", "-c", show],
      ]);
      deepStrictEqual(shown.split("\n"), ["own", ...targets]);
      await expectOk(wherry, ["rm", "-v", "box"]);
    },
  );
}

for (const mask of ["0", "022", "077"]) {
  testWhole(
    `directories that a start makes are 0755 and belong to root, whatever the umask (${mask})`,
    async (wherry) => {
      const source = `${wherry.scratch}/new/bind/source`;
      const command = wherry.commandLine([
        ...["run", "--rm", "--network", "none", ...await wherry.busybox()],
        ...["sh", "-c", "stat -c '%a %u:%g' /made /made/for /made/for/it /other /other/volume"],
      ]);
      command.splice(command.indexOf("--rootfs"), 0, "-v", `${source}:/made/for/it`);
      command.splice(command.indexOf("--rootfs"), 0, "-v", "data:/other/volume");

      const { stdout, stderr } = await wherry.runCommand([
        ...["sh", "-c", `umask ${mask}; exec "$@"`, "sh", ...command],
      ]);

      strictEqual(stderr, "");
      strictEqual(stdout, "755 0:0\n".repeat(5));
      for (const path of [source, `${wherry.scratch}/new/bind`, `${wherry.scratch}/new`]) {
        const { mode, uid, gid } = Deno.statSync(path);
        deepStrictEqual([(mode ?? 0) & 0o7777, uid, gid], [0o755, 0, 0]);
      }
      await expectOk(wherry, ["volume", "rm", "data"]);
    },
  );
}

testWhole("a setuid program in a volume is out of reach for users of the host", async (wherry) => {
  await expectOk(wherry, ["volume", "create", "data"]);
  const data = `${wherry.root}/volumes/data/_data`;
  Deno.copyFileSync("/bin/busybox", `${data}/su`);
  Deno.chmodSync(`${data}/su`, 0o4755);

  const { code, stderr } = await wherry.runCommand([
    ...["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"],
    ...["sh", "-c", '"$0" id', `${data}/su`],
  ]);

  strictEqual(code, 126, stderr);
  for (const path of [wherry.root, `${wherry.root}/volumes`]) {
    strictEqual((Deno.statSync(path).mode ?? 0) & 0o777, 0o700, path);
  }
  await expectOk(wherry, ["volume", "rm", "data"]);
});

/** What somebody in a container can put into a volume. */
const HOSTILE_CONTENT = [
  "mkdir /v/many; cd /v/many; seq 100000 | xargs touch",
  "mkdir /v/deep; cd /v/deep; for i in $(seq 300); do mkdir directory; cd directory; done",
  "mkdir /v/names; cd /v/names; touch \"$(printf 'a\\nb')\" \"$(printf '\\377')\" -- -rf '*' ' '",
  "mkdir /v/links; cd /v/links; ln -s / root; ln -s ../../../../.. up; ln -s /v/links/loop loop",
  "cd /v; mkfifo fifo; mknod null c 1 3; mkdir closed; touch closed/file; chmod 0 closed",
].join("\n");

testWhole("a volume that a container has filled as it liked can be removed", async (wherry) => {
  const canaries = await Canaries.plant(`${wherry.scratch}/canaries`);
  const { code, stderr } = await wherry.runBusybox(
    ["--network", "none", "-v", "hostile:/v"],
    ["sh", "-e", "-c", HOSTILE_CONTENT],
  );
  deepStrictEqual([code, stderr], [0, ""]);
  const data = `${wherry.root}/volumes/hostile/_data`;
  strictEqual(listNames(`${data}/many`).length, 100_000);
  strictEqual(listNames(`${data}/names`).length, 5);

  await expectOk(wherry, ["volume", "rm", "hostile"]);

  deepStrictEqual(listNames(`${wherry.root}/volumes`), []);
  canaries.assertUntouched();
});

const HINT = /^Clear that with "(chattr -R -ia (\S+))"/m;

/** Takes it away again, since the harness could not remove such a file. */
async function setFlag(wherry: TestEngine, flag: string, path: string): Promise<AsyncDisposable> {
  await wherry.runHost("chattr", `+${flag}`, path);
  return {
    [Symbol.asyncDispose]: async () => {
      await wherry.runCommand(["chattr", "-R", "-ia", wherry.root]);
    },
  };
}

for (const [what, flag] of [["immutable", "i"], ["append-only", "a"]] as const) {
  testWhole(`volume rm of a volume with an ${what} file says what it is`, async (wherry) => {
    await expectOk(wherry, ["volume", "create", "data"]);
    const data = `${wherry.root}/volumes/data/_data`;
    Deno.writeTextFileSync(`${data}/file`, "kept\n");
    await using _flags = await setFlag(wherry, flag, `${data}/file`);

    const { code, stdout, stderr } = await wherry.run(["volume", "rm", "data"]);

    deepStrictEqual([code, stdout], [1, ""]);
    match(stderr, /^wherry: Cannot remove all of volume "data": [^\n]*immutable or append-only/);
    const [, command = "", directory] = HINT.exec(stderr) ?? [];
    strictEqual(Deno.readTextFileSync(`${directory}/_data/file`), "kept\n");
    await wherry.runHost(...command.split(" "));
    await expectOk(wherry, ["system", "recover"]);
    deepStrictEqual(listNames(`${wherry.root}/volumes`), []);
  });

  testWhole(`rm of a container with an ${what} file says what it is`, async (wherry) => {
    const id = await runToEnd(wherry, ["--name", "box"], ["sh", "-c", "echo kept >/file"]);
    const file = wherry.containerPath(id, "upper/file");
    await using _flags = await setFlag(wherry, flag, file);

    const { code, stdout, stderr } = await wherry.run(["rm", "box"]);

    deepStrictEqual([code, stdout], [1, ""]);
    match(stderr, /^wherry: Cannot remove container "box": [^\n]*immutable or append-only/);
    const [, command = ""] = HINT.exec(stderr) ?? [];
    strictEqual(Deno.readTextFileSync(file), "kept\n");
    await wherry.runHost(...command.split(" "));
    await expectOk(wherry, ["system", "recover"]);
    deepStrictEqual(listNames(`${wherry.root}/containers`), []);
  });
}

for (const target of ["/", ".", "../../.."]) {
  testWhole(
    `a mount on /data -> ${target} is refused, since nobody would see it`,
    async (wherry) => {
      const image = await wherry.copyOfImage();
      Deno.symlinkSync(target, `${image}/data`);

      for (const flags of [["-v", ".:/data"], ["-v", "/data"], ["--tmpfs", "/data"]]) {
        const run = ["run", "--rm", "--network", "none", ...flags, "--rootfs", image, "true"];
        const { code, stderr } = await wherry.run(run);

        strictEqual(code, 125, stderr);
        match(stderr, / on "\/data": links in the container lead from there to its root\n/);
      }
      deepStrictEqual(listNames(`${wherry.root}/volumes`), []);
    },
  );
}

for (const target of ["/etc", "links/1", "../../../../../../nowhere"]) {
  testWhole(`an image with /data -> ${target} mounts nothing on the host`, async (wherry) => {
    const image = await wherry.copyOfImage();
    Deno.mkdirSync(`${image}/links`);
    Deno.symlinkSync("../links/2", `${image}/links/1`);
    Deno.symlinkSync("/nowhere/at/all", `${image}/links/2`);
    Deno.symlinkSync(target, `${image}/data`);
    const canaries = await Canaries.plant(`${wherry.scratch}/bind`);

    for (const mount of [`${wherry.scratch}/bind:/data`, "data:/data", "/data"]) {
      const run = ["run", "--rm", "--network", "none", "-v", mount, "--rootfs", image];
      await wherry.run([...run, "true"]);
    }

    // What is mounted on the host is found when the test ends
    ok(!exists("/nowhere"));
    canaries.assertUntouched();
    await wherry.run(["volume", "rm", "-f", "data"]);
    deepStrictEqual(listNames(`${wherry.root}/volumes`), []);
  });
}
