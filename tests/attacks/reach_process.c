/*
 * Ends or traces a process that is not of the container, an engine's for example.
 *
 *   reach_process trace|kill PID...      0 stands for the parent
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int traces = argc > 1 && strcmp(argv[1], "trace") == 0;

	for (int i = 2; i < argc; i++) {
		pid_t pid = atoi(argv[i]);
		long result;

		if (pid == 0)
			pid = getppid();
		/* A parent outside of the pid namespace is 0, which to kill(2) would be this
		 * process group */
		errno = ESRCH;
		result = pid == 0 ? -1
			 : traces ? ptrace(PTRACE_SEIZE, pid, NULL, NULL)
				  : kill(pid, SIGKILL);
		printf("%s\n", result == 0 ? "reached" : strerror(errno));
	}
	return 0;
}
