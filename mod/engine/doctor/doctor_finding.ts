/** What an examination of this host finds, one feature each. @module */

/** What a feature is like: all there, partly there or in the way of something, or not there. */
export type FindingState = "ok" | "limited" | "missing";

/** One feature of this host. */
export interface Finding {
  /** What was looked at, in a few words. */
  feature: string;
  /** How much of it there is. */
  state: FindingState;
  /** What there is, in a few words. */
  detail: string;
  /** What is not possible because of it: a sentence without a full stop; empty if all is well. */
  consequence: string;
  /** What helps: a sentence without a full stop; empty if all is well. */
  remedy: string;
  /** Whether no container can run because of it. */
  isFatal: boolean;
}

/** What goes with a feature that is not all there. */
export interface Trouble {
  /** What there is. */
  detail: string;
  /** What is not possible. */
  consequence: string;
  /** What helps. */
  remedy: string;
}

/** A feature that is all there. */
export function ok(feature: string, detail: string): Finding {
  return { feature, state: "ok", detail, consequence: "", remedy: "", isFatal: false };
}

/** A feature that is there in part, or stands in the way of something. */
export function limited(feature: string, trouble: Trouble): Finding {
  return { feature, state: "limited", ...trouble, isFatal: false };
}

/** A feature that is not there; containers run all the same. */
export function missing(feature: string, trouble: Trouble): Finding {
  return { feature, state: "missing", ...trouble, isFatal: false };
}

/** A feature without which no container runs. */
export function fatal(feature: string, trouble: Trouble): Finding {
  return { feature, state: "missing", ...trouble, isFatal: true };
}

/** One look at the host: what it is about, and what it finds. */
export type Check = readonly [
  feature: string,
  look: () => Finding | Finding[] | Promise<Finding | Finding[]>,
];

/** Makes checks; one that fails is a finding too, and stops none of the others. */
export async function runChecks(checks: readonly Check[]): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const [feature, look] of checks) {
    try {
      findings.push(...[await look()].flat());
    } catch (error) {
      findings.push(limited(feature, {
        detail: "could not be looked at",
        consequence: error instanceof Error ? error.message : String(error),
        remedy: "Run wherry as root",
      }));
    }
  }
  return findings;
}
