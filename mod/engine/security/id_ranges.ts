/** Which ids of the host a container has for its own. @module */

import { readContainerConfig } from "../../container/record/config.ts";
import {
  findFreeRange,
  intersectRanges,
  parseAccountIds,
  parseSubordinateIds,
} from "../../container/record/id_range.ts";
import { type IdRange, OWN_IDS } from "../../container/record/namespaces.ts";
import { isCorrupt, WherryError } from "../../errors.ts";
import { acquireLock } from "../../store/lock.ts";
import { readTextIfPresent } from "../../store/record.ts";
import type { Engine } from "../base/engine.ts";
import { listIds } from "../record/find.ts";

/** Whose lines of `/etc/subuid` and `/etc/subgid` count: wherry's own, or else podman's. */
const OWNERS = ["wherry", "containers"];

/**
 * What is taken where those files say nothing: neither users, nor systemd, nor the tools that write those files choose
 * ids there.
 *
 * @see {@link https://systemd.io/UIDS-GIDS/}, "Special Distribution UID ranges"
 */
const OWN_POOL: IdRange = { first: 0x7000_0000, count: 4094 * 65_536 };

/** The highest number stands for no id at all. */
const ALL_BUT_ROOT: IdRange = { first: 1, count: 2 ** 32 - 2 };

/** A range that nobody else can choose until this is disposed of, and none does once it is in a container's record. */
export interface IdRangeClaim extends Disposable {
  range: IdRange;
}

/**
 * Chooses ids that no container of this engine has, no user of the host, and nobody else whom the host has given some.
 *
 * Containers' records are what tells of ranges, so that none can be forgotten or outlive its container.
 *
 * @param count How many.
 * @throws {WherryError} `unavailable` if all are taken, `invalid_argument` for a number that makes no sense.
 */
export function claimIdRange(engine: Engine, count: number): IdRangeClaim {
  checkCount(count);
  using undo = new DisposableStack();
  undo.use(acquireLock(engine.paths.idLock));
  const pools = readPools();
  const taken = [...listForeignIds(), ...listContainerIds(engine)];
  const range = findFreeRange(pools, taken, count);
  if (range === undefined) throw exhausted(pools, count);
  const lock = undo.move();
  return { range, [Symbol.dispose]: () => lock[Symbol.dispose]() };
}

function checkCount(count: number): void {
  if (Number.isSafeInteger(count) && count >= OWN_IDS.min && count <= OWN_IDS.max) return;
  throw new WherryError(
    "invalid_argument",
    `Cannot give the container ${count} ids: it can have ${OWN_IDS.min} to ${OWN_IDS.max} of its own`,
  );
}

/** A container whose record is damaged cannot be started with any ids. */
function listContainerIds(engine: Engine): IdRange[] {
  return listIds(engine).flatMap((id) => {
    try {
      const range = readContainerConfig(engine.paths.container(id))?.namespaces.idRange ?? null;
      return range === null ? [] : [range];
    } catch (error) {
      if (isCorrupt(error)) return [];
      throw error;
    }
  });
}

/** Of users, of groups, and of those who are named besides {@linkcode OWNERS}. */
function listForeignIds(): IdRange[] {
  const accounts = ["/etc/passwd", "/etc/group"].flatMap((path) =>
    parseAccountIds(readTextIfPresent(path) ?? "")
  );
  const others = ["/etc/subuid", "/etc/subgid"]
    .flatMap(readSubordinateIds)
    .filter(({ owner }) => !OWNERS.includes(owner));
  return [...accounts, ...others];
}

/** A range has to be there in both files. */
function readPools(): IdRange[] {
  const [users, groups] = ["/etc/subuid", "/etc/subgid"].map(readSubordinateIds);
  for (const owner of OWNERS) {
    const isOwned = (range: { owner: string }): boolean => range.owner === owner;
    const [some = [], others = []] = [users?.filter(isOwned), groups?.filter(isOwned)];
    if (some.length === 0 && others.length === 0) continue;
    const pools = intersectRanges(intersectRanges(some, others), [ALL_BUT_ROOT]);
    if (pools.length > 0) return pools;
    throw new WherryError(
      "unsupported",
      `Cannot use the ids of "${owner}": its ranges in /etc/subuid and /etc/subgid have none in common`,
      { hint: `Give "${owner}" the same range in both files, or none` },
    );
  }
  return [OWN_POOL];
}

function readSubordinateIds(path: string): (IdRange & { owner: string })[] {
  return parseSubordinateIds(readTextIfPresent(path) ?? "");
}

function exhausted(pools: readonly IdRange[], count: number): WherryError {
  const all = pools.map(({ first, count }) => `${first}-${first + count - 1}`).join(", ");
  return new WherryError(
    "unavailable",
    `Cannot find ${count} ids for the container: those in ${all} are taken`,
    {
      hint: "Remove containers, ask for fewer with --userns auto:size=N, or give wherry more in " +
        "/etc/subuid and /etc/subgid",
    },
  );
}
