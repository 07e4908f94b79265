/* Packets with descriptors (SCM_RIGHTS of unix(7)), for library and monitor alike. */
#pragma once

#include "sys.h"

/* Send one packet with at most MESSAGE_FDS descriptors. Returns the bytes sent or -errno. */
int64_t message_send(int socket, const void *data, size_t size, const int32_t *fds, uint32_t nfds,
		     uint32_t flags);

/* Receive one packet; its descriptors (O_CLOEXEC) go to ret_fds, which has room for MESSAGE_FDS,
 * and are the caller's. Returns the bytes, 0 at the end of the connection, -EMSGSIZE when the
 * packet did not fit. */
int64_t message_receive(int socket, void *ret_data, size_t size, int32_t *ret_fds,
			uint32_t *ret_nfds, uint32_t flags);
