/* The pseudo-terminal: opened by the child in the container's own devpts, served by the monitor. */
#include "inside.h"
#include "steps.h"
#include <linux/magic.h>

struct window_size { /* of ioctl_tty(2) */
	uint16_t rows, columns, x_pixels, y_pixels;
};

/* The master of a new pty. devpts is verified, so that an image cannot offer a device of its own.
 */
static int open_master(struct child *child)
{
	cleanup_close int dir =
		inside_open(child, "/dev/pts", O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS);
	struct file_system file_system;
	int result = dir < 0 ? dir : sys_fstatfs(dir, &file_system);

	if (result < 0)
		return result;
	if (file_system.type != DEVPTS_SUPER_MAGIC)
		return -EXDEV;
	return sys_openat(dir, "ptmx", O_RDWR | O_NOCTTY, 0);
}

/* The slave straight from its master, without a path that could be another pty's (ioctl_tty(2)). */
static int open_slave(int master)
{
	return sys_ioctl(master, TIOCGPTPEER, (void *)(uintptr_t)(O_RDWR | O_NOCTTY | O_CLOEXEC));
}

/* /dev/console is the terminal in a container that has one, as in docker. */
static int attach_console(struct child *child, int slave)
{
	cleanup_close int target = -1;
	cleanup_close int tree = -1;
	cleanup_close int dev = inside_open(child, "/dev", O_PATH | O_DIRECTORY, 0);
	int result = dev < 0 ? dev : sys_mknodat(dev, "console", S_IFREG | 0600, 0);

	if (result < 0 && result != -EEXIST)
		return result;
	target = sys_openat2(dev, "console", O_PATH, RESOLVE_NO_SYMLINKS);
	if (target < 0)
		return target;
	tree = sys_open_tree(slave, "", OPEN_TREE_CLONE | AT_EMPTY_PATH);
	return tree < 0 ? tree : sys_move_mount(tree, target);
}

static int use_slave(int slave)
{
	int result = 0;

	for (int fd = 0; fd <= 2 && result >= 0; fd++)
		result = sys_dup3(slave, fd, 0);
	return result < 0 ? result : sys_ioctl(0, TIOCSCTTY, NULL);
}

/* pty(7). The child is a session leader already and takes the slave as its controlling terminal. */
int step_terminal(struct child *child, const struct step *step)
{
	struct window_size size = { .rows = (uint16_t)step_number(step, 0),
				    .columns = (uint16_t)step_number(step, 1) };
	struct report report = { REPORT_TERMINAL, step->index, 0 };
	cleanup_close int master = open_master(child);
	cleanup_close int slave = -1;
	int result = master < 0 ? master : sys_ioctl(master, TIOCSPTLCK, &(int){ 0 });

	if (result < 0)
		return result;
	slave = open_slave(master);
	if (slave < 0)
		return slave;
	if (size.rows != 0 || size.columns != 0)
		(void)sys_ioctl(master, TIOCSWINSZ, &size);
	result = child->has_joined ? 0 : attach_console(child, slave);
	if (result == 0)
		result = use_slave(slave);
	if (result == 0)
		child_report(&report, &master);
	return result;
}

/* The monitor holds a slave of its own. Without one the master would report a hang-up, and keep
 * poll(2) busy, while no process of the container has the terminal open. */
void open_terminal(struct monitor *monitor, int master)
{
	(void)sys_fcntl(master, F_SETFL, O_NONBLOCK);
	monitor->outputs[OUTPUT_STDOUT].fd = master;
	monitor->input.fd = sys_fcntl(master, F_DUPFD_CLOEXEC, START_FDS);
	monitor->slave = open_slave(master);
}

/* A session leader that ends hangs its terminal up for all, so the slave is opened again. */
int reopen_slave(struct monitor *monitor)
{
	close_stream(&monitor->slave);
	monitor->slave = open_slave(monitor->outputs[OUTPUT_STDOUT].fd);
	return monitor->slave;
}

void resize_terminal(struct monitor *monitor, uint64_t rows, uint64_t columns)
{
	struct window_size size = { .rows = (uint16_t)rows, .columns = (uint16_t)columns };

	if (monitor->stdio == STDIO_TERMINAL && monitor->outputs[OUTPUT_STDOUT].fd > 0)
		(void)sys_ioctl(monitor->outputs[OUTPUT_STDOUT].fd, TIOCSWINSZ, &size);
}
