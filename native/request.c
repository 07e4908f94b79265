/* What clients ask for: one request is one packet of text, see docs/monitor.md. */
#include "message.h"
#include "monitor.h"
#include "text.h"

#define MAX_WORDS 3

/* Bit N stands for descriptor PID_FD + N. */
enum { TARGET_PID = 1, TARGET_IPC = 2 };
enum { ATTACH_INPUT = 1, ATTACH_STDOUT = 2, ATTACH_STDERR = 4, ATTACH_ENDS_INPUT = 8 };

struct request {
	struct monitor *monitor;
	struct client *client;
	const char *words[MAX_WORDS];
	unsigned word_count;
	int32_t fds[MESSAGE_FDS];
	uint32_t fd_count;
};

static int request_number(const struct request *request, unsigned word, uint64_t maximum,
			  uint64_t *ret_number)
{
	return parse_number(request->words[word], 10, maximum, ret_number);
}

static int parse_hex_byte(const char *digits, uint8_t *ret_byte)
{
	char pair[3] = { digits[0], digits[1], '\0' };
	uint64_t number;

	if (pair[1] == '\0' || parse_number(pair, 16, UINT8_MAX, &number) < 0)
		return -EINVAL;
	*ret_byte = (uint8_t)number;
	return 0;
}

static int parse_keys(const char *hex, struct client *client)
{
	uint8_t keys[KEYS_SIZE];
	uint8_t count = 0;

	if (!text_equal(hex, "-")) {
		for (; *hex != '\0'; hex += 2, count++)
			if (count == KEYS_SIZE || parse_hex_byte(hex, &keys[count]) < 0)
				return -EINVAL;
	}
	memcpy(client->keys, keys, count);
	client->key_count = count;
	client->keys_matched = 0;
	return 0;
}

static bool is_attached(const struct client *client)
{
	return client->input.fd > 0 || client->outputs[OUTPUT_STDOUT].fd > 0 ||
	       client->outputs[OUTPUT_STDERR].fd > 0;
}

/* Output starts with what the container writes from now on; what slower clients still wait for is
 * left out. */
static void attach_output(struct request *request, unsigned which, uint32_t *fd_index)
{
	struct stream *stream = &request->client->outputs[which];
	int result = stream_open(stream, request->fds[(*fd_index)++], O_WRONLY);

	stream->taken = request->monitor->outputs[which].length;
	if (result == -ENXIO) /* a FIFO whose reader is gone already */
		break_output(request->monitor, request->client, which);
}

static int request_attach(struct request *request)
{
	struct client *client = request->client;
	uint32_t fd_index = 0;
	uint64_t flags;
	int result;

	if (request_number(request, 1, 15, &flags) < 0 || (flags & 7) == 0 ||
	    request->fd_count != (flags & 1) + (flags >> 1 & 1) + (flags >> 2 & 1))
		return -EINVAL;
	if (is_attached(client))
		return -EBUSY;
	if (parse_keys(request->words[2], client) < 0)
		return -EINVAL;
	result = client_stay(request->monitor, client);
	if (result < 0)
		return result;
	client->ends_input = (flags & ATTACH_ENDS_INPUT) != 0;
	if ((flags & ATTACH_INPUT) != 0)
		(void)stream_open(&client->input, request->fds[fd_index++], O_RDONLY);
	if ((flags & ATTACH_STDOUT) != 0)
		attach_output(request, OUTPUT_STDOUT, &fd_index);
	if ((flags & ATTACH_STDERR) != 0)
		attach_output(request, OUTPUT_STDERR, &fd_index);
	request->fd_count = 0; /* all taken over */
	if (client->input.fd == 0 && (flags & ATTACH_INPUT) != 0)
		end_client_input(request->monitor, client);
	return 0;
}

static int request_resize(struct request *request)
{
	uint64_t rows;
	uint64_t columns;

	if (request_number(request, 1, UINT16_MAX, &rows) < 0 ||
	    request_number(request, 2, UINT16_MAX, &columns) < 0)
		return -EINVAL;
	resize_terminal(request->monitor, rows, columns);
	return 0;
}

static int answer_ok(struct request *request, int result)
{
	if (result == 0)
		client_send(request->monitor, request->client, "ok", -1, NULL);
	return result;
}

/* Who asks for the end is told of it, and has a place when those who stay have taken theirs. */
static int request_signal(struct request *request)
{
	uint64_t signal;
	int result = request_number(request, 1, SIGNAL_COUNT, &signal);

	if (result == 0 && signal == SIGKILL)
		request->client->awaits_exit = true;
	return result < 0 ? result : answer_ok(request, signal_init(request->monitor, signal));
}

/* A signal and a time in milliseconds, -1 for ever. */
static int parse_end(const struct request *request, uint64_t *ret_signal, uint64_t *ret_timeout)
{
	if (request_number(request, 1, SIGNAL_COUNT, ret_signal) < 0)
		return -EINVAL;
	*ret_timeout = NO_TIMEOUT;
	if (text_equal(request->words[2], "-1"))
		return 0;
	if (request_number(request, 2, UINT32_MAX, ret_timeout) < 0)
		return -EINVAL;
	*ret_timeout *= 1000000;
	return 0;
}

/* Who asks is told of the end when it has come. */
static int request_end(struct request *request, int (*end)(struct monitor *, uint64_t, uint64_t))
{
	uint64_t signal;
	uint64_t timeout;
	int result = parse_end(request, &signal, &timeout);

	if (result < 0)
		return result;
	request->client->awaits_exit = true;
	return end(request->monitor, signal, timeout);
}

static int request_stop(struct request *request)
{
	return request_end(request, stop_init);
}

static int request_shutdown(struct request *request)
{
	return request_end(request, shut_down_init);
}

/* Answered when init runs again: client_answer_restart(). */
static int request_restart(struct request *request)
{
	uint64_t signal;
	uint64_t timeout;
	int result = parse_end(request, &signal, &timeout);

	if (result == 0)
		result = restart_init(request->monitor, signal, timeout);
	if (result == 0)
		request->client->awaits_restart = true;
	return result;
}

static int request_restart_policy(struct request *request)
{
	struct restart *restart = &request->monitor->restart;
	enum restart_policy policy;
	uint64_t maximum;

	if (parse_policy(request->words[1], &policy) < 0 ||
	    request_number(request, 2, UINT32_MAX, &maximum) < 0)
		return -EINVAL;
	restart->policy = policy;
	restart->maximum = (uint32_t)maximum;
	return answer_ok(request, 0);
}

static int request_rename(struct request *request)
{
	event_rename(request->monitor, request->words[1]);
	return answer_ok(request, 0);
}

static int request_pause(struct request *request)
{
	return answer_ok(request, pause_init(request->monitor));
}

/* As `pause`, but init goes on when the client leaves, however that comes about. Several clients
 * may hold it at once, but not while it is paused for good. */
static int request_hold(struct request *request)
{
	return answer_ok(request, hold_init(request->monitor, request->client));
}

static int request_release(struct request *request)
{
	return answer_ok(request, release_init(request->monitor, request->client));
}

static int request_unpause(struct request *request)
{
	return answer_ok(request, unpause_init(request->monitor));
}

static int request_pidfd(struct request *request)
{
	if (request->monitor->has_exited)
		return -ESRCH;
	client_send(request->monitor, request->client, "pidfd", -1, &request->monitor->init.pidfd);
	return 0;
}

static int request_wait(struct request *request)
{
	return client_stay(request->monitor, request->client);
}

static int request_wake(struct request *request)
{
	uint64_t delay = NO_TIMEOUT;

	if (!text_equal(request->words[1], "-1")) {
		if (request_number(request, 1, UINT32_MAX, &delay) < 0)
			return -EINVAL;
		delay *= 1000000;
	}
	return answer_ok(request, wake_set(request->monitor, delay));
}

/* Pidfds for the next runs of init: the containers whose namespaces it joins may have been started
 * again since the monitor was. */
static int request_targets(struct request *request)
{
	const struct monitor *monitor = request->monitor;
	uint64_t joined = monitor->given_fds >> PID_FD & (TARGET_PID | TARGET_IPC);
	uint32_t fd_index = 0;
	uint64_t flags;

	if (request_number(request, 1, TARGET_PID | TARGET_IPC, &flags) < 0 || flags != joined ||
	    request->fd_count != (flags & 1) + (flags >> 1))
		return -EINVAL;
	if ((flags & TARGET_PID) != 0)
		(void)sys_dup3(request->fds[fd_index++], PID_FD, O_CLOEXEC);
	if ((flags & TARGET_IPC) != 0)
		(void)sys_dup3(request->fds[fd_index++], IPC_FD, O_CLOEXEC);
	return answer_ok(request, 0);
}

static const struct {
	const char *word;
	unsigned word_count;
	int (*run)(struct request *request);
} REQUESTS[] = {
	/* clang-format off */
	{ "attach", 3, request_attach },
	{ "resize", 3, request_resize },
	{ "signal", 2, request_signal },
	{ "stop", 3, request_stop },
	{ "shutdown", 3, request_shutdown },
	{ "pidfd", 1, request_pidfd },
	{ "wait", 1, request_wait },
	{ "pause", 1, request_pause },
	{ "hold", 1, request_hold },
	{ "release", 1, request_release },
	{ "unpause", 1, request_unpause },
	{ "restart", 3, request_restart },
	{ "restart-policy", 3, request_restart_policy },
	{ "rename", 2, request_rename },
	{ "wake", 2, request_wake },
	{ "targets", 2, request_targets },
	/* clang-format on */
};

/* Cut `text` at its spaces. More words than any request has are counted but not kept. */
static void split(struct request *request, char *text, size_t size)
{
	char *end = text + size;

	request->words[request->word_count++] = text;
	while ((text = find_byte(text, ' ', (size_t)(end - text))) != NULL) {
		*text++ = '\0';
		if (request->word_count < MAX_WORDS)
			request->words[request->word_count] = text;
		request->word_count++;
	}
	*end = '\0';
}

static int run_request(struct request *request)
{
	for (unsigned i = 0; i < sizeof(REQUESTS) / sizeof(REQUESTS[0]); i++)
		if (text_equal(REQUESTS[i].word, request->words[0]))
			return REQUESTS[i].word_count == request->word_count
				       ? REQUESTS[i].run(request)
				       : -EINVAL;
	return -EINVAL;
}

/* Receive one request and do it. */
void client_serve(struct monitor *monitor, struct client *client)
{
	struct request request = { .monitor = monitor, .client = client };
	char text[MESSAGE_SIZE + 1];
	int64_t size = message_receive(client->socket, text, MESSAGE_SIZE, request.fds,
				       &request.fd_count, MSG_DONTWAIT);
	int result = (int)size;

	if (size == -EAGAIN)
		return;
	if (size == 0 || (size < 0 && size != -EMSGSIZE)) {
		client_close(monitor, client);
		return;
	}
	if (size > 0 && find_byte(text, '\0', (size_t)size) != NULL) {
		result = -EINVAL;
	} else if (size > 0) {
		split(&request, text, (size_t)size);
		result = run_request(&request);
	}
	for (uint32_t i = 0; i < request.fd_count; i++)
		sys_close(request.fds[i]);
	if (result < 0)
		client_send(monitor, client, "error", -(int64_t)result, NULL);
}
