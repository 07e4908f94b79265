/* The connections of clients, and what they are told: one answer is one packet of text, see
 * docs/monitor.md. */
#include "message.h"
#include "monitor.h"
#include "text.h"

#define ANSWER_SIZE 64
#define ACCEPT_PAUSE UINT64_C(100000000)

/* Read away what the client still sends: closing a socket with unread packets would make the client
 * see ECONNRESET in place of the answers it has not read yet. */
static void drop_requests(int socket)
{
	int32_t fds[MESSAGE_FDS];
	uint32_t count = 0;
	char byte;
	int64_t result;

	(void)SYS(shutdown, socket, SHUT_RD);
	do {
		result = message_receive(socket, &byte, sizeof(byte), fds, &count, MSG_DONTWAIT);
		for (; result > 0 && count > 0; count--)
			sys_close(fds[count - 1]);
	} while (result > 0 || result == -EMSGSIZE);
}

/* What nobody else waits for is forgotten, so that the monitor reads from the container again. */
static void drop_outputs(struct monitor *monitor, struct client *client)
{
	for (unsigned i = 0; i < OUTPUT_COUNT; i++) {
		close_stream(&client->outputs[i].fd);
		pump_client_output(monitor, client, i);
	}
}

void client_close(struct monitor *monitor, struct client *client)
{
	bool was_reading = client->input.fd > 0;

	drop_requests(client->socket);
	if (is_engine(monitor, client))
		monitor->has_engine = false;
	close_stream(&client->socket);
	if (was_reading)
		end_client_input(monitor, client);
	drop_outputs(monitor, client);
	(void)release_init(monitor, client);
	*client = (struct client){ 0 };
}

void client_send(struct monitor *monitor, struct client *client, const char *word, int64_t number,
		 const int *fd)
{
	char storage[ANSWER_SIZE];
	struct text text = TEXT(storage);

	text_add(&text, word);
	if (number >= 0) {
		text_add(&text, " ");
		text_add_number(&text, (uint64_t)number);
	}
	if (message_send(client->socket, storage, text.length, fd, fd == NULL ? 0 : 1,
			 MSG_DONTWAIT) < 0)
		client_close(monitor, client);
}

void client_detach(struct monitor *monitor, struct client *client)
{
	close_stream(&client->input.fd);
	drop_outputs(monitor, client);
	/* The engine is told of the end all the same: that is how it is known to be there still */
	client->awaits_exit = is_engine(monitor, client);
	client_send(monitor, client, "detached", -1, NULL);
}

static struct client *find_free_client(struct monitor *monitor)
{
	for (unsigned i = 0; i < CLIENT_COUNT; i++)
		if (monitor->clients[i].socket == 0)
			return &monitor->clients[i];
	return NULL;
}

/* Who is refused is told why, also when a request has been sent already. */
static void refuse(int socket)
{
	char storage[ANSWER_SIZE];
	struct text text = TEXT(storage);

	text_add(&text, "error ");
	text_add_number(&text, EUSERS);
	(void)message_send(socket, storage, text.length, NULL, 0, MSG_DONTWAIT);
	drop_requests(socket);
	sys_close(socket);
}

/* Without a free descriptor the connection stays in the queue, and poll(2) would never wait. */
void client_accept(struct monitor *monitor)
{
	struct client *client = find_free_client(monitor);
	int socket = (int)SYS(accept4, monitor->listener, 0, 0, SOCK_CLOEXEC);

	if (socket >= 0 && client != NULL)
		client->socket = socket;
	else if (socket >= 0)
		refuse(socket);
	else if (socket != -EAGAIN && socket != -ECONNABORTED)
		monitor->accepts_at = sys_clock(CLOCK_STEADY) + ACCEPT_PAUSE;
}

static bool is_staying(const struct client *client)
{
	return client->socket > 0 && (client->awaits_exit || client->has_exit);
}

int client_stay(struct monitor *monitor, struct client *client)
{
	unsigned count = 0;

	for (unsigned i = 0; i < CLIENT_COUNT; i++)
		count += is_staying(&monitor->clients[i]) ? 1 : 0;
	if (!is_staying(client) && count >= STAYING_COUNT)
		return -EUSERS;
	client->awaits_exit = true;
	return 0;
}

/* Whether an attached output has not taken all yet. */
bool client_is_pending(const struct monitor *monitor, const struct client *client)
{
	for (unsigned i = 0; i < OUTPUT_COUNT; i++) {
		const struct stream *stream = &client->outputs[i];

		if (stream->fd > 0 && stream->taken < stream_end(stream, &monitor->outputs[i]))
			return true;
	}
	return false;
}

void client_end_run(struct monitor *monitor, struct client *client)
{
	if (client->socket == 0 || !client->awaits_exit)
		return;
	client->awaits_exit = false;
	client->has_exit = true;
	client->exit_code = monitor->exit_code;
	client->ends_input = false;
	close_stream(&client->input.fd);
	for (unsigned i = 0; i < OUTPUT_COUNT; i++) {
		struct stream *stream = &client->outputs[i];

		if (!stream->is_ending)
			stream->end = monitor->outputs[i].length;
		stream->is_ending = true;
	}
}

void client_tell_exit(struct monitor *monitor, struct client *client)
{
	if (!client->has_exit || client_is_pending(monitor, client))
		return;
	client->has_exit = false;
	for (unsigned i = 0; i < OUTPUT_COUNT; i++)
		close_stream(&client->outputs[i].fd);
	client_send(monitor, client, "exited", client->exit_code, NULL);
	if (is_engine(monitor, client))
		monitor->has_told_engine = monitor->is_finished;
}

void client_answer_restart(struct monitor *monitor, struct client *client, int result)
{
	char storage[ANSWER_SIZE];
	struct text text = TEXT(storage);

	if (!client->awaits_restart)
		return;
	client->awaits_restart = false;
	if (result == 0) {
		client_send(monitor, client, "ok", -1, NULL);
		return;
	}
	text_add(&text, "failed ");
	text_add_number(&text, monitor->failed_index);
	(void)text_end(&text);
	client_send(monitor, client, storage, -(int64_t)result, NULL);
}

void client_refuse_restart(struct monitor *monitor, struct client *client)
{
	if (!client->awaits_restart)
		return;
	client->awaits_restart = false;
	client_send(monitor, client, "error", ECANCELED, NULL);
}
