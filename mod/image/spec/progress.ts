/** How far a pull, push or load is. @module */

import type { Digest } from "./digest.ts";

/** What becomes of one layer. */
export type LayerPhase =
  | "waiting"
  | "downloading"
  | "verifying"
  | "extracting"
  | "done"
  | "exists"
  | "retrying"
  | "compressing"
  | "uploading"
  | "mounted"
  | "skipped";

/** Where one layer is. */
export interface LayerProgress {
  /** Which. */
  digest: Digest;
  /** What is being done to it. */
  phase: LayerPhase;
  /** Bytes that are through. */
  current: number;
  /** Bytes in all. */
  total: number;
  /** More about it: why a request is made again, or from where a layer was mounted. */
  detail?: string | undefined;
}

/** Who is told; called often, and cheap. */
export type ProgressListener = (progress: LayerProgress) => void;
