/**
 * Records what docker's client prints for formats, in `mod/cli/listing/testdata/docker_formats.json`.
 *
 * Each case of that file is run again on the file's data, which a stand-in for docker's daemon
 * serves; a new case needs its template alone. No daemon of docker's takes part.
 *
 *     deno run -A scripts/record_docker_formats.ts
 *
 * @module
 */

import { PROJECT_ROOT } from "./build.ts";

const PATH = `${PROJECT_ROOT}mod/cli/listing/testdata/docker_formats.json`;
const API_VERSION = "1.50";
/** Clients that run at the same time. */
const CONCURRENCY = 2;

/** Words of a command before the format, and those after it. */
const COMMANDS: Readonly<Record<string, readonly [before: string[], after: string[]]>> = {
  container: [["container", "inspect", "--format"], ["web"]],
  image: [["image", "inspect", "--format"], ["busybox"]],
  ps: [["ps", "--all", "--format"], []],
  images: [["images", "--format"], []],
  info: [["info", "--format"], []],
  version: [["version", "--format"], []],
};

/** One format, and what docker makes of it. */
interface FormatCase {
  template: string;
  output?: string;
  error?: string;
  exitCode?: number;
}

/** The whole file. */
interface Recording {
  source: string;
  /** Answers of docker's API by path, versions left out. */
  data: Record<string, unknown>;
  /** What there is to list, by command. */
  rows: Record<string, unknown[]>;
  cases: Record<string, FormatCase[]>;
}

function serve(socket: string, data: Recording["data"]): AsyncDisposable {
  return Deno.serve({ path: socket, onListen: () => {} }, (request) => {
    const path = new URL(request.url).pathname.replace(/^\/v[\d.]+/, "");
    const headers = { "Api-Version": API_VERSION, "Ostype": "linux" };
    if (path === "/_ping") return new Response("OK", { headers });
    const isKnown = Object.hasOwn(data, path);
    const answer = isKnown ? data[path] : { message: `No such path: ${path}` };
    return Response.json(answer, { headers, status: isKnown ? 200 : 404 });
  });
}

async function runDocker(
  socket: string,
  args: readonly string[],
): Promise<Omit<FormatCase, "template">> {
  const { code, stdout, stderr } = await new Deno.Command("docker", {
    args: [...args],
    env: { DOCKER_HOST: `unix://${socket}`, TZ: "UTC" },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  const output = decoder.decode(stdout);
  if (code === 0) return { output };
  return { error: decoder.decode(stderr).trimEnd(), exitCode: code };
}

async function listRows(socket: string, command: string): Promise<unknown[]> {
  const [before, after] = COMMANDS[command] ?? [[], []];
  // Without a word of them, docker leaves digests of images out
  const format = "{{json .}}{{/* {{.Digest}} */}}";
  const { output = "" } = await runDocker(socket, [...before, format, ...after]);
  return output.trimEnd().split("\n").map((line): unknown => JSON.parse(line));
}

async function main(): Promise<void> {
  const recording: Recording = JSON.parse(await Deno.readTextFile(PATH));
  const directory = await Deno.makeTempDir();
  const socket = `${directory}/docker.sock`;
  try {
    await using _server = serve(socket, recording.data);
    recording.rows = { ps: await listRows(socket, "ps"), images: await listRows(socket, "images") };
    const queue = Object.entries(recording.cases).flatMap(([command, cases]) =>
      cases.map((one) => ({ command, one }))
    ).values();
    await Promise.all(Array.from({ length: CONCURRENCY }, async () => {
      for (const { command, one } of queue) {
        const [before, after] = COMMANDS[command] ?? [[], []];
        const { template } = one;
        for (const key of Object.keys(one)) Reflect.deleteProperty(one, key);
        Object.assign(one, { template }, await runDocker(socket, [...before, template, ...after]));
      }
    }));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
  await Deno.writeTextFile(PATH, `${JSON.stringify(recording, undefined, 2)}\n`);
}

await main();
