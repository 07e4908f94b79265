/*
 * Uses what has been the way into many kernels. Prints the name of each system call that was let
 * through.
 *
 *   kernel_calls
 */
#define _GNU_SOURCE
#include <linux/bpf.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static long try_bpf(void)
{
	union bpf_attr map = {
		.map_type = BPF_MAP_TYPE_ARRAY,
		.key_size = 4,
		.value_size = 8,
		.max_entries = 1,
	};

	return syscall(SYS_bpf, BPF_MAP_CREATE, &map, sizeof(map));
}

static long try_perf_event_open(void)
{
	struct perf_event_attr event = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(event),
		.config = PERF_COUNT_SW_CPU_CLOCK,
	};

	return syscall(SYS_perf_event_open, &event, 0, -1, -1, 0);
}

static long try_userfaultfd(void)
{
	return syscall(SYS_userfaultfd, 0);
}

static long try_add_key(void)
{
	return syscall(SYS_add_key, "user", "attack", "x", 1, KEY_SPEC_PROCESS_KEYRING);
}

static long try_keyctl(void)
{
	return syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_PROCESS_KEYRING, 1);
}

static long try_io_uring_setup(void)
{
	char parameters[256] = { 0 };

	return syscall(SYS_io_uring_setup, 1, parameters);
}

/* A user namespace gives every capability, over a network and mounts of its own: a way to more of
 * the kernel. */
static long try_unshare_user(void)
{
	return unshare(CLONE_NEWUSER);
}

static long try_unshare_mount(void)
{
	return unshare(CLONE_NEWNS);
}

static long try_clone_user(void)
{
	long pid = syscall(SYS_clone, CLONE_NEWUSER | 17 /* SIGCHLD */, NULL, NULL, NULL, NULL);

	if (pid == 0)
		_exit(0);
	return pid;
}

static long try_mount(void)
{
	return mount("none", "/proc/self/fdinfo", "tmpfs", 0, NULL);
}

static long try_fsopen(void)
{
	return syscall(SYS_fsopen, "tmpfs", 0);
}

static long try_open_tree(void)
{
	return syscall(SYS_open_tree, -100 /* AT_FDCWD */, "/", 1 /* OPEN_TREE_CLONE */);
}

int main(void)
{
	static const struct {
		const char *name;
		long (*act)(void);
	} calls[] = {
		{ "bpf", try_bpf },
		{ "perf_event_open", try_perf_event_open },
		{ "userfaultfd", try_userfaultfd },
		{ "add_key", try_add_key },
		{ "keyctl", try_keyctl },
		{ "io_uring_setup", try_io_uring_setup },
		{ "unshare CLONE_NEWUSER", try_unshare_user },
		{ "unshare CLONE_NEWNS", try_unshare_mount },
		{ "clone CLONE_NEWUSER", try_clone_user },
		{ "mount", try_mount },
		{ "fsopen", try_fsopen },
		{ "open_tree", try_open_tree },
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		/* Each by itself: after one of them the others may be let through */
		pid_t pid = fork();
		int status = 1;

		if (pid == 0)
			_exit(calls[i].act() < 0);
		waitpid(pid, &status, 0);
		if (status == 0)
			puts(calls[i].name);
	}
	return 0;
}
