/* One function for each word of the plan (words.c). All return 0 or -errno; a step with argument
 * checks of its own says so, all others are checked by plan_check. */
#pragma once

#include "child.h"
#include "plan.h"

/* In the monitor. */
int step_stdio(struct monitor *monitor, const struct step *step);
int step_log(struct monitor *monitor, const struct step *step);
int step_listen(struct monitor *monitor, const struct step *step);
int step_record(struct monitor *monitor, const struct step *step);
int step_cgroup(struct monitor *monitor, const struct step *step);
int step_join_cgroup(struct monitor *monitor, const struct step *step);
int step_controller(struct monitor *monitor, const struct step *step);
int step_join_controller(struct monitor *monitor, const struct step *step);
int step_delegate(struct monitor *monitor, const struct step *step);
int step_inherit(struct monitor *monitor, const struct step *step);
int step_control(struct monitor *monitor, const struct step *step);
int step_control_if_present(struct monitor *monitor, const struct step *step);
int step_oom(struct monitor *monitor, const struct step *step);
int step_device_filter(struct monitor *monitor, const struct step *step);
int step_restart(struct monitor *monitor, const struct step *step);
int step_events(struct monitor *monitor, const struct step *step);
int step_health(struct monitor *monitor, const struct step *step);
int step_cleanup(struct monitor *monitor, const struct step *step);
int step_wake(struct monitor *monitor, const struct step *step);
int step_ruleset(struct monitor *monitor, const struct step *step);
int step_clone(struct monitor *monitor, const struct step *step);
int step_check(struct monitor *monitor, const struct step *step);

/* In the child. */
int step_join(struct child *child, const struct step *step);
int step_join_network(struct child *child, const struct step *step);
int step_take_shm(struct child *child, const struct step *step);
int step_join_ipc(struct child *child, const struct step *step);
int step_join_pid(struct child *child, const struct step *step);
int step_owner(struct child *child, const struct step *step);
int step_join_user(struct child *child, const struct step *step);
int step_fork(struct child *child, const struct step *step);
int step_mount(struct child *child, const struct step *step);
int step_overlay(struct child *child, const struct step *step);
int step_root(struct child *child, const struct step *step);
int step_mkdir(struct child *child, const struct step *step);
int step_mount_in(struct child *child, const struct step *step);
int step_mount_at(struct child *child, const struct step *step);
int step_take_tree(struct child *child, const struct step *step);
int step_attach_taken(struct child *child, const struct step *step);
int step_attach_tree(struct child *child, const struct step *step);
int step_attach_shm(struct child *child, const struct step *step);
int step_mknod(struct child *child, const struct step *step);
int step_chown(struct child *child, const struct step *step);
int step_symlink(struct child *child, const struct step *step);
int step_terminal(struct child *child, const struct step *step);
int step_pivot_root(struct child *child, const struct step *step);
int step_mask(struct child *child, const struct step *step);
int step_readonly(struct child *child, const struct step *step);
int step_remount_root_readonly(struct child *child, const struct step *step);
int step_sethostname(struct child *child, const struct step *step);
int step_setdomainname(struct child *child, const struct step *step);
int step_sysctl(struct child *child, const struct step *step);
int step_loopback_up(struct child *child, const struct step *step);
int step_rlimit(struct child *child, const struct step *step);
int step_umask(struct child *child, const struct step *step);
int step_oom_score_adj(struct child *child, const struct step *step);
int step_apparmor(struct child *child, const struct step *step);
int step_bounding(struct child *child, const struct step *step);
int step_user(struct child *child, const struct step *step);
int step_capset(struct child *child, const struct step *step);
int step_no_new_privs(struct child *child, const struct step *step);
int step_seccomp(struct child *child, const struct step *step);
int step_chdir(struct child *child, const struct step *step);
int step_parent_death(struct child *child, const struct step *step);
int step_reaper(struct child *child, const struct step *step);
int step_idle(struct child *child, const struct step *step);
int step_show(struct child *child, const struct step *step);
int step_exec(struct child *child, const struct step *step);
