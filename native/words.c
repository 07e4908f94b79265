/* Every word of the plan. `wherry-monitor --list-steps` prints this table, and a test compares it
 * with plan.ts. */
#include "steps.h"

const struct word WORDS[] = {
	/* Done by the monitor, before and by `clone`. */
	{ "stdio", "i", step_stdio, NULL },
	{ "log", "pfUu", step_log, NULL },
	{ "listen", "p", step_listen, NULL },
	{ "record", "pd", step_record, NULL },
	{ "cgroup", "p", step_cgroup, NULL },
	{ "join-cgroup", "p", step_join_cgroup, NULL },
	{ "restart", "rug", step_restart, NULL },
	{ "events", "pssssk", step_events, NULL },
	{ "health", "uuuuuhglp", step_health, NULL },
	{ "cleanup", "ss*", step_cleanup, NULL },
	{ "clone", "n", step_clone, NULL },
	{ "check", "n", step_check, NULL },
	/* Done by the child. */
	{ "join", "n", NULL, step_join },
	{ "fork", "", NULL, step_fork },
	{ "mount", "sssUs", NULL, step_mount },
	{ "root", "p", NULL, step_root },
	{ "mkdir", "pouu", NULL, step_mkdir },
	{ "mount-in", "spsUs", NULL, step_mount_in },
	{ "attach-tree", "ppuuu", NULL, step_attach_tree },
	{ "mknod", "pouu", NULL, step_mknod },
	{ "symlink", "sp", NULL, step_symlink },
	{ "terminal", "uu", NULL, step_terminal },
	{ "pivot-root", "", NULL, step_pivot_root },
	{ "mask", "p", NULL, step_mask },
	{ "readonly", "p", NULL, step_readonly },
	{ "remount-root-readonly", "", NULL, step_remount_root_readonly },
	{ "sethostname", "s", NULL, step_sethostname },
	{ "setdomainname", "s", NULL, step_setdomainname },
	{ "sysctl", "ps", NULL, step_sysctl },
	{ "loopback-up", "", NULL, step_loopback_up },
	{ "rlimit", "ull", NULL, step_rlimit },
	{ "umask", "o", NULL, step_umask },
	{ "oom-score-adj", "a", NULL, step_oom_score_adj },
	{ "bounding", "x", NULL, step_bounding },
	{ "user", "uuu*", NULL, step_user },
	{ "capset", "xxxx", NULL, step_capset },
	{ "no-new-privs", "", NULL, step_no_new_privs },
	{ "chdir", "p", NULL, step_chdir },
	{ "parent-death", "g", NULL, step_parent_death },
	{ "reaper", "", NULL, step_reaper },
	{ "idle", "", NULL, step_idle },
	{ "exec", "uss*", NULL, step_exec },
};

const unsigned WORD_COUNT = sizeof(WORDS) / sizeof(WORDS[0]);
