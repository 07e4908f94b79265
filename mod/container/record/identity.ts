/** Users and groups of a container, by the image's own passwd and group files. @module */

import { WherryError } from "../../errors.ts";

/** Who a process is. */
export interface Identity {
  uid: number;
  gid: number;
  /** Supplementary groups, `gid` first. */
  groups: number[];
  /** Home directory; `/` when the user has none. */
  home: string;
}

/** The image's account files. */
export interface AccountFiles {
  /** Content of `/etc/passwd`; empty if there is none. */
  passwd: string;
  /** Content of `/etc/group`; empty if there is none. */
  group: string;
}

interface Account {
  name: string;
  uid: number;
  gid: number;
  home: string;
}

/** Highest id that the kernel takes; the one above means "no change". */
const MAX_ID = 0xffff_fffe;

/**
 * Finds out who `user` is.
 *
 * @param user `user`, `user:group`, each a name or a number; empty for root.
 * @param addedGroups Groups that it is in, too, each a name or a number.
 * @returns A number without an account keeps group 0 and home `/`, as docker does it.
 * @throws {WherryError} `invalid_argument` if a name is unknown or a number out of range.
 */
export function resolveIdentity(
  user: string,
  files: AccountFiles,
  addedGroups: readonly string[] = [],
): Identity {
  const [userPart = "", groupPart] = splitOnce(user, ":");
  const account = findAccount(userPart === "" ? "0" : userPart, user, parsePasswd(files.passwd));
  const groups = parseGroup(files.group);
  const { uid, home } = account;
  const hasGroup = groupPart !== undefined && groupPart !== "";
  const gid = hasGroup ? findGroup(groupPart, `run as user "${user}"`, groups) : account.gid;
  const added = addedGroups.map((group) => findGroup(group, `add the group "${group}"`, groups));
  const others = hasGroup || account.name === "" ? [] : groupsOf(account.name, groups);
  // Without its own group among them, a process could leave that group and what it is denied (CVE-2022-36109)
  return {
    uid,
    gid,
    groups: [...new Set([gid, ...others, ...added])],
    home: home === "" ? "/" : home,
  };
}

function groupsOf(name: string, groups: readonly Group[]): number[] {
  return groups.filter(({ members }) => members.includes(name)).map(({ gid }) => gid);
}

function findAccount(part: string, user: string, accounts: Account[]): Account {
  const byName = accounts.find(({ name }) => name === part);
  if (byName !== undefined) return byName;
  if (!/^\d+$/.test(part)) {
    throw new WherryError(
      "invalid_argument",
      `Cannot run as user "${user}": the image's /etc/passwd has no user "${part}"`,
      { hint: "Give a user of the image, or a number" },
    );
  }
  const uid = parseId(part, `run as user "${user}"`);
  return accounts.find((account) => account.uid === uid) ??
    { name: "", uid, gid: 0, home: uid === 0 ? "/root" : "/" };
}

function findGroup(part: string, action: string, groups: Group[]): number {
  const byName = groups.find(({ name }) => name === part);
  if (byName !== undefined) return byName.gid;
  if (!/^\d+$/.test(part)) {
    throw new WherryError(
      "invalid_argument",
      `Cannot ${action}: the image's /etc/group has no group "${part}"`,
      { hint: "Give a group of the image, or a number" },
    );
  }
  return parseId(part, action);
}

function parseId(part: string, action: string): number {
  const id = Number(part);
  if (id > MAX_ID) {
    throw new WherryError(
      "invalid_argument",
      `Cannot ${action}: ids are numbers from 0 to ${MAX_ID}`,
    );
  }
  return id;
}

function parsePasswd(text: string): Account[] {
  return colonLines(text).flatMap(([name = "", , uid = "", gid = "", , home = ""]) =>
    /^\d+$/.test(uid) && /^\d+$/.test(gid)
      ? [{ name, uid: Number(uid), gid: Number(gid), home }]
      : []
  );
}

interface Group {
  name: string;
  gid: number;
  members: string[];
}

function parseGroup(text: string): Group[] {
  return colonLines(text).flatMap(([name = "", , gid = "", members = ""]) =>
    /^\d+$/.test(gid) ? [{ name, gid: Number(gid), members: members.split(",") }] : []
  );
}

function colonLines(text: string): string[][] {
  return text.split("\n")
    .filter((line) => line.includes(":") && !line.startsWith("#"))
    .map((line) => line.split(":"));
}

function splitOnce(text: string, separator: string): [string, string?] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + separator.length)];
}
