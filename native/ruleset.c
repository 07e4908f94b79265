/*
 * The nf_tables table of the host that its networks need, put back when another program has removed
 * it: docs/monitor.md, "Ruleset". What is sent to the kernel is a file of the engine's.
 */
#include "steps.h"
#include "text.h"
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#define MILLISECOND UINT64_C(1000000)
#define FIRST_PAUSE (100 * MILLISECOND)
#define MAX_PAUSE (1000 * MILLISECOND)
#define MAX_FAILURES 6
#define MAX_BATCH_SIZE (UINT64_C(64) << 20)

/* A burst of changes is soon too much for it. Then the kernel says ENOBUFS, which costs everybody
 * less than to read of changes that do not matter. */
#define RECEIVE_BUFFER_SIZE (32 << 10)
/* Read in one turn of the poll loop; others want to be served too. */
#define MAX_READS 32

#define NFT_MESSAGE(type) (NFNL_SUBSYS_NFTABLES << 8 | (type))
/* NFT_MSG_DESTROYTABLE, a removal that does not mind when there is none, since Linux 6.3. */
#define DESTROY_TABLE NFT_MESSAGE(26)

struct table_request {
	struct nlmsghdr header;
	struct nfgenmsg family;
	struct nlattr attribute;
	char name[NFT_TABLE_MAXNAMELEN];
};

struct table_answer { /* the beginning of it */
	struct nlmsghdr header;
	int32_t error; /* of NLMSG_ERROR: -errno */
};

/* A socket in the network namespace of the monitor, which is the host's. */
static int open_netfilter(void)
{
	return (int)SYS(socket, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
}

static int64_t send_to_kernel(int socket, const void *data, size_t size)
{
	return SYS(sendto, socket, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* What other processes of the namespace send is not believed; nor is it read for ever. Returns the
 * size of the whole message, which may be more than there is room for, or -errno. */
static int64_t receive_from_kernel(int socket, void *data, size_t size)
{
	for (unsigned i = 0; i < MAX_READS; i++) {
		struct sockaddr_nl sender = { 0 };
		int32_t length = sizeof(sender);
		int64_t got = SYS(recvfrom, socket, data, size, MSG_DONTWAIT | MSG_TRUNC, &sender,
				  &length);

		if (got < 0 || sender.nl_pid == 0)
			return got;
	}
	return -EAGAIN;
}

/* The kernel answers before sendto returns. Returns 1 when the table is there, 0 when not, or
 * -errno: -EINVAL where there is no nf_tables. */
static int find_table(const char *table)
{
	cleanup_close int socket = open_netfilter();
	size_t length = text_length(table) + 1;
	struct table_request request = {
		.header = {
			.nlmsg_len = (uint32_t)NLMSG_ALIGN(offsetof(struct table_request, name) +
							   length),
			.nlmsg_type = NFT_MESSAGE(NFT_MSG_GETTABLE),
			.nlmsg_flags = NLM_F_REQUEST,
		},
		.family = { .nfgen_family = NFPROTO_INET },
		.attribute = { (uint16_t)(sizeof(request.attribute) + length), NFTA_TABLE_NAME },
	};
	struct table_answer answer = { 0 };
	int64_t result = socket;

	memcpy(request.name, table, length);
	if (result >= 0)
		result = send_to_kernel(socket, &request, request.header.nlmsg_len);
	if (result >= 0)
		result = receive_from_kernel(socket, &answer, sizeof(answer));
	if (result < 0)
		return (int)result;
	if (answer.header.nlmsg_type != NLMSG_ERROR)
		return 1;
	return answer.error == -ENOENT ? 0 : answer.error;
}

/* The kernel does all that the file says, or nothing, before sendto returns; its answers are not
 * read, but find_table() asked again. No byte of the file becomes this process's: it is mapped, and
 * one that is cut meanwhile is EFAULT. Returns >= 0 or -errno. */
static int64_t send_batch(const char *path)
{
	cleanup_close int file = sys_openat(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	cleanup_close int socket = file < 0 ? file : open_netfilter();
	struct statx status = { 0 };
	int64_t result = socket < 0 ? socket : sys_statx(file, &status);
	void *data;
	int size;

	if (result < 0)
		return result;
	if (status.stx_size > MAX_BATCH_SIZE)
		return -EFBIG;
	data = sys_map(file, status.stx_size);
	if (data == NULL)
		return -ENOMEM;
	size = (int)status.stx_size;
	(void)SYS(setsockopt, socket, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	result = send_to_kernel(socket, data, status.stx_size);
	sys_free(data, status.stx_size);
	return result;
}

/* Of several monitors that find it missing the kernel lets one make it: the batch is refused with
 * EEXIST when the table is there. */
static bool put_back(const struct ruleset *ruleset)
{
	if (find_table(ruleset->table) > 0)
		return true;
	return send_batch(ruleset->path) > 0 && find_table(ruleset->table) > 0;
}

static void try_soon(struct ruleset *ruleset)
{
	ruleset->failures = 0;
	ruleset->try_at = sys_clock(CLOCK_STEADY);
}

/* The file may be missing for a moment, and the kernel short of memory. A file that stays away says
 * that no network is up. */
void ruleset_run_timer(struct ruleset *ruleset)
{
	uint64_t now = sys_clock(CLOCK_STEADY);
	uint64_t pause = FIRST_PAUSE << ruleset->failures;

	if (ruleset->try_at == 0 || now < ruleset->try_at)
		return;
	ruleset->try_at = 0;
	if (put_back(ruleset) || ruleset->failures == MAX_FAILURES)
		return;
	ruleset->failures++;
	ruleset->try_at = now + (pause < MAX_PAUSE ? pause : MAX_PAUSE);
}

static bool tells_removal(const char *data, size_t size)
{
	struct nlmsghdr message;
	size_t length;

	for (; size >= sizeof(message); data += length, size -= length) {
		memcpy(&message, data, sizeof(message));
		if (message.nlmsg_len < sizeof(message) || message.nlmsg_len > size)
			return false;
		if (message.nlmsg_type == NFT_MESSAGE(NFT_MSG_DELTABLE) ||
		    message.nlmsg_type == DESTROY_TABLE)
			return true;
		length = NLMSG_ALIGN(message.nlmsg_len);
		if (length > size)
			return false;
	}
	return false;
}

/* Whichever table was removed, and whatever was in notifications that are lost: find_table() knows.
 * When the kernel has said ENOBUFS it says nothing of what it drops from then on, until the socket
 * is empty: only then can it be asked for the last time. */
void ruleset_read_changes(struct monitor *monitor)
{
	struct ruleset *ruleset = &monitor->ruleset;

	for (unsigned i = 0; i < MAX_READS; i++) {
		int64_t got =
			receive_from_kernel(ruleset->socket, ruleset->data, NOTIFICATION_SIZE);

		if (got == -EAGAIN) {
			if (ruleset->has_lost)
				try_soon(ruleset);
			ruleset->has_lost = false;
			return;
		}
		if (got > PAGE_SIZE)
			monitor->has_used_buffers = true;
		if (got < 0)
			ruleset->has_lost = true;
		else if (got > NOTIFICATION_SIZE || tells_removal(ruleset->data, (size_t)got))
			try_soon(ruleset);
	}
}

void ruleset_end(struct ruleset *ruleset)
{
	close_stream(&ruleset->socket);
	ruleset->try_at = 0;
}

/* The table may have been removed since the engine has looked. */
int step_ruleset(struct monitor *monitor, const struct step *step)
{
	const struct sockaddr_nl address = {
		.nl_family = AF_NETLINK,
		.nl_groups = 1U << (NFNLGRP_NFTABLES - 1),
	};
	const int buffer_size = RECEIVE_BUFFER_SIZE;
	struct ruleset *ruleset = &monitor->ruleset;
	int result;

	ruleset->table = step_text(step, 0);
	ruleset->path = step_text(step, 1);
	if (text_length(ruleset->table) >= NFT_TABLE_MAXNAMELEN)
		return -EINVAL;
	result = open_netfilter();
	if (result < 0)
		return result;
	ruleset->socket = result;
	(void)SYS(setsockopt, ruleset->socket, SOL_SOCKET, SO_RCVBUF, &buffer_size,
		  sizeof(buffer_size));
	result = (int)SYS(bind, ruleset->socket, &address, sizeof(address));
	if (result == 0)
		result = find_table(ruleset->table);
	if (result == 0)
		try_soon(ruleset);
	return result < 0 ? result : 0;
}
