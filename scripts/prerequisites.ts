/**
 * What the tasks need from the host, and how a Debian host gets it.
 *
 * The program itself needs nothing of this: `dist/wherry` calls no other
 * program. Only building, demonstrating, testing and comparing do.
 *
 * @module
 */

import { isStaticProgram } from "./elf.ts";

/** Something that a task needs. */
export type PrerequisiteName =
  | "compiler"
  | "busybox"
  | "tar"
  | "debian-rootfs"
  | "dnsmasq"
  | "iproute2"
  | "nftables"
  | "registry"
  | "skopeo"
  | "umoci"
  | "strace"
  | "runc"
  | "docker"
  | "podman";

interface Prerequisite {
  /** What it is needed for, as the end of a sentence. */
  purpose: string;
  /** Debian packages that bring it. */
  packages: readonly string[];
  /** Files of which each group must have one that exists. */
  files: readonly (readonly string[])[];
  /** Whether a file will do. @default {it exists} */
  isGood?: (path: string) => boolean;
}

/** Directories in which Debian installs programs. */
const PROGRAM_DIRECTORIES = ["/usr/bin", "/usr/sbin", "/bin", "/sbin", "/usr/local/bin"] as const;

const PREREQUISITES: Readonly<Record<PrerequisiteName, Prerequisite>> = {
  "compiler": {
    purpose: "to compile native/",
    packages: ["gcc", "libc6-dev"],
    files: [program("gcc"), ["/usr/include/stdint.h"]],
  },
  "busybox": {
    purpose: "to make the busybox image",
    packages: ["busybox-static"],
    files: [program("busybox")],
    isGood: isStatic,
  },
  "tar": {
    purpose: "to compare the speed of imports with",
    packages: ["tar"],
    files: [program("tar")],
  },
  "debian-rootfs": {
    purpose: "to make a Debian root file system with a server in it",
    packages: ["debootstrap"],
    files: [program("debootstrap")],
  },
  "dnsmasq": {
    purpose: "to lease addresses of a DHCP server that others wrote",
    packages: ["dnsmasq-base"],
    files: [program("dnsmasq")],
  },
  "iproute2": {
    purpose: "to look at network links with a second pair of eyes",
    packages: ["iproute2"],
    files: [program("ip")],
  },
  "nftables": {
    purpose: "to see wherry's table as nft shows it",
    packages: ["nftables"],
    files: [program("nft")],
  },
  "registry": {
    purpose: "to pull from and push to a registry that others wrote",
    packages: ["docker-registry", "openssl", "perl-base"],
    files: [program("docker-registry"), program("openssl"), program("perl")],
  },
  "skopeo": {
    purpose: "to copy images with a program that others wrote",
    packages: ["skopeo"],
    files: [program("skopeo")],
  },
  "umoci": {
    purpose: "to unpack images with a program that others wrote",
    packages: ["umoci"],
    files: [program("umoci")],
  },
  "strace": {
    purpose: "to kill commands before a certain system call",
    packages: ["strace"],
    files: [program("strace")],
  },
  "runc": {
    purpose: "to compare wherry with",
    packages: ["runc"],
    files: [program("runc")],
  },
  "docker": {
    purpose: "to compare wherry with",
    packages: ["docker.io"],
    files: [program("docker"), program("dockerd"), program("containerd")],
  },
  "podman": {
    purpose: "to compare wherry with",
    packages: ["podman"],
    files: [program("podman")],
  },
};

/** Everywhere that a program of this name may be. */
function program(name: string): string[] {
  return PROGRAM_DIRECTORIES.map((directory) => `${directory}/${name}`);
}

/** Whether the path exists and can be looked at. */
function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return false;
    }
    throw error;
  }
}

/** Whether the path is a program that runs alone in an empty root. Debian has another busybox, which does not. */
function isStatic(path: string): boolean {
  return exists(path) && isStaticProgram(Deno.readFileSync(path));
}

/**
 * Finds a program in the directories where Debian installs programs, whatever PATH says.
 *
 * @param name Its file name.
 * @returns Its path, or undefined when it is not installed.
 */
export function findProgram(name: string): string | undefined {
  return program(name).find(exists);
}

/**
 * Whether a prerequisite is there.
 *
 * @param name What to look for.
 * @param isThere Tells whether a file will do.
 */
export function hasPrerequisite(
  name: PrerequisiteName,
  isThere: (path: string) => boolean = PREREQUISITES[name].isGood ?? exists,
): boolean {
  return PREREQUISITES[name].files.every((candidates) => candidates.some(isThere));
}

/** What must be done to get prerequisites that are missing. */
export interface InstallPlan {
  /** What is missing. */
  missing: readonly PrerequisiteName[];
  /** One line for each missing prerequisite: its packages and what they are needed for. */
  reasons: readonly string[];
  /** The command that installs all of them. */
  command: readonly string[];
}

/**
 * Plans how to get the prerequisites that are missing.
 *
 * @param names What is needed.
 * @param isThere Tells whether a file will do.
 * @returns undefined when nothing is missing.
 */
export function planInstall(
  names: readonly PrerequisiteName[],
  isThere?: (path: string) => boolean,
): InstallPlan | undefined {
  const missing = names.filter((name) => !hasPrerequisite(name, isThere));
  if (missing.length === 0) return undefined;
  const packages = [...new Set(missing.flatMap((name) => PREREQUISITES[name].packages))];
  return {
    missing,
    reasons: missing.map((name) =>
      `${PREREQUISITES[name].packages.join(" and ")}: needed ${PREREQUISITES[name].purpose}`
    ),
    command: ["apt-get", "install", "-y", "--no-install-recommends", ...packages],
  };
}

/** Runs a program of the package manager and shows what it prints when it fails. */
async function runApt(command: readonly string[]): Promise<boolean> {
  const [name = "", ...args] = command;
  const { success, stderr } = await new Deno.Command(name, {
    args,
    env: { DEBIAN_FRONTEND: "noninteractive" },
    stdin: "null",
  }).output();
  if (!success) console.error(new TextDecoder().decode(stderr).trimEnd());
  return success;
}

/** Installs, with a fresh list of packages when the known one does not do. */
async function install(command: readonly string[]): Promise<void> {
  if (await runApt(command)) return;
  await runApt(["apt-get", "update"]);
  await runApt(command);
}

/**
 * Makes sure that the host has what a task needs.
 *
 * As root on Debian, missing packages are installed after saying so.
 *
 * @param names What is needed.
 * @throws {Error} If something is still missing; the message is the command that installs it.
 */
export async function ensurePrerequisites(names: readonly PrerequisiteName[]): Promise<void> {
  const plan = planInstall(names);
  if (plan === undefined) return;
  for (const reason of plan.reasons) console.error(reason);
  if (Deno.uid() === 0 && findProgram("apt-get") !== undefined) {
    console.error(`Installing: ${plan.command.join(" ")}`);
    await install(plan.command);
  }
  const left = planInstall(names);
  if (left === undefined) return;
  throw new Error(`Cannot go on without ${left.missing.join(", ")}: run ${left.command.join(" ")}`);
}

/**
 * Gets what would be good to have, and tells what there is.
 *
 * @param names What would be good to have.
 * @returns Those that the host has now.
 * @throws {Error} If one is missing and `WHERRY_REQUIRE_ALL` is `1`: then nothing may be left out silently.
 */
export async function offerPrerequisites(
  names: readonly PrerequisiteName[],
): Promise<PrerequisiteName[]> {
  try {
    await ensurePrerequisites(names);
  } catch (error) {
    if (!(error instanceof Error) || Deno.env.get("WHERRY_REQUIRE_ALL") === "1") throw error;
    console.error(error.message);
  }
  return names.filter((name) => hasPrerequisite(name));
}

/**
 * Makes sure that the task runs as root.
 *
 * @param task What needs root, as the subject of a sentence.
 * @throws {Error} If this process is not root's.
 */
export function ensureRoot(task: string): void {
  if (Deno.uid() === 0) return;
  throw new Error(`Cannot run ${task} as user ${Deno.uid()}: containers need root, use sudo`);
}
