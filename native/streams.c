/* Bytes between the container, its log and the clients. No descriptor here ever blocks the monitor.
 */
#include "inside.h"
#include "monitor.h"
#include "text.h"

#define END_OF_TRANSMISSION "\004"

static bool is_terminal(int fd)
{
	struct termios settings;

	return sys_ioctl(fd, TCGETS, &settings) == 0;
}

/* Terminals and FIFOs are opened again: O_NONBLOCK belongs to the open file, which the client
 * shares. */
static int reopen(int fd, int access)
{
	char path[FD_PATH_SIZE];
	int result = fd_path(fd, path);

	return result < 0 ? result : sys_openat(AT_FDCWD, path, access | O_NONBLOCK | O_NOCTTY, 0);
}

/* Take over `fd` of a client. A FIFO whose other end is closed stays without stream, like a broken
 * one. Returns 0 or -errno. */
int stream_open(struct stream *stream, int fd, int access)
{
	struct statx status = { 0 };
	uint32_t type;
	int own = fd;

	(void)sys_statx(fd, &status);
	type = status.stx_mode & S_IFMT;
	if (type == S_IFIFO || (type == S_IFCHR && is_terminal(fd))) {
		own = reopen(fd, access);
		sys_close(fd);
	}
	*stream = (struct stream){ .fd = own < 0 ? 0 : own, .is_socket = type == S_IFSOCK };
	return own < 0 ? own : 0;
}

static int64_t stream_read(const struct stream *stream, void *data, size_t size)
{
	if (stream->is_socket)
		return SYS(recvfrom, stream->fd, data, size, MSG_DONTWAIT, 0, 0);
	return sys_read(stream->fd, data, size);
}

static int64_t stream_write(const struct stream *stream, const void *data, size_t size)
{
	if (stream->is_socket)
		return SYS(sendto, stream->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL, 0, 0);
	return sys_write(stream->fd, data, size);
}

/* Write what a client typed to the container's stdin. A container that has closed it reads nothing
 * more. */
void pump_input(struct monitor *monitor)
{
	struct input *input = &monitor->input;

	while (input->fd > 0 && input->taken < input->length) {
		int64_t written = sys_write(input->fd, input->data + input->taken,
					    input->length - input->taken);

		if (written == -EAGAIN)
			return;
		if (written <= 0)
			close_stream(&input->fd);
		else
			input->taken += (uint32_t)written;
	}
	if (input->length > PAGE_SIZE)
		monitor->has_used_buffers = true;
	input->length = 0;
	input->taken = 0;
	if (input->is_ending)
		close_stream(&input->fd);
}

/* A terminal is not closed but told the end of input, as if ^D had been typed. */
void end_client_input(struct monitor *monitor, struct client *client)
{
	struct input *input = &monitor->input;

	close_stream(&client->input.fd);
	if (!client->ends_input)
		return;
	client->ends_input = false;
	if (monitor->stdio != STDIO_TERMINAL)
		input->is_ending = true;
	else if (input->length < INPUT_SIZE)
		input->data[input->length++] = END_OF_TRANSMISSION[0];
	pump_input(monitor);
}

/* Take the detach keys out of `size` bytes at data + KEYS_SIZE; the rest is moved to the front.
 * Keys typed in part are held back, and come first when the next byte shows that they were meant
 * for the container: the gap of KEYS_SIZE has room for them. Returns whether all keys were typed.
 */
static bool filter_keys(struct client *client, struct input *input, size_t size)
{
	const char *keys = (const char *)client->keys;

	for (size_t i = 0; i < size; i++) {
		char byte = input->data[KEYS_SIZE + i];

		if (byte != keys[client->keys_matched]) {
			memcpy(input->data + input->length, keys, client->keys_matched);
			input->length += client->keys_matched;
			client->keys_matched = 0;
		}
		if (byte == keys[client->keys_matched])
			client->keys_matched++;
		else
			input->data[input->length++] = byte;
		if (client->keys_matched == client->key_count)
			return true;
	}
	return false;
}

/* Called with nothing left in the input. */
static void take_last_keys(struct client *client, struct input *input)
{
	memcpy(input->data, client->keys, client->keys_matched);
	input->length = client->keys_matched;
	client->keys_matched = 0;
}

void pump_client_input(struct monitor *monitor, struct client *client)
{
	struct input *input = &monitor->input;
	bool is_detached = false;
	int64_t got;

	if (input->length > 0 || client->input.fd == 0)
		return;
	got = stream_read(&client->input, input->data + KEYS_SIZE, CHUNK_SIZE);
	if (got == -EAGAIN)
		return;
	if (got <= 0) {
		take_last_keys(client, input);
		end_client_input(monitor, client);
	} else if (client->key_count > 0) {
		is_detached = filter_keys(client, input, (size_t)got);
	} else {
		input->taken = KEYS_SIZE;
		input->length = KEYS_SIZE + (uint32_t)got;
	}
	pump_input(monitor);
	if (is_detached)
		client_detach(monitor, client);
}

/* Forget what every attached client has. */
static void settle(struct monitor *monitor, unsigned which)
{
	struct output *output = &monitor->outputs[which];

	for (unsigned i = 0; i < CLIENT_COUNT; i++) {
		const struct stream *stream = &monitor->clients[i].outputs[which];

		if (stream->fd > 0 && stream->taken < stream_end(stream, output))
			return;
	}
	for (unsigned i = 0; i < CLIENT_COUNT; i++) {
		monitor->clients[i].outputs[which].taken = 0;
		monitor->clients[i].outputs[which].end = 0;
	}
	if (output->length > PAGE_SIZE)
		monitor->has_used_buffers = true;
	output->length = 0;
}

static bool is_taken(const struct monitor *monitor, unsigned which)
{
	for (unsigned i = 0; i < CLIENT_COUNT; i++)
		if (monitor->clients[i].outputs[which].fd > 0)
			return true;
	return false;
}

/* The reader of the engine's own output is gone: so is the container's pipe, unless others read it
 * too, and what writes to it gets SIGPIPE as in any pipeline. Other clients only lose their stream.
 */
void break_output(struct monitor *monitor, const struct client *client, unsigned which)
{
	if (is_engine(monitor, client) && monitor->stdio != STDIO_TERMINAL &&
	    !is_taken(monitor, which))
		close_stream(&monitor->outputs[which].fd);
}

/* A stream that fails is lost, and only that one. */
static void feed(struct monitor *monitor, struct client *client, unsigned which)
{
	const struct output *output = &monitor->outputs[which];
	struct stream *stream = &client->outputs[which];

	while (stream->fd > 0 && stream->taken < stream_end(stream, output)) {
		int64_t written = stream_write(stream, output->data + stream->taken,
					       stream_end(stream, output) - stream->taken);

		if (written == -EAGAIN)
			return;
		if (written <= 0)
			close_stream(&stream->fd);
		else
			stream->taken += (uint32_t)written;
		if (written == -EPIPE)
			break_output(monitor, client, which);
	}
}

void pump_client_output(struct monitor *monitor, struct client *client, unsigned which)
{
	feed(monitor, client, which);
	settle(monitor, which);
}

/* When init has ended all that it wrote is in the pipe already: what descendants that still hold
 * the pipe go on writing is not waited for, or there might never be an end. A terminal hangs up
 * with its session's leader, but others may open it again: no terminal holds as much as a pipe. */
void limit_outputs(struct monitor *monitor)
{
	for (unsigned i = 0; i < OUTPUT_COUNT; i++) {
		struct output *output = &monitor->outputs[i];

		output->left = PIPE_SIZE;
		if (output->fd > 0 && monitor->stdio != STDIO_TERMINAL &&
		    sys_ioctl(output->fd, FIONREAD, &output->left) < 0)
			output->left = 0;
	}
}

/* How much to read at once. */
static size_t readable(const struct monitor *monitor, const struct output *output)
{
	size_t room = OUTPUT_SIZE - output->length;

	if (room > CHUNK_SIZE)
		room = CHUNK_SIZE;
	if (monitor->has_exited && room > (size_t)output->left)
		room = (size_t)output->left;
	return room;
}

/* After init's end EAGAIN is the end, too. A terminal's EIO before that means that nobody has
 * it open just now. */
static void end_output(struct monitor *monitor, struct output *output, int64_t result)
{
	if (result == -EAGAIN && !monitor->has_exited)
		return;
	if (result != -EIO || monitor->has_exited || reopen_slave(monitor) < 0)
		close_stream(&output->fd);
}

/* Read once from the container, and pass it on to the log and to the clients. */
void pump_output(struct monitor *monitor, unsigned which)
{
	struct output *output = &monitor->outputs[which];
	int64_t got;

	if (output->fd == 0 || output->length == OUTPUT_SIZE)
		return;
	/* Nothing is left when 0 bytes are to be read, and then 0 is the answer: the end */
	got = sys_read(output->fd, output->data + output->length, readable(monitor, output));
	if (got <= 0) {
		end_output(monitor, output, got);
		return;
	}
	log_append(&monitor->log, which, output->data + output->length, (size_t)got);
	output->length += (uint32_t)got;
	if (monitor->has_exited && (output->left -= (int32_t)got) == 0)
		close_stream(&output->fd);
	for (unsigned i = 0; i < CLIENT_COUNT; i++)
		feed(monitor, &monitor->clients[i], which);
	settle(monitor, which);
}
