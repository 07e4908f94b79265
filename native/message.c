#include "message.h"
#include "text.h"

#define RIGHTS_HEADER offsetof(struct rights, fds)

int64_t message_send(int socket, const void *data, size_t size, const int32_t *fds, uint32_t nfds,
		     uint32_t flags)
{
	struct iovec part = { (void *)(uintptr_t)data, size };
	struct rights rights = { .level = SOL_SOCKET, .type = SCM_RIGHTS };
	struct message_header message = { .parts = &part, .part_count = 1 };

	if (nfds > MESSAGE_FDS)
		return -EINVAL;
	if (nfds > 0) {
		rights.length = RIGHTS_HEADER + nfds * sizeof(fds[0]);
		memcpy(rights.fds, fds, nfds * sizeof(fds[0]));
		message.control = &rights;
		message.control_length = rights.length;
	}
	return sys_send(socket, &message, flags);
}

int64_t message_receive(int socket, void *ret_data, size_t size, int32_t *ret_fds,
			uint32_t *ret_nfds, uint32_t flags)
{
	struct iovec part = { ret_data, size };
	struct rights rights = { 0 };
	struct message_header message = {
		.parts = &part,
		.part_count = 1,
		.control = &rights,
		.control_length = sizeof(rights),
	};
	int64_t received = sys_receive(socket, &message, flags);
	uint32_t count = 0;

	if (received < 0)
		return received;
	if (message.control_length >= RIGHTS_HEADER && rights.level == SOL_SOCKET &&
	    rights.type == SCM_RIGHTS)
		count = (uint32_t)((rights.length - RIGHTS_HEADER) / sizeof(rights.fds[0]));
	if ((message.flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
		for (uint32_t i = 0; i < count; i++)
			sys_close(rights.fds[i]);
		return -EMSGSIZE;
	}
	memcpy(ret_fds, rights.fds, count * sizeof(rights.fds[0]));
	*ret_nfds = count;
	return received;
}
