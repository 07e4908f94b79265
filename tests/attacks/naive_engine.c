/*
 * A container engine that protects nothing: where the attacks of attack_*_test.ts must succeed.
 *
 *   naive_engine run [-p FILE] [-w DIR] [-u NAME] [-t] [-n] [-v SOURCE:TARGET]... ROOT COMMAND...
 *   naive_engine exec [-w DIR] PID COMMAND...
 *
 * -p writes the pid of the first process to FILE, -t makes a console, -n goes without a pid
 * namespace.
 *
 * It does what engines do, each step in the obvious way, which for most of them was the way of a
 * real engine until somebody was attacked: paths below ROOT are opened as strings, its own program
 * file and a descriptor of the host stay open in the container, no right is taken away. It changes
 * nothing but what an attack makes it change: all mounts are in a mount namespace of its own.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_VOLUMES = 8, PATH_SIZE = 4096 };

struct options {
	const char *pid_file;
	const char *directory;
	const char *user;
	const char *volumes[MAX_VOLUMES];
	int volume_count;
	int has_terminal;
	int shares_pids;
};

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "naive_engine: %s: %s\n", what, strerror(errno));
	exit(125);
}

static void parse(struct options *options, int argc, char **argv)
{
	int flag;

	while ((flag = getopt(argc, argv, "+p:w:u:v:tn")) != -1)
		switch (flag) {
		case 'p':
			options->pid_file = optarg;
			break;
		case 'w':
			options->directory = optarg;
			break;
		case 'u':
			options->user = optarg;
			break;
		case 'v':
			if (options->volume_count == MAX_VOLUMES)
				exit(125);
			options->volumes[options->volume_count++] = optarg;
			break;
		case 't':
			options->has_terminal = 1;
			break;
		case 'n':
			options->shares_pids = 1;
			break;
		default:
			exit(125);
		}
}

/* A path below the root: as a string, so that links on the way lead wherever they say. */
static const char *below(const char *root, const char *path)
{
	static char buffer[2][PATH_SIZE];
	static int next;
	char *result = buffer[next ^= 1];

	snprintf(result, PATH_SIZE, "%s%s", root, path);
	return result;
}

static void make_directories(const char *path)
{
	char buffer[PATH_SIZE];

	snprintf(buffer, sizeof(buffer), "%s", path);
	for (char *slash = buffer + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
		*slash = '\0';
		mkdir(buffer, 0755);
		*slash = '/';
	}
	mkdir(buffer, 0755);
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	if (file == NULL)
		return;
	fputs(text, file);
	fclose(file);
}

/* The uid of a user in the image's /etc/passwd; whatever is at the end of links there is read. */
static uid_t find_user(const char *root, const char *name)
{
	FILE *file = fopen(below(root, "/etc/passwd"), "r");
	char line[PATH_SIZE];

	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		char *colon = strchr(line, ':');

		if (colon == NULL || (size_t)(colon - line) != strlen(name) ||
		    memcmp(line, name, strlen(name)) != 0)
			continue;
		colon = strchr(colon + 1, ':');
		return colon == NULL ? 0 : (uid_t)atoi(colon + 1);
	}
	errno = ENOENT;
	fail(name);
}

static void mount_volume(const char *root, const char *volume)
{
	const char *colon = strchr(volume, ':');
	char source[PATH_SIZE];
	const char *target = below(root, colon + 1);

	snprintf(source, sizeof(source), "%.*s", (int)(colon - volume), volume);
	make_directories(target);
	if (mount(source, target, NULL, MS_BIND | MS_REC, NULL) < 0)
		fail(target);
}

static void make_devices(const char *root)
{
	static const struct {
		const char *path;
		unsigned major, minor;
	} devices[] = { { "/dev/null", 1, 3 }, { "/dev/zero", 1, 5 }, { "/dev/tty", 5, 0 } };

	for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++)
		mknod(below(root, devices[i].path), S_IFCHR | 0666,
		      makedev(devices[i].major, devices[i].minor));
}

/* All that a container needs to see, mounted by path, and its masks and settings after the volumes.
 */
static void prepare_root(const char *root, const struct options *options)
{
	if (unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC) < 0)
		fail("unshare");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount(root, root, NULL, MS_BIND | MS_REC, NULL) < 0)
		fail(root);
	write_file(below(root, "/etc/hostname"), "naive\n");
	mkdir(below(root, "/proc"), 0755);
	if (mount("proc", below(root, "/proc"), "proc", 0, NULL) < 0)
		fail("/proc");
	mount("sysfs", below(root, "/sys"), "sysfs", 0, NULL);
	make_devices(root);
	for (int i = 0; i < options->volume_count; i++)
		mount_volume(root, options->volumes[i]);
	if (options->has_terminal)
		close(open(below(root, "/dev/console"), O_WRONLY | O_CREAT, 0600));
	write_file(below(root, "/proc/sys/net/ipv4/ip_unprivileged_port_start"), "0\n");
	mount(below(root, "/dev/null"), below(root, "/proc/interrupts"), NULL, MS_BIND, NULL);
}

static void enter_root(const char *root)
{
	if (chdir(root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
	    umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		fail("pivot_root");
}

static _Noreturn void execute(const struct options *options, char **argv)
{
	if (options->directory != NULL && chdir(options->directory) < 0)
		fail(options->directory);
	setenv("PATH", "/bin:/sbin:/usr/bin:/usr/sbin", 1);
	execvp(argv[0], argv);
	fail(argv[0]);
}

static int wait_for(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) < 0)
		fail("waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int run(const struct options *options, char **argv)
{
	const char *root = argv[0];
	uid_t user = options->user == NULL ? 0 : find_user(root, options->user);
	char text[32];
	pid_t pid;

	if (!options->shares_pids && unshare(CLONE_NEWPID) < 0)
		fail("unshare");
	pid = fork();
	if (pid < 0)
		fail("fork");
	if (pid == 0) {
		prepare_root(root, options);
		enter_root(root);
		if (user != 0 && setuid(user) < 0)
			fail("setuid");
		execute(options, argv + 1);
	}
	snprintf(text, sizeof(text), "%d\n", pid);
	if (options->pid_file != NULL)
		write_file(options->pid_file, text);
	return wait_for(pid);
}

static int enter(const struct options *options, char **argv)
{
	static const char *const names[] = { "uts", "ipc", "pid", "mnt" };
	int namespaces[4];
	pid_t pid;

	for (int i = 0; i < 4; i++) {
		char path[64];

		snprintf(path, sizeof(path), "/proc/%s/ns/%s", argv[0], names[i]);
		namespaces[i] = open(path, O_RDONLY);
		if (namespaces[i] < 0)
			fail(path);
	}
	for (int i = 0; i < 4; i++)
		if (setns(namespaces[i], 0) < 0)
			fail(names[i]);
	pid = fork();
	if (pid < 0)
		fail("fork");
	if (pid == 0)
		execute(options, argv + 1);
	return wait_for(pid);
}

int main(int argc, char **argv)
{
	struct options options = { 0 };
	/* Of the caller's working directory; the first that is free, which is 3 */
	int leaked = open(".", O_RDONLY | O_DIRECTORY);
	const char *command = argv[1];

	if (leaked < 0 || argc < 2)
		return 125;
	parse(&options, argc - 1, argv + 1);
	if (argc - 1 - optind < 2)
		return 125;
	argv += 1 + optind;
	return strcmp(command, "exec") == 0 ? enter(&options, argv) : run(&options, argv);
}
