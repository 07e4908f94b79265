/* libwherry.so: what TypeScript cannot do by itself (wherry.h). Freestanding; only
 * snapshot.c has a global, and looks up some of the C library. */
#include "message.h"
#include "wherry.h"

#define EXPORT __attribute__((visibility("default")))

EXPORT int32_t wherry_abi(void)
{
	return WHERRY_ABI;
}

/* Not retried on EINTR: the caller sees what the kernel said. */
EXPORT int64_t wherry_syscall(int64_t number, int64_t a, int64_t b, int64_t c, int64_t d, int64_t e,
			      int64_t f)
{
	return arch_syscall(number, a, b, c, d, e, f);
}

EXPORT int32_t wherry_send(int32_t socket, const void *data, uint32_t size, const int32_t *fds,
			   uint32_t nfds)
{
	return (int32_t)message_send(socket, data, size, fds, nfds, 0);
}

EXPORT int32_t wherry_receive(int32_t socket, void *ret_data, uint32_t size, int32_t *ret_fds,
			      uint32_t *ret_nfds)
{
	return (int32_t)message_receive(socket, ret_data, size, ret_fds, ret_nfds, 0);
}
