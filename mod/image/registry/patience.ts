/** How long a registry is waited for, and how often it is asked again. @module */

/** Time limits and repetitions; all times in milliseconds. */
export interface Patience {
  /** Until an answer begins, connecting included. */
  answerMs: number;
  /** Until an answer to what changes the registry begins, counted from the last byte that it took. */
  commitMs: number;
  /** Between two parts of an answer. */
  idleMs: number;
  /** How often the same is tried in all, at least once. */
  tries: number;
  /** Before the second try; it doubles with each further one. */
  delayMs: number;
  /** The longest that is waited without being asked to. */
  maxDelayMs: number;
  /** The longest that is waited because the registry asks for it. */
  maxRetryAfterMs: number;
}

/** What users get. */
export const DEFAULT_PATIENCE: Patience = {
  answerMs: 30_000,
  // A registry may copy a blob of gigabytes to where it keeps it before it answers
  commitMs: 300_000,
  idleMs: 30_000,
  tries: 5,
  delayMs: 500,
  maxDelayMs: 15_000,
  maxRetryAfterMs: 60_000,
};
