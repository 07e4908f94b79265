/*
 * Keys that are handed down through every namespace: keyrings(7).
 *
 *   keys hold SECRET COMMAND...    run a command in a session that holds a key
 *   keys read                      print the key of the session, if there is one
 */
#include <errno.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char TYPE[] = "user", NAME[] = "wherry-host-key";

static int hold(char **argv)
{
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 ||
	    syscall(SYS_add_key, TYPE, NAME, argv[0], strlen(argv[0]), KEY_SPEC_SESSION_KEYRING) <
		    0) {
		perror("keys");
		return 1;
	}
	execvp(argv[1], argv + 1);
	return 127;
}

static int read_key(void)
{
	long key = syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, TYPE, NAME, 0);
	char secret[256];
	long size = key < 0 ? -1 : syscall(SYS_keyctl, KEYCTL_READ, key, secret, sizeof(secret));

	if (size < 0)
		printf("no key: %s\n", strerror(errno));
	else
		printf("read %.*s\n", (int)size, secret);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 3 && strcmp(argv[1], "hold") == 0)
		return hold(argv + 2);
	return argc == 2 && strcmp(argv[1], "read") == 0 ? read_key() : 2;
}
