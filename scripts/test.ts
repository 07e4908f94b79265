/**
 * `deno task test`: builds everything, then runs every suite.
 *
 * For each suite one line `<suite>: N passed, N failed` stands alone on its
 * line. The exit status is 1 when a test failed, and also when a suite ran no
 * test at all: silence is not success.
 *
 * @module
 */

import { buildWherry, PROJECT_ROOT } from "./build.ts";
import { ensurePrerequisites, ensureRoot, offerPrerequisites } from "./prerequisites.ts";

/** Tests that are run together. */
interface Suite {
  /** One word, printed before the numbers. */
  name: string;
  /** Arguments after `deno test`. */
  args: readonly string[];
  /** Where: on this host, or in a virtual machine with a kernel of Debian and cgroup v2 alone. */
  place: "host" | "virtual machine";
}

/** How long the virtual machine may run, in seconds; it is emulated where there is no KVM. */
const MACHINE_LIMIT_SECONDS = 1800;

/** How many times longer than on a host the tests wait there. */
const MACHINE_SLOWNESS = 10;

/**
 * Whether a file of tests needs the virtual machine: another kernel (`x_kernel_test.ts`), or
 * controllers that are bound to cgroup v2 (`x_v2_test.ts`).
 *
 * @param name Name of the file.
 */
export function needsMachine(name: string): boolean {
  return /_(kernel|v2)_test\.ts$/.test(name);
}

/** All suites, in the order in which they are run. */
function listSuites(): Suite[] {
  const inMachine = Array.from(Deno.readDirSync("tests"), ({ name }) => name)
    .filter(needsMachine).toSorted().map((name) => `tests/${name}`);
  return [
    { name: "unit", args: ["--doc", "ffi", "mod", "scripts"], place: "host" },
    { name: "native", args: ["native"], place: "host" },
    { name: "whole", args: ["tests", `--ignore=${inMachine.join(",")}`], place: "host" },
    { name: "vm", args: inMachine, place: "virtual machine" },
  ];
}

/** How many tests of a suite did what. A test step counts with its test, not by itself. */
export interface Tally {
  /** Tests that ran and held. */
  passed: number;
  /** Tests that ran and did not hold. */
  failed: number;
  /** Tests that were left out, because the host lacks what they need. */
  ignored: number;
}

/**
 * Counts the tests in a report of `deno test --junit-path`.
 *
 * @param xml The report.
 * @throws {SyntaxError} If the text is no such report.
 */
export function parseReport(xml: string): Tally {
  if (!xml.includes("<testsuites")) {
    throw new SyntaxError(`Cannot count tests: no JUnit report: "${xml.slice(0, 80)}"`);
  }
  const tally: Tally = { passed: 0, failed: 0, ignored: 0 };
  for (
    const [, name = "", body = ""] of xml.matchAll(
      /<testcase name="([^"]*)"[^>]*>(.*?)<\/testcase>/gs,
    )
  ) {
    // A step is named "test > step"; Deno reports its failure on the test as well.
    if (name.includes(" &gt; ")) continue;
    if (/<(failure|error)\b/.test(body)) tally.failed++;
    else if (body.includes("<skipped")) tally.ignored++;
    else tally.passed++;
  }
  return tally;
}

/** How strictly a suite is judged. */
export interface Demands {
  /** Whether `deno test` itself was content; it also fails for a file that does not compile. */
  isClean: boolean;
  /** Whether a test that is left out counts as a failure. */
  requiresAll: boolean;
}

/** Whether a suite did its work: some tests ran, all held, and nothing was left out that must not be. */
export function isSuccess(tally: Tally, { isClean, requiresAll }: Demands): boolean {
  return isClean && tally.failed === 0 && tally.passed > 0 && !(requiresAll && tally.ignored > 0);
}

/** Line that tells the result of a suite. */
export function formatTally(name: string, { passed, failed }: Tally): string {
  return `${name}: ${passed} passed, ${failed} failed`;
}

/** Reads the report; a run that broke off before writing one counts as no test. */
async function readReport(path: string): Promise<Tally> {
  try {
    return parseReport(await Deno.readTextFile(path));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return { passed: 0, failed: 0, ignored: 0 };
  }
}

/** Runs a suite on this host. */
async function runOnHost({ args }: Suite, report: string, temporary: string): Promise<boolean> {
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--quiet", `--junit-path=${report}`, ...args],
    env: { TMPDIR: temporary }, // What tests leave there goes with it
    stdin: "null",
  }).spawn().status;
  return success;
}

/** Runs a suite in the virtual machine: what cannot run there fails, and so does a machine that cannot run. */
async function runInMachine({ args }: Suite, report: string): Promise<boolean> {
  const test = [Deno.execPath(), "test", "-A", "--quiet", "--no-check"];
  // Fills the caches that the machine sees but cannot write to; types are checked by `deno task check`
  const [program = "", ...words] = [...test, "--no-run", ...args];
  const { success } = await new Deno.Command(program, { args: words, stdin: "null" })
    .spawn().status;
  if (!success) return false;
  const machine = await new Deno.Command("scripts/cgroup2_vm", {
    args: [
      ...["-t", String(MACHINE_LIMIT_SECONDS), "-o", report, "--"],
      ...["env", "WHERRY_REQUIRE_ALL=1", "WHERRY_REQUIRE_KERNEL=1"],
      ...[`WHERRY_TEST_SLOWNESS=${MACHINE_SLOWNESS}`, ...test],
      ...["--junit-path=/run/output", ...args],
    ],
    stdin: "null",
  }).spawn().status;
  return machine.success;
}

/** Runs one suite, shows its progress, and tells whether it did its work. */
async function runSuite(suite: Suite, directory: string): Promise<boolean> {
  console.log(`\n== ${suite.name}, on the ${suite.place}: deno test ${suite.args.join(" ")}`);
  const report = `${directory}/${suite.name}.xml`;
  const success = suite.place === "host"
    ? await runOnHost(suite, report, `${directory}/tmp`)
    : await runInMachine(suite, report);
  const tally = await readReport(report);
  if (tally.ignored > 0) console.log(`${suite.name}: ${tally.ignored} left out on this host`);
  console.log(formatTally(suite.name, tally));
  const requiresAll = Deno.env.get("WHERRY_REQUIRE_ALL") === "1";
  return isSuccess(tally, { isClean: success, requiresAll });
}

/** Runs all suites and tells whether all did their work. */
async function runAll(): Promise<boolean> {
  ensureRoot("the tests");
  await ensurePrerequisites([
    "compiler",
    "busybox",
    "dnsmasq",
    "iproute2",
    "nftables",
    "registry",
    "skopeo",
    "umoci",
    "strace",
    "podman",
    "docker",
  ]);
  await offerPrerequisites(["debian-rootfs"]);
  await buildWherry({ withSanitizers: true });
  const directory = await Deno.makeTempDir({ prefix: "wherry-test-" });
  try {
    // Some tests are other users than root
    await Deno.chmod(directory, 0o755);
    await Deno.mkdir(`${directory}/tmp`, { mode: 0o777 });
    const failed: string[] = [];
    for (const suite of listSuites()) {
      if (!await runSuite(suite, directory)) failed.push(suite.name);
    }
    if (failed.length > 0) console.error(`\nFailed: ${failed.join(", ")}`);
    return failed.length === 0;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

if (import.meta.main) {
  Deno.chdir(PROJECT_ROOT);
  Deno.exit(await runAll() ? 0 : 1);
}
