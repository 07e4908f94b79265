/**
 * Platforms: what an image runs on, written `OS/ARCHITECTURE[/VARIANT]`.
 *
 * @see {@link https://github.com/opencontainers/image-spec/blob/v1.1.1/image-index.md}
 * @module
 */

import { WherryError } from "../../errors.ts";

/** What an image runs on. */
export interface Platform {
  /** Go's name, such as `linux`. */
  readonly os: string;
  /** Go's name, such as `amd64` or `arm64`. */
  readonly architecture: string;
  /** Such as `v8`; empty if there is none. */
  readonly variant: string;
}

/** Names that people use, and the ones of the specification. */
const ARCHITECTURE_ALIASES: ReadonlyMap<string, readonly [architecture: string, variant: string]> =
  new Map<string, readonly [string, string]>([
    ["x86_64", ["amd64", ""]],
    ["x86-64", ["amd64", ""]],
    ["aarch64", ["arm64", ""]],
    ["armhf", ["arm", "v7"]],
    ["armel", ["arm", "v6"]],
    ["i386", ["386", ""]],
    ["i686", ["386", ""]],
  ]);

/** Variants that every processor of an architecture has: they are not written. */
const BASE_VARIANTS: ReadonlyMap<string, string> = new Map([["amd64", "v1"], ["arm64", "v8"]]);

const PART = /^[A-Za-z0-9_-]+$/;

/** The platform of this machine. */
export function hostPlatform(): Platform {
  return normalisePlatform({ os: "linux", architecture: Deno.build.arch, variant: "" });
}

/**
 * Reads a platform as people write it. One word is an architecture, or `linux`, which is the host's.
 *
 * @throws {WherryError} `invalid_argument` if it is malformed.
 */
export function parsePlatform(text: string): Platform {
  const parts = text.toLowerCase().split("/");
  const [first = "", second, variant = ""] = parts;
  if (parts.length > 3 || !parts.every((part) => PART.test(part))) {
    throw new WherryError("invalid_argument", `Cannot use platform "${text}": it is malformed`, {
      hint: "Write OS/ARCHITECTURE[/VARIANT], for example linux/arm64",
    });
  }
  if (second !== undefined) return normalisePlatform({ os: first, architecture: second, variant });
  const host = hostPlatform();
  return first === host.os
    ? host
    : normalisePlatform({ os: host.os, architecture: first, variant: "" });
}

/** The platform with the names of the specification. */
export function normalisePlatform({ os, architecture, variant }: Platform): Platform {
  const [known, knownVariant] = ARCHITECTURE_ALIASES.get(architecture) ?? [architecture, ""];
  const named = variant === "" ? knownVariant : variant;
  // "arm" alone means the variant that all images for it have
  const full = known === "arm" && named === "" ? "v7" : named;
  return { os, architecture: known, variant: full === BASE_VARIANTS.get(known) ? "" : full };
}

/** The platform as people write it. */
export function formatPlatform({ os, architecture, variant }: Platform): string {
  return `${os}/${architecture}${variant === "" ? "" : `/${variant}`}`;
}

/** Whether two platforms are the same. */
export function isSamePlatform(a: Platform, b: Platform): boolean {
  return formatPlatform(normalisePlatform(a)) === formatPlatform(normalisePlatform(b));
}

/** How well what is offered runs on what is wanted: 0 for exactly, more for worse, `undefined` for not at all. */
function distance(wanted: Platform, offered: Platform): number | undefined {
  const [w, o] = [normalisePlatform(wanted), normalisePlatform(offered)];
  if (w.os !== o.os || w.architecture !== o.architecture) return undefined;
  if (w.variant === o.variant) return 0;
  // A processor of a later variant runs what earlier ones do, and none that is later still
  const levels = [w.variant, o.variant].map((variant) => Number(/^v(\d+)/.exec(variant)?.[1] ?? 1));
  const [most = 1, needed = 1] = levels;
  return needed <= most ? 1 + most - needed : undefined;
}

/**
 * Chooses what runs best on a platform.
 *
 * @param platformOf Of an offer; `undefined` if it does not say, which then fits nothing.
 * @returns `undefined` if nothing runs on it.
 */
export function choosePlatform<T>(
  offers: readonly T[],
  wanted: Platform,
  platformOf: (offer: T) => Platform | undefined,
): T | undefined {
  let best: { offer: T; distance: number } | undefined;
  for (const offer of offers) {
    const platform = platformOf(offer);
    const away = platform === undefined ? undefined : distance(wanted, platform);
    if (away !== undefined && (best === undefined || away < best.distance)) {
      best = { offer, distance: away };
    }
  }
  return best?.offer;
}
