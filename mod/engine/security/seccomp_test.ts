import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { runFilter } from "../../../tests/fakes/filter_machine.ts";
import { DEFAULT_PROFILE } from "../../container/security/default_seccomp.ts";
import { DEFAULT_SECCOMP_PROGRAMS } from "../../container/security/default_seccomp_filter.ts";
import { DEFAULT_PROCESS_SECURITY } from "../../container/security/process_security.ts";
import type { SeccompChoice } from "../../container/security/security.ts";
import {
  ALL_CAPABILITIES,
  capabilityMask,
  capabilityNames,
  DEFAULT_CAPABILITIES,
} from "../../kernel/capability.ts";
import { AUDIT_ARCH } from "../../kernel/seccomp.ts";
import { syscallNumbers } from "../../kernel/syscall_numbers.ts";
import { FILTERED_CAPABILITIES, resolveFilter, withFilter } from "./seccomp.ts";

const ALLOW = 0x7fff0000;

const DEFAULT: SeccompChoice = { type: "default" };

const USUAL = { flags: 4, program: DEFAULT_SECCOMP_PROGRAMS[Deno.build.arch] };

Deno.test("FILTERED_CAPABILITIES are those that the default profile asks for, but for chroot's", () => {
  const named = DEFAULT_PROFILE.rules.flatMap(({ includes, excludes }) => [
    ...includes?.capabilities ?? [],
    ...excludes?.capabilities ?? [],
  ]).filter((name) => name !== "CAP_SYS_CHROOT");

  deepStrictEqual(capabilityNames(FILTERED_CAPABILITIES), capabilityNames(capabilityMask(named)));
});

Deno.test("resolveFilter() takes the filter that is ready for usual containers", async () => {
  const request = { seccomp: DEFAULT, isPrivileged: false };

  deepStrictEqual(await resolveFilter(request, DEFAULT_CAPABILITIES), USUAL);
  deepStrictEqual(await resolveFilter(request, 0n), USUAL);
});

Deno.test("resolveFilter() makes another one for capabilities that change it", async () => {
  const request = { seccomp: DEFAULT, isPrivileged: false };

  const filter = await resolveFilter(request, ALL_CAPABILITIES);

  strictEqual(filter?.flags, 4);
  strictEqual(filter.program === USUAL.program, false);
});

Deno.test("resolveFilter() filters nothing that is privileged or unconfined", async () => {
  const unconfined: SeccompChoice = { type: "unconfined" };

  strictEqual(
    await resolveFilter({ seccomp: DEFAULT, isPrivileged: true }, ALL_CAPABILITIES),
    undefined,
  );
  strictEqual(await resolveFilter({ seccomp: unconfined, isPrivileged: false }, 0n), undefined);
});

Deno.test("resolveFilter() filters what is privileged by a profile of its own", async () => {
  const seccomp: SeccompChoice = {
    type: "profile",
    file: "p.json",
    json: '{"defaultAction":"SCMP_ACT_ALLOW"}',
  };

  const filter = await resolveFilter({ seccomp, isPrivileged: true }, ALL_CAPABILITIES);

  const mount = syscallNumbers(Deno.build.arch).get("mount") ?? -1;
  const architecture = AUDIT_ARCH[Deno.build.arch];
  strictEqual(runFilter(filter?.program ?? "", { architecture, number: mount }), ALLOW);
});

Deno.test("resolveFilter() takes a profile that says nothing for none", async () => {
  const seccomp: SeccompChoice = { type: "profile", file: "p.json", json: "{}" };

  strictEqual(await resolveFilter({ seccomp, isPrivileged: false }, 0n), undefined);
});

Deno.test("resolveFilter() rejects a profile that makes no sense", async () => {
  const seccomp: SeccompChoice = { type: "profile", file: "p.json", json: '{"defaultAction":"x"}' };

  await rejects(resolveFilter({ seccomp, isPrivileged: false }, 0n), {
    kind: "invalid_argument",
    message: 'Cannot use the seccomp profile "p.json": defaultAction: unknown action "x"',
  });
});

Deno.test("withFilter() goes by the capabilities of the container", async () => {
  const privileged = { ...DEFAULT_PROCESS_SECURITY, capabilities: ALL_CAPABILITIES };

  const { seccompFilter, capabilities } = await withFilter(
    { seccomp: DEFAULT, isPrivileged: false },
    privileged,
    { capabilities: DEFAULT_CAPABILITIES },
  );

  deepStrictEqual(seccompFilter, USUAL);
  strictEqual(capabilities, ALL_CAPABILITIES);
});
