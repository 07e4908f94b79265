/**
 * The profile of a container of which nobody said anything.
 *
 * It lets through what docker's does, for the same capabilities; `docs/adr/0032-system-call-filters.md` says in what
 * it differs. Not on the hot path: the filter for the usual capabilities is ready in `default_seccomp_filter.ts`.
 *
 * @see `seccomp/default_linux.go` of moby/profiles
 * @module
 */

import { SECCOMP_FLAG, SECCOMP_RETURN } from "../../kernel/seccomp.ts";
import type { ArgumentCondition, SeccompProfile, SeccompRule } from "./seccomp_profile.ts";

const FILES = `
  access chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 dup3 faccessat
  faccessat2 fadvise64 fadvise64_64 fallocate fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown
  fchown32 fchownat fcntl fcntl64 fdatasync flock fstat fstat64 fstatat64 fstatfs fstatfs64 fsync
  ftruncate ftruncate64 futimesat getcwd getdents getdents64 inotify_add_watch inotify_init
  inotify_init1 inotify_rm_watch ioctl lchown lchown32 link linkat listmount _llseek lseek lstat
  lstat64 mkdir mkdirat mknod mknodat name_to_handle_at newfstatat open openat openat2 readlink
  readlinkat rename renameat renameat2 rmdir stat stat64 statfs statfs64 statmount statx symlink
  symlinkat sync sync_file_range syncfs truncate truncate64 umask unlink unlinkat utime utimensat
  utimensat_time64 utimes
`;

const EXTENDED_ATTRIBUTES = `
  fgetxattr flistxattr fremovexattr fsetxattr getxattr getxattrat lgetxattr listxattr listxattrat
  llistxattr lremovexattr lsetxattr removexattr removexattrat setxattr setxattrat
`;

const READING_AND_WRITING = `
  pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead readv sendfile sendfile64 splice
  tee vmsplice write writev io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64
  io_setup io_submit
`;

const WAITING = `
  epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait
  epoll_wait_old eventfd eventfd2 _newselect poll ppoll ppoll_time64 pselect6 pselect6_time64 select
  signalfd signalfd4 timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime
  timerfd_settime64
`;

const PROCESSES = `
  execve execveat exit exit_group fork vfork wait4 waitid waitpid kill tkill tgkill pidfd_open
  pidfd_send_signal process_mrelease prctl getpid getppid gettid getpgid getpgrp getsid setpgid
  setsid getpriority setpriority getrlimit setrlimit ugetrlimit prlimit64 getrusage times
  ioprio_get ioprio_set set_tid_address set_robust_list get_robust_list set_thread_area
  get_thread_area rseq membarrier restart_syscall getcpu
`;

const SCHEDULING = `
  sched_getaffinity sched_getattr sched_getparam sched_get_priority_max sched_get_priority_min
  sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity
  sched_setattr sched_setparam sched_setscheduler sched_yield
`;

const IDENTITY = `
  capget capset getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getresgid
  getresgid32 getresuid getresuid32 getuid getuid32 setfsgid setfsgid32 setfsuid setfsuid32 setgid
  setgid32 setgroups setgroups32 setregid setregid32 setresgid setresgid32 setresuid setresuid32
  setreuid setreuid32 setuid setuid32 seccomp landlock_add_rule landlock_create_ruleset
  landlock_restrict_self
`;

const MEMORY = `
  brk cachestat madvise map_shadow_stack memfd_create memfd_secret mincore mlock mlock2 mlockall
  mmap mmap2 mprotect mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free
  pkey_mprotect remap_file_pages
`;

const SIGNALS = `
  pause rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend
  rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaltstack sigprocmask sigreturn
`;

const TIME = `
  adjtimex alarm clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime
  clock_gettime64 clock_nanosleep clock_nanosleep_time64 getitimer gettimeofday nanosleep setitimer
  time timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime
  timer_settime64
`;

const SOCKETS_AND_PIPES = `
  accept accept4 bind connect getpeername getsockname getsockopt listen pipe pipe2 recv recvfrom
  recvmmsg recvmmsg_time64 recvmsg send sendmmsg sendmsg sendto setsockopt shutdown socketcall
  socketpair
`;

const SHARING = `
  futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake ipc mq_getsetattr mq_notify
  mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink msgctl
  msgget msgrcv msgsnd semctl semget semop semtimedop semtimedop_time64 shmat shmctl shmdt shmget
`;

const THE_HOST = `getrandom sysinfo uname uretprobe`;

/** Without an argument that is looked at. */
const ALLOWED = [
  FILES,
  EXTENDED_ATTRIBUTES,
  READING_AND_WRITING,
  WAITING,
  PROCESSES,
  SCHEDULING,
  IDENTITY,
  MEMORY,
  SIGNALS,
  TIME,
  SOCKETS_AND_PIPES,
  SHARING,
  THE_HOST,
].join(" ");

/** What else is allowed to who holds a capability. */
const ALLOWED_WITH: Readonly<Record<string, string>> = {
  CAP_BPF: "bpf",
  CAP_DAC_READ_SEARCH: "open_by_handle_at",
  CAP_PERFMON: "perf_event_open",
  CAP_SYS_ADMIN: "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie " +
    "lsm_get_self_attr lsm_list_modules lsm_set_self_attr mount mount_setattr move_mount open_tree " +
    "perf_event_open quotactl quotactl_fd setdomainname sethostname setns syslog umount umount2 " +
    "unshare",
  CAP_SYS_BOOT: "reboot",
  CAP_SYS_CHROOT: "chroot",
  CAP_SYS_MODULE: "delete_module finit_module init_module",
  CAP_SYS_NICE: "get_mempolicy mbind set_mempolicy set_mempolicy_home_node",
  CAP_SYS_PACCT: "acct",
  CAP_SYS_PTRACE: "kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace",
  CAP_SYS_RAWIO: "ioperm iopl",
  CAP_SYS_TIME: "clock_settime clock_settime64 settimeofday stime",
  CAP_SYS_TTY_CONFIG: "vhangup",
  CAP_SYSLOG: "syslog",
};

/** What else is allowed on one kind of processor, of which there is nothing on others. */
const ALLOWED_ON: Readonly<Record<string, string>> = {
  amd64: "arch_prctl modify_ldt",
  arm64: "arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush set_tls",
};

/** The crypto of the kernel. @see `AF_ALG` of address_families(7) */
const AF_ALG = 38n;
/** The hypervisor's and other machines' sockets. @see vsock(7) */
const AF_VSOCK = 40n;

/** All `CLONE_NEW` flags but that of time, which stands for something else in clone(2). */
const CLONE_NAMESPACES = 0x7e020000n;

/** What personality(2) may be: Linux, with or without a uname of 2.6, in 64 and 32 bits, and the question. */
const PERSONALITIES = [0x0n, 0x20000n, 0x8n, 0x20008n, 0xffffffffn];

const ENOSYS = 38;
const EPERM = 1;

const WITHOUT_ADMIN = { capabilities: ["CAP_SYS_ADMIN"], architectures: [] };

/** The profile. */
export const DEFAULT_PROFILE: SeccompProfile = {
  defaultAction: SECCOMP_RETURN.ERRNO + EPERM,
  flags: SECCOMP_FLAG.SPEC_ALLOW,
  architectures: [],
  architectureMap: [
    ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
    ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
  ],
  rules: [
    allow(ALLOWED),
    ...Object.entries(ALLOWED_WITH).map(([capability, names]) => ({
      ...allow(names),
      includes: { capabilities: [capability], architectures: [] },
    })),
    ...Object.entries(ALLOWED_ON).map(([architecture, names]) => ({
      ...allow(names),
      includes: { capabilities: [], architectures: [architecture] },
    })),
    {
      // Before that a tracer could change what a filter had seen
      ...allow("process_vm_readv process_vm_writev ptrace"),
      includes: { capabilities: [], architectures: [], minKernel: [4, 8] },
    },
    // The kernel takes families for ints: with 64 bits to look at, one more bit would lead around this
    allow("socket", { index: 0, operator: "LT", value: AF_ALG, valueTwo: 0n, isInt: true }),
    allow("socket", { index: 0, operator: "EQ", value: AF_ALG + 1n, valueTwo: 0n, isInt: true }),
    allow("socket", { index: 0, operator: "GT", value: AF_VSOCK, valueTwo: 0n, isInt: true }),
    ...PERSONALITIES.map((value) =>
      allow("personality", { index: 0, operator: "EQ", value, valueTwo: 0n })
    ),
    {
      ...allow("clone", {
        index: 0,
        operator: "MASKED_EQ",
        value: CLONE_NAMESPACES,
        valueTwo: 0n,
      }),
      excludes: WITHOUT_ADMIN,
    },
    {
      // Its flags are in memory, where no filter sees them: libraries then use clone
      names: ["clone3"],
      action: SECCOMP_RETURN.ERRNO + ENOSYS,
      conditions: [],
      excludes: WITHOUT_ADMIN,
    },
  ],
};

function allow(names: string, ...conditions: ArgumentCondition[]): SeccompRule {
  return { names: names.trim().split(/\s+/), action: SECCOMP_RETURN.ALLOW, conditions };
}
