/** What a seccomp profile says about one system call, found rule by rule. @module */

import type {
  ArgumentCondition,
  SeccompProfile,
} from "../../mod/container/security/seccomp_profile.ts";
import { type SyscallAbi, syscallNumbers } from "../../mod/kernel/syscall_numbers.ts";

const ENOSYS = 0x50026;
const ALLOW = 0x7fff0000;

/** A system call by name. */
export interface NamedCall {
  abi: SyscallAbi;
  name: string;
  args: readonly bigint[];
}

/** A profile without rules that depend on the host; conditions of one rule are about different arguments. */
export function verdictOf(profile: SeccompProfile, { abi, name, args }: NamedCall): number {
  const numbers = syscallNumbers(abi);
  const number = numbers.get(name) ?? -1;
  const newest = Math.max(
    ...profile.rules.flatMap(({ names }) => names.map((known) => numbers.get(known) ?? 0)),
  );
  if (number > newest && newest > 0 && profile.defaultAction !== ALLOW) return ENOSYS;
  const rules = profile.rules.filter(({ names, action }) =>
    names.includes(name) && action !== profile.defaultAction
  );
  const isShort = abi !== "x86_64" && abi !== "aarch64";
  const found = rules.find(({ conditions }) => conditions.length === 0) ??
    rules.find(({ conditions }) => conditions.every((one) => holds(one, args, isShort)));
  return found?.action ?? profile.defaultAction;
}

function holds(
  { index, operator, value, valueTwo, isInt }: ArgumentCondition,
  args: readonly bigint[],
  isShort: boolean,
): boolean {
  const bits = isShort || isInt === true ? 32 : 64;
  const argument = BigInt.asUintN(bits, args[index] ?? 0n);
  const wanted = BigInt.asUintN(bits, value);
  switch (operator) {
    case "NE":
      return argument !== wanted;
    case "LT":
      return argument < wanted;
    case "LE":
      return argument <= wanted;
    case "EQ":
      return argument === wanted;
    case "GE":
      return argument >= wanted;
    case "GT":
      return argument > wanted;
    case "MASKED_EQ":
      return (argument & wanted) === (BigInt.asUintN(bits, valueTwo) & wanted);
  }
}
