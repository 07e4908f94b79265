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
}

const SUITES: readonly Suite[] = [
  { name: "unit", args: ["--doc", "ffi", "mod", "scripts"] },
  { name: "native", args: ["native"] },
  { name: "whole", args: ["tests"] },
];

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

/** Runs one suite, shows its progress, and tells whether it did its work. */
async function runSuite(suite: Suite, directory: string): Promise<boolean> {
  console.log(`\n== ${suite.name}: deno test ${suite.args.join(" ")}`);
  const report = `${directory}/${suite.name}.xml`;
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--quiet", `--junit-path=${report}`, ...suite.args],
    env: { TMPDIR: `${directory}/tmp` }, // What tests leave there goes with it
    stdin: "null",
  }).spawn().status;
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
    for (const suite of SUITES) {
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
