/** `wherry version`. @module */

import type { VERSION_FLAGS } from "../definitions/system_flags.ts";
import type { Context } from "../base/context.ts";
import { formatFacts, formatObject } from "../listing/facts.ts";
import type { ParsedFlags } from "../base/flags.ts";
import { BUILD, VERSION } from "../base/self.ts";

/** Prints what this program is, and what it runs on. */
export function run(
  { output }: Context,
  { flags: { format = "" } }: ParsedFlags<typeof VERSION_FLAGS>,
): number {
  const facts = readFacts();
  if (format === "") {
    output.writeLine("wherry");
    output.write(formatFacts([
      ["Version", facts.Version],
      ["Build", facts.GitCommit],
      ["Packed by", facts.PackedBy],
      ["Deno version", facts.DenoVersion],
      ["V8 version", facts.V8Version],
      ["OS/Arch", `${facts.Os}/${facts.Arch}`],
      ["Kernel", facts.KernelVersion],
    ]));
  } else {
    // One program is both sides: who asks for docker's server gets this one's version too
    output.write(formatObject({ Client: facts, Server: facts }, format));
  }
  return 0;
}

const ARCHITECTURES: Readonly<Record<typeof Deno.build.arch, string>> = {
  aarch64: "arm64",
  "x86_64": "amd64",
};

/** Keys are docker's as far as it has them. */
interface VersionFacts {
  Version: string;
  GitCommit: string;
  PackedBy: string;
  DenoVersion: string;
  V8Version: string;
  Os: string;
  Arch: string;
  KernelVersion: string;
}

function readFacts(): VersionFacts {
  return {
    Version: VERSION,
    GitCommit: BUILD ?? "from source",
    PackedBy: packedBy(),
    DenoVersion: Deno.version.deno,
    V8Version: Deno.version.v8,
    Os: Deno.build.os,
    Arch: ARCHITECTURES[Deno.build.arch],
    KernelVersion: Deno.osRelease(),
  };
}

/** What made one file of wherry. */
function packedBy(): string {
  if (Deno.build.standalone) return "deno compile";
  return Deno.env.get("WHERRY_PACKED") ?? "nothing (runs from its sources)";
}
