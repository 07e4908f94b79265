/**
 * `deno task demo`: makes a busybox image and runs containers that show what wherry does.
 *
 * Each command is printed with what it answered. Each claim about it is
 * checked; the exit status is 1 when one does not hold. Images, containers and
 * files live in a directory of their own, which is removed in the end.
 *
 * @module
 */

import { buildWherry } from "./build.ts";
import { makeBusyboxTar } from "./busybox_image.ts";
import { ensurePrerequisites, ensureRoot } from "./prerequisites.ts";

/** What a command answered. */
interface Answer {
  /** Its exit status. */
  code: number;
  /** What it wrote to stdout, without the last newline. */
  stdout: string;
  /** What it wrote to stderr, without the last newline. */
  stderr: string;
}

/** One command and the claim that it proves. */
interface Scene {
  /** Arguments after `wherry`. */
  args: readonly string[];
  /** What the reader should see, as a sentence without a full stop. */
  claim: string;
  /** Whether the answer bears the claim out. */
  holds(answer: Answer): boolean | Promise<boolean>;
}

/** Scenes that belong together. */
interface Act {
  title: string;
  scenes: readonly Scene[];
}

/** Where the demonstration keeps its files. */
interface Stage {
  /** Path of the executable file. */
  wherry: string;
  /** Temporary directory that holds everything. */
  directory: string;
}

/** A variable of the caller's environment that no container may see. */
const SECRET = "WHERRY_DEMO_SECRET";

function lines(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}

/** The acts, in order; later scenes rely on earlier ones. */
function writeScript(stage: Stage): Act[] {
  const shared = `${stage.directory}/shared`;
  return [
    {
      title: "An image from a tar archive",
      scenes: [
        {
          args: ["import", `${stage.directory}/busybox.tar`, "busybox"],
          claim: "the root file system is an image now",
          holds: ({ code }) => code === 0,
        },
        {
          args: ["images"],
          claim: "the image is listed",
          holds: ({ stdout }) => stdout.includes("busybox"),
        },
      ],
    },
    {
      title: "Isolation",
      scenes: [
        {
          args: ["run", "--rm", "busybox", "ps"],
          claim: "the only process it sees is its own, as number 1",
          holds: ({ stdout }) => lines(stdout).length === 2 && /^\s*1 /m.test(stdout),
        },
        {
          args: ["run", "--rm", "-h", "pond", "busybox", "hostname"],
          claim: "it has a host name of its own",
          holds: ({ stdout }) => stdout === "pond" && Deno.hostname() !== "pond",
        },
        {
          args: ["run", "--rm", "busybox", "env"],
          claim: `nothing of the caller's environment is inside, not even ${SECRET}`,
          holds: ({ stdout }) => stdout.includes("PATH=") && !stdout.includes(SECRET),
        },
        {
          args: ["run", "--rm", "--network", "none", "busybox", "ls", "/sys/class/net"],
          claim: "without a network there is only the loopback interface",
          holds: ({ stdout }) => stdout === "lo",
        },
      ],
    },
    {
      title: "Copy on write",
      scenes: [
        {
          args: [
            "run",
            "--name",
            "writer",
            "busybox",
            "sh",
            "-c",
            "rm /bin/vi; echo mine > /etc/motd; cat /etc/motd",
          ],
          claim: "a container may change its files",
          holds: ({ stdout }) => stdout === "mine",
        },
        {
          args: ["run", "--rm", "busybox", "ls", "/bin/vi", "/etc/motd"],
          claim: "the next one has the image as it was",
          holds: ({ code, stdout, stderr }) =>
            code !== 0 && stdout === "/bin/vi" && stderr.includes("/etc/motd"),
        },
      ],
    },
    {
      title: "A bind mount",
      scenes: [
        {
          args: [
            "run",
            "--rm",
            "-v",
            `${shared}:/data`,
            "busybox",
            "sh",
            "-c",
            "cat /data/question; echo 42 > /data/answer",
          ],
          claim: "both sides read what the other wrote",
          holds: async ({ stdout }) =>
            stdout === "six times seven" && await Deno.readTextFile(`${shared}/answer`) === "42\n",
        },
        {
          args: ["run", "--rm", "-v", `${shared}:/data:ro`, "busybox", "rm", "/data/answer"],
          claim: "with :ro the container can only read",
          holds: ({ code, stderr }) => code === 1 && stderr.includes("Read-only file system"),
        },
      ],
    },
    {
      title: "Exit statuses",
      scenes: [
        {
          args: ["run", "--rm", "busybox", "sh", "-c", "exit 42"],
          claim: "the container's exit status is wherry's",
          holds: ({ code }) => code === 42,
        },
        {
          args: ["run", "--rm", "busybox", "no-such-command"],
          claim: "127 says that the command was not found",
          holds: ({ code, stderr }) => code === 127 && stderr.includes("no-such-command"),
        },
      ],
    },
    {
      title: "In the background, without a daemon",
      scenes: [
        {
          args: [
            "run",
            "-d",
            "--name",
            "server",
            "busybox",
            "sh",
            "-c",
            "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.1; done",
          ],
          claim: "the answer is the container's ID",
          holds: ({ stdout }) => /^[0-9a-f]{64}$/.test(stdout),
        },
        {
          args: ["ps"],
          claim: "it is running",
          holds: ({ stdout }) => stdout.includes("server") && stdout.includes("Up"),
        },
        {
          args: ["exec", "server", "sh", "-c", "echo pid $$ beside $(cat /proc/1/comm)"],
          claim: "another process has joined it",
          holds: ({ stdout }) => /^pid \d+ beside sh$/.test(stdout),
        },
        {
          args: ["stop", "server"],
          claim: "it has been asked to stop, and did",
          holds: ({ code, stdout }) => code === 0 && stdout === "server",
        },
        {
          args: ["logs", "server"],
          claim: "all it said is in its log",
          holds: ({ stdout }) => stdout === "ready\nbye",
        },
        {
          args: ["rm", "server", "writer"],
          claim: "both containers are gone",
          holds: ({ code, stdout }) => code === 0 && stdout === "server\nwriter",
        },
        {
          args: ["network", "prune", "-f"],
          claim: "the bridge that they were on is gone, and its rules",
          holds: ({ code, stdout }) => code === 0 && stdout === "",
        },
        {
          args: ["ps", "-a", "-q"],
          claim: "nothing is left",
          holds: ({ code, stdout }) => code === 0 && stdout === "",
        },
      ],
    },
  ];
}

/** Runs wherry with the stage's own directories. */
async function perform(stage: Stage, args: readonly string[]): Promise<Answer> {
  const { code, stdout, stderr } = await new Deno.Command(stage.wherry, {
    args: [...args],
    env: {
      [SECRET]: "hunter2",
      WHERRY_ROOT: `${stage.directory}/root`,
      WHERRY_RUN_ROOT: `${stage.directory}/run`,
    },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return {
    code,
    stdout: decoder.decode(stdout).trimEnd(),
    stderr: decoder.decode(stderr).trimEnd(),
  };
}

/** Writes an argument so that it can be typed, with the temporary directory shortened. */
function quote(stage: Stage, argument: string): string {
  const short = argument.replace(stage.directory, "$DIR");
  if (/^[\w$./:=-]+$/.test(short)) return short;
  return short.includes("'") ? `"${short}"` : `'${short}'`;
}

/** Plays one scene and tells whether its claim holds. */
async function play(stage: Stage, scene: Scene): Promise<boolean> {
  const startedAt = performance.now();
  const answer = await perform(stage, scene.args);
  const elapsedMs = Math.round(performance.now() - startedAt);
  const holds = await scene.holds(answer);

  console.log(`$ wherry ${scene.args.map((argument) => quote(stage, argument)).join(" ")}`);
  for (const line of lines(`${answer.stdout}\n${answer.stderr}`)) console.log(`  ${line}`);
  const status = answer.code === 0 ? "" : `exit status ${answer.code}, `;
  console.log(`${holds ? "ok" : "NOT TRUE"}: ${scene.claim} (${status}${elapsedMs} ms)\n`);
  return holds;
}

/** Mount points below `directory` that this process can see. */
async function listMounts(directory: string): Promise<string[]> {
  const mounts = lines(await Deno.readTextFile("/proc/self/mountinfo"));
  return mounts.map((line) => line.split(" ").at(4) ?? "")
    .filter((path) => path.startsWith(`${directory}/`));
}

/** Ends what a failed scene left running, so that the directory can be removed. */
async function clear(stage: Stage): Promise<void> {
  const { stdout } = await perform(stage, ["ps", "-a", "-q"]);
  if (stdout !== "") await perform(stage, ["rm", "-f", ...lines(stdout)]);
}

/** Plays everything and counts the claims that do not hold. */
async function playAll(stage: Stage): Promise<number> {
  let failures = 0;
  for (const { title, scenes } of writeScript(stage)) {
    console.log(`== ${title}\n`);
    for (const scene of scenes) if (!await play(stage, scene)) failures++;
  }
  const mounts = await listMounts(stage.directory);
  if (mounts.length > 0) {
    console.log(`NOT TRUE: no mount is left on the host (${mounts.join(", ")})`);
    failures++;
  }
  return failures;
}

/** Sets the stage, plays, and leaves nothing behind. */
async function main(): Promise<number> {
  ensureRoot("the demonstration");
  await ensurePrerequisites(["compiler", "busybox"]);
  const wherry = await buildWherry();
  const directory = await Deno.makeTempDir({ prefix: "wherry-demo-" });
  const stage: Stage = { wherry, directory };
  try {
    await makeBusyboxTar(`${directory}/busybox.tar`);
    await Deno.mkdir(`${directory}/shared`);
    await Deno.writeTextFile(`${directory}/shared/question`, "six times seven\n");
    const startedAt = performance.now();
    const failures = await playAll(stage);
    const elapsedMs = Math.round(performance.now() - startedAt);
    console.log(
      failures === 0
        ? `Every claim holds (${elapsedMs} ms). Everything has been removed.`
        : `${failures} claims do not hold.`,
    );
    return failures;
  } finally {
    await clear(stage);
    await Deno.remove(directory, { recursive: true });
  }
}

if (import.meta.main) Deno.exit(await main() === 0 ? 0 : 1);
