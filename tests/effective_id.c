/* Prints the real and the effective user: what a set-user-ID program becomes, rights_test.ts. */
#include <stdio.h>
#include <unistd.h>

int main(void)
{
	printf("%u %u\n", getuid(), geteuid());
	return 0;
}
