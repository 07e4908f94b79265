/** The columns of `ps`: what each shows of a process. Pure. @see ps(1), "STANDARD FORMAT SPECIFIERS" @module */

import { type ProcessInfo, TICKS_PER_SECOND } from "../../kernel/process.ts";

/** What the columns take from the host besides the processes. */
export interface ProcessContext {
  /** Time now, in milliseconds since 1970. */
  nowMs: number;
  /** Time since the host's start, in seconds. */
  uptimeSeconds: number;
  /** Memory of the host, in KiB. */
  memoryKibibytes: number;
  /** Names of the host's users, by uid. */
  userNames: ReadonlyMap<number, string>;
  /** Names of the host's groups, by gid. */
  groupNames: ReadonlyMap<number, string>;
}

/** One column. */
export interface ProcessColumn {
  /** Title, such as `%CPU`. */
  readonly header: string;
  /** Text of any characters: names and arguments are the process's own. */
  format(process: ProcessInfo, context: ProcessContext): string;
}

type Format = ProcessColumn["format"];

const SECONDS_PER_DAY = 86_400;
const MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec";
const DAYS = "SunMonTueWedThuFriSat";

const pad = (number: number): string => String(number).padStart(2, "0");

function userName(uid: number, { userNames }: ProcessContext): string {
  return userNames.get(uid) ?? String(uid);
}

function groupName(gid: number, { groupNames }: ProcessContext): string {
  return groupNames.get(gid) ?? String(gid);
}

const isZombie = ({ state }: ProcessInfo): boolean => state === "Z";

const formatName: Format = (process) => process.name + (isZombie(process) ? " <defunct>" : "");

/** Who has no arguments is called by its name, in brackets. */
const formatArguments: Format = (process) => {
  if (process.argv.length > 0) return process.argv.join(" ");
  return `[${process.name}]${isZombie(process) ? " <defunct>" : ""}`;
};

function elapsedSeconds({ startTicks }: ProcessInfo, { uptimeSeconds }: ProcessContext): number {
  return Math.max(0, uptimeSeconds - startTicks / TICKS_PER_SECOND);
}

/** Per mille of one processor's time since the process started. */
function cpuPerMille(process: ProcessInfo, context: ProcessContext): number {
  const elapsed = elapsedSeconds(process, context);
  const used = process.cpuTicks / TICKS_PER_SECOND;
  return elapsed === 0 ? 0 : Math.floor(used * 1000 / elapsed);
}

const formatPerMille = (perMille: number): string => (perMille / 10).toFixed(1);

const formatCpuPercent: Format = (process, context) =>
  formatPerMille(cpuPerMille(process, context));

const MOST_CPU = 99;

const formatCpuUsage: Format = (process, context) =>
  String(Math.min(MOST_CPU, Math.floor(cpuPerMille(process, context) / 10)));

const formatMemoryPercent: Format = ({ residentKibibytes }, { memoryKibibytes }) =>
  formatPerMille(Math.min(999, Math.floor(residentKibibytes * 1000 / memoryKibibytes)));

/** `[DD-]HH:MM:SS`. */
const formatCpuTime: Format = ({ cpuTicks }) => {
  const seconds = Math.floor(cpuTicks / TICKS_PER_SECOND);
  return withDays(seconds, `${pad(Math.floor(seconds / 3600) % 24)}:${minutesAndSeconds(seconds)}`);
};

/** `M:SS`, however many minutes. */
const formatBsdTime: Format = ({ cpuTicks }) => {
  const seconds = Math.floor(cpuTicks / TICKS_PER_SECOND);
  return `${Math.floor(seconds / 60)}:${pad(seconds % 60)}`;
};

/** `[[DD-]HH:]MM:SS`. */
const formatElapsed: Format = (process, context) => {
  const seconds = Math.floor(elapsedSeconds(process, context));
  const hours = Math.floor(seconds / 3600) % 24;
  const hasHours = seconds >= 3600;
  return withDays(seconds, `${hasHours ? `${pad(hours)}:` : ""}${minutesAndSeconds(seconds)}`);
};

function minutesAndSeconds(seconds: number): string {
  return `${pad(Math.floor(seconds / 60) % 60)}:${pad(seconds % 60)}`;
}

function withDays(seconds: number, rest: string): string {
  const days = Math.floor(seconds / SECONDS_PER_DAY);
  return days > 0 ? `${pad(days)}-${rest}` : rest;
}

function startOf(process: ProcessInfo, context: ProcessContext): Date {
  return new Date(context.nowMs - elapsedSeconds(process, context) * 1000);
}

const monthOf = (date: Date): string => MONTHS.slice(3 * date.getMonth(), 3 * date.getMonth() + 3);

const clockOf = (date: Date): string => `${pad(date.getHours())}:${pad(date.getMinutes())}`;

/** The clock on the day itself, then the date, then the year. */
const formatStartTime: Format = (process, context) => {
  const start = startOf(process, context);
  const now = new Date(context.nowMs);
  if (start.getFullYear() !== now.getFullYear()) return String(start.getFullYear());
  return start.toDateString() === now.toDateString()
    ? clockOf(start)
    : `${monthOf(start)}${pad(start.getDate())}`;
};

function isOld(process: ProcessInfo, context: ProcessContext): boolean {
  return elapsedSeconds(process, context) > SECONDS_PER_DAY;
}

const shortDate = (date: Date): string => `${monthOf(date)} ${pad(date.getDate())}`;

const formatBsdStart: Format = (process, context) => {
  const start = startOf(process, context);
  return isOld(process, context) ? shortDate(start) : clockOf(start);
};

const formatStarted: Format = (process, context) => {
  const start = startOf(process, context);
  return isOld(process, context)
    ? shortDate(start)
    : `${clockOf(start)}:${pad(start.getSeconds())}`;
};

const formatLongStart: Format = (process, context) => {
  const start = startOf(process, context);
  const day = DAYS.slice(3 * start.getDay(), 3 * start.getDay() + 3);
  const date = String(start.getDate()).padStart(2, " ");
  return `${day} ${monthOf(start)} ${date} ${clockOf(start)}:${pad(start.getSeconds())} ` +
    start.getFullYear();
};

const PTS_MAJOR = 136;
const PTS_MAJORS = 8;
const MINORS_PER_PTS_MAJOR = 256;
const TTY_MAJOR = 4;
const FIRST_SERIAL_MINOR = 64;

/** The number of a pseudo terminal is that of the container's own `/dev/pts`. @see proc_pid_stat(5), "tty_nr" */
const formatTerminal: Format = ({ terminal }) => {
  const major = terminal >> 8 & 0xfff;
  const minor = terminal & 0xff | terminal >> 12 & 0xfff00;
  if (major >= PTS_MAJOR && major < PTS_MAJOR + PTS_MAJORS) {
    return `pts/${(major - PTS_MAJOR) * MINORS_PER_PTS_MAJOR + minor}`;
  }
  if (major !== TTY_MAJOR) return "?";
  return minor < FIRST_SERIAL_MINOR ? `tty${minor}` : `ttyS${minor - FIRST_SERIAL_MINOR}`;
};

/** The state, and marks for niceness, leaders of sessions, threads and the foreground. */
const formatStatus: Format = (process) => {
  const { state, nice, pid, session, threadCount, processGroup, foregroundGroup } = process;
  return [
    state,
    nice < 0 ? "<" : "",
    nice > 0 ? "N" : "",
    pid === session ? "s" : "",
    threadCount > 1 ? "l" : "",
    processGroup === foregroundGroup ? "+" : "",
  ].join("");
};

const WAIT_CHANNEL_LENGTH = 6;

const formatWaitChannel: Format = ({ waitChannel }) =>
  waitChannel === "" ? "-" : waitChannel.slice(0, WAIT_CHANNEL_LENGTH);

/** "Forked but did not exec" and "used privileges of a superuser". */
const formatFlags: Format = ({ flags }) => String(flags >> 6 & 7);

const formatRealUser: Format = ({ realUid }, context) => userName(realUid, context);
const formatUser: Format = ({ effectiveUid }, context) => userName(effectiveUid, context);
const formatRealGroup: Format = ({ realGid }, context) => groupName(realGid, context);
const formatGroup: Format = ({ effectiveGid }, context) => groupName(effectiveGid, context);
const formatUid: Format = ({ effectiveUid }) => String(effectiveUid);
const formatGid: Format = ({ effectiveGid }) => String(effectiveGid);
const formatState: Format = ({ state }) => state;
const formatNice: Format = ({ nice }) => String(nice);
const formatGroupId: Format = ({ processGroup }) => String(processGroup);
const formatSession: Format = ({ session }) => String(session);
const formatVirtual: Format = ({ virtualKibibytes }) => String(virtualKibibytes);
const formatResident: Format = ({ residentKibibytes }) => String(residentKibibytes);
const formatElapsedSeconds: Format = (process, context) =>
  String(Math.floor(elapsedSeconds(process, context)));

/** What `-o` may name: the title and the text. */
const COLUMNS = {
  "%cpu": ["%CPU", formatCpuPercent],
  "%mem": ["%MEM", formatMemoryPercent],
  args: ["COMMAND", formatArguments],
  bsdstart: ["START", formatBsdStart],
  bsdtime: ["TIME", formatBsdTime],
  c: ["C", formatCpuUsage],
  cmd: ["CMD", formatArguments],
  comm: ["COMMAND", formatName],
  command: ["COMMAND", formatArguments],
  cputime: ["TIME", formatCpuTime],
  egid: ["EGID", formatGid],
  egroup: ["EGROUP", formatGroup],
  etime: ["ELAPSED", formatElapsed],
  etimes: ["ELAPSED", formatElapsedSeconds],
  euid: ["EUID", formatUid],
  euser: ["EUSER", formatUser],
  f: ["F", formatFlags],
  gid: ["GID", formatGid],
  group: ["GROUP", formatGroup],
  lstart: ["STARTED", formatLongStart],
  ni: ["NI", formatNice],
  nice: ["NI", formatNice],
  nlwp: ["NLWP", ({ threadCount }) => String(threadCount)],
  opri: ["PRI", ({ priority }) => String(60 + priority)],
  pcpu: ["%CPU", formatCpuPercent],
  pgid: ["PGID", formatGroupId],
  pgrp: ["PGRP", formatGroupId],
  pid: ["PID", ({ pid }) => String(pid)],
  pmem: ["%MEM", formatMemoryPercent],
  ppid: ["PPID", ({ parentPid }) => String(parentPid)],
  pri: ["PRI", ({ priority }) => String(39 - priority)],
  priority: ["PRI", ({ priority }) => String(priority)],
  psr: ["PSR", ({ processor }) => String(processor)],
  rgid: ["RGID", ({ realGid }) => String(realGid)],
  rgroup: ["RGROUP", formatRealGroup],
  rss: ["RSS", formatResident],
  rsz: ["RSZ", formatResident],
  ruid: ["RUID", ({ realUid }) => String(realUid)],
  ruser: ["RUSER", formatRealUser],
  s: ["S", formatState],
  sess: ["SESS", formatSession],
  sid: ["SID", formatSession],
  start: ["STARTED", formatStarted],
  "start_time": ["START", formatStartTime],
  stat: ["STAT", formatStatus],
  state: ["S", formatState],
  stime: ["STIME", formatStartTime],
  sz: ["SZ", ({ virtualPages }) => String(virtualPages)],
  thcount: ["THCNT", ({ threadCount }) => String(threadCount)],
  time: ["TIME", formatCpuTime],
  tname: ["TTY", formatTerminal],
  tpgid: ["TPGID", ({ foregroundGroup }) => String(foregroundGroup)],
  tt: ["TT", formatTerminal],
  tty: ["TT", formatTerminal],
  ucmd: ["CMD", formatName],
  ucomm: ["COMMAND", formatName],
  uid: ["UID", formatUid],
  user: ["USER", formatUser],
  vsize: ["VSZ", formatVirtual],
  vsz: ["VSZ", formatVirtual],
  wchan: ["WCHAN", formatWaitChannel],
} as const satisfies Record<string, readonly [header: string, format: Format]>;

/** A column's name. */
export type ProcessColumnName = keyof typeof COLUMNS;

/** The column called `name`; `undefined` if there is none. */
export function findProcessColumn(name: string): ProcessColumn | undefined {
  if (!Object.hasOwn(COLUMNS, name)) return undefined;
  const [header, format] = COLUMNS[name as ProcessColumnName];
  return { header, format };
}
