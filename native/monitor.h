/* The state of wherry-monitor: one zeroed mapping, made in main(); pages are only used when
 * touched. */
#pragma once

#include "cgroup.h"
#include "plan.h"
#include "sys.h"

/* Descriptors at start, see docs/monitor.md. Those that were not given are /dev/null. */
enum {
	PLAN_FD = 3,
	CONTROL_FD = 4,
	LOCK_FD = 5,
	INIT_FD = 6,
	PROGRAM_FD = 7,
	NETWORK_FD = 8,
	PID_FD = 9,
	IPC_FD = 10,
	USER_FD = 11,
	START_FDS = 12,
};

#define CLIENT_COUNT 40
#define STAYING_COUNT 32 /* of them may stay; the others are for requests that end soon */
#define MESSAGE_SIZE 4096
#define CHUNK_SIZE 16384     /* read at once; also the longest text in a log record */
#define PIPE_SIZE (1U << 20) /* what a pipe can be made to hold, see pipe-max-size of proc(5) */
#define LOG_BUFFER_SIZE (CHUNK_SIZE * 6 + 4096) /* JSON may need "\\u0000" for each byte */
#define KEYS_SIZE 16
/* Room for held detach keys, which may have to go before the bytes read: filter_keys(). */
#define INPUT_SIZE (KEYS_SIZE + CHUNK_SIZE)
/* What may be left to read when init has ended, behind a chunk that a client still has to take. */
#define OUTPUT_SIZE (CHUNK_SIZE + PIPE_SIZE)

enum { OUTPUT_STDOUT, OUTPUT_STDERR, OUTPUT_COUNT };

enum stdio { STDIO_NULL, STDIO_PIPE, STDIO_TERMINAL };

enum log_format { LOG_CRI, LOG_JSON };

/* In JSON a record is a whole line: the beginning of one that has not ended yet. */
struct line {
	uint64_t began_at; /* of a line that is longer than a record; 0: there is no record of it */
	uint32_t length;
	char *data; /* CHUNK_SIZE bytes */
};

struct log {
	const char *path; /* NULL: no log */
	enum log_format format;
	uint64_t max_bytes;
	uint32_t max_files;
	int fd; /* 0: not open */
	uint64_t size;
	uint64_t lost; /* records that could not be written */
	/* Records that are not written yet. */
	uint32_t waiting;
	size_t used;
	char *buffer; /* LOG_BUFFER_SIZE bytes */
	struct line lines[OUTPUT_COUNT];
};

/* What the container reads from stdin: one chunk, from any of the clients. */
struct input {
	int fd; /* 0: none */
	bool is_ending;
	uint32_t length;
	uint32_t taken;
	char *data; /* INPUT_SIZE bytes */
};

/* What the container writes. Read again only when each attached client has all of it; after the
 * container's end what is left in the pipe is read anyway, so that the log is complete while a
 * client is slow. */
struct output {
	int fd;       /* 0: none or ended */
	int32_t left; /* once init has ended: bytes that are still to be read */
	uint32_t length;
	char *data; /* OUTPUT_SIZE bytes */
};

/* A descriptor of a client. A socket may be shared with the client, so it is never made
 * non-blocking. */
struct stream {
	int fd; /* 0: none */
	bool is_socket;
	bool is_ending; /* it gets no more than `end` bytes: the rest is of a later run */
	uint32_t end;
	uint32_t taken; /* bytes of the output's data that it has */
};

struct client {
	int socket; /* 0: free */
	bool awaits_exit;
	bool has_exit; /* awaited it, and is told exit_code once it has all output */
	uint8_t exit_code;
	bool awaits_restart;
	bool holds_pause; /* it has init paused, which goes on when it leaves */
	bool ends_input;
	struct stream input;
	struct stream outputs[OUTPUT_COUNT];
	uint8_t keys[KEYS_SIZE];
	uint8_t key_count;
	uint8_t keys_matched;
};

enum status { STATUS_RUNNING, STATUS_PAUSED, STATUS_RESTARTING, STATUS_EXITED };

enum restart_policy { RESTART_NO, RESTART_ON_FAILURE, RESTART_ALWAYS, RESTART_UNLESS_STOPPED };

/* Whether, when and how often init is run again: restart.c. */
struct restart {
	enum restart_policy policy;
	uint32_t maximum; /* of RESTART_ON_FAILURE; 0: no limit */
	uint64_t stop_signal;
	uint32_t count;    /* runs since somebody started it, that nobody asked for */
	uint64_t delay;    /* before the last of them, in nanoseconds; 0: none */
	uint64_t due_at;   /* by CLOCK_MONOTONIC in nanoseconds; 0: not waiting */
	bool is_requested; /* somebody waits for the next run */
	bool is_over;      /* somebody ended it, or the policy does not apply any more */
	bool is_stopped;   /* somebody ended it */
};

/* A process that steps of the plan make. */
struct process {
	int pid; /* 0: none */
	int pidfd;
};

/* A part of the plan that makes a process, any number of times: see run_child(). */
struct section {
	struct plan steps; /* at the first one of the child */
	uint64_t flags;    /* CLONE_NEW* */
	int join_fd;       /* pidfd of whose namespaces `join` enters */
};

enum health_status { HEALTH_NONE, HEALTH_STARTING, HEALTH_HEALTHY, HEALTH_UNHEALTHY };

/* What is done when the container becomes unhealthy. */
enum health_action { HEALTH_DO_NOTHING, HEALTH_RESTART, HEALTH_STOP, HEALTH_KILL };

#define HEALTH_OUTPUT_SIZE 4096 /* kept of what a check writes, as docker does */
#define HEALTH_MARK_SIZE 3      /* behind an output that was longer */

/* How the container is, and the check that is running: health.c. Times are nanoseconds, points in
 * time by CLOCK_MONOTONIC; 0 means never. */
struct health {
	enum health_status status;
	enum health_action on_failure;
	uint32_t failing_streak;
	uint32_t retries;
	uint64_t interval; /* 0: there are no checks */
	uint64_t timeout;
	uint64_t start_period;
	uint64_t start_interval;
	uint64_t stop_signal;
	uint64_t stop_timeout;
	const char *path; /* of the last checks */
	struct section section;
	uint64_t due_at;     /* the next check; never while there is one */
	uint64_t expires_at; /* this check */
	uint64_t began_at;   /* this check, since the epoch */
	uint64_t began_steadily_at;
	struct process process;
	bool has_forked; /* the process is the one that goes on after `fork` */
	bool has_expired;
	bool was_killed; /* by others; it is over then, and expires_at says when that counts */
	bool is_cut;
	int report; /* 0: it has called execve, or there is no check */
	int output;
	uint32_t length;
	char *data; /* HEALTH_OUTPUT_SIZE and HEALTH_MARK_SIZE bytes */
};

/* In one notification: NLMSG_GOODSIZE of the kernel is the most, and it may tell of many changes.
 */
#define NOTIFICATION_SIZE 8192

/* An nf_tables table that is put back when somebody has removed it: ruleset.c. */
struct ruleset {
	const char *table;
	const char *path;  /* of the batch that makes it */
	int socket;        /* where the kernel tells what changes; 0: there is no ruleset */
	bool has_lost;     /* notifications, since the socket was empty */
	uint64_t try_at;   /* by CLOCK_MONOTONIC in nanoseconds; 0: nothing to be done */
	uint32_t failures; /* in a row */
	char *data;        /* NOTIFICATION_SIZE bytes */
};

/* When the program in PROGRAM_FD is run while the container lives: program.c. */
struct wake {
	struct step step; /* count 0: never */
	int timer;
	int pid; /* of the one that runs; 0: none */
};

/* What the kernel says of processes that it ends for want of memory: oom.c. */
struct oom {
	const char *path;  /* memory.events, or memory.oom_control of version 1; NULL: none */
	int events;        /* it, which poll(2) tells the changes of; 0: none */
	int notification;  /* an eventfd, of version 1; 0: none */
	uint64_t count;    /* ended so far */
	uint64_t check_at; /* by CLOCK_MONOTONIC in nanoseconds; 0: never */
	bool has_killed;   /* a process of this run */
};

struct monitor {
	struct plan plan;
	struct section init_section;
	struct process init; /* the container's, or the process of an `exec` */
	int mounts;          /* init's mount namespace, held until its end is recorded; 0: none */
	enum stdio stdio;
	int signals; /* signalfd */
	int slave;   /* of the container's terminal, see terminal.c */
	int listener;
	uint64_t accepts_at; /* by CLOCK_MONOTONIC, after a failure; 0: now */
	int listen_dir;
	int record_dir;          /* 0: no record */
	const char *record_name; /* in that directory */
	bool record_is_durable;
	uint32_t record_index; /* of its step */
	uint32_t failed_index; /* of the step that failed, or is running */
	struct step cleanup;   /* count 0: none */
	struct wake wake;
	struct ruleset ruleset;
	struct step events;     /* count 0: none */
	const char *event_name; /* the container's, at the moment */
	bool is_exec;           /* says the `events` step */
	bool is_view;           /* there is nothing but a view: view.c */
	struct cgroup cgroup;
	struct oom oom;
	struct restart restart;
	struct health health;
	enum status status;
	uint64_t started_at; /* nanoseconds since the epoch */
	uint64_t finished_at;
	uint64_t
		running_since; /* the same as started_at by CLOCK_MONOTONIC; 0: no step succeeded */
	uint64_t kill_at;      /* by CLOCK_MONOTONIC in nanoseconds; 0: never */
	bool has_used_buffers; /* more than their first pages, since buffers_trim() */
	bool has_exited;       /* there is no init: it has ended, and is not run again yet */
	bool is_finished;      /* the exit is recorded and the lock released */
	uint32_t given_fds;    /* bit N: descriptor N was given, of those that steps join */
	bool has_engine;       /* the client on CONTROL_FD is connected */
	bool has_told_engine;  /* and knows that the container has ended for good */
	uint8_t exit_code;
	struct client clients[CLIENT_COUNT];
	struct log log;
	struct input input;
	struct output outputs[OUTPUT_COUNT];
	/* Last, so that everything above is in few pages; what holds whole pages comes first. */
	struct {
		_Alignas(PAGE_SIZE) char log[LOG_BUFFER_SIZE];
		char lines[OUTPUT_COUNT][CHUNK_SIZE];
		char outputs[OUTPUT_COUNT][OUTPUT_SIZE];
		char notification[NOTIFICATION_SIZE];
		char input[INPUT_SIZE];
		char health[HEALTH_OUTPUT_SIZE + HEALTH_MARK_SIZE];
		char event_name[MESSAGE_SIZE];
		struct controller controllers[CONTROLLER_COUNT];
	} buffers;
};

/* What the child tells the monitor on a SOCK_SEQPACKET pair. It is closed by execve: the end is
 * success. */
enum report_kind {
	REPORT_BORN,     /* it lives: see run_child() */
	REPORT_FAILED,   /* value is an errno */
	REPORT_FORKED,   /* value is the pid of the process that goes on; its pidfd comes along */
	REPORT_TERMINAL, /* the pty's master comes along */
};

struct report {
	uint32_t kind;
	uint32_t index;
	int32_t value;
};

/* Whether there was a descriptor of this number at the start. */
static inline bool is_given(const struct monitor *monitor, int fd)
{
	return (monitor->given_fds >> fd & 1) != 0;
}

/* When the engine has gone, the number of its descriptor may be another client's. */
static inline bool is_engine(const struct monitor *monitor, const struct client *client)
{
	return monitor->has_engine && client->socket == CONTROL_FD;
}

/* How many bytes of the output the stream gets. */
static inline uint32_t stream_end(const struct stream *stream, const struct output *output)
{
	return stream->is_ending && stream->end < output->length ? stream->end : output->length;
}

/* For descriptors that are 0 when there is none. */
static inline void close_stream(int *fd)
{
	if (*fd > 0)
		sys_close(*fd);
	*fd = 0;
}

/* namespaces.c: make the namespaces that a container of its own ids has, and send them. */
void make_namespaces(const char *first, const char *count);

/* view.c: show the files to the caller until it has gone. */
void view_serve(struct monitor *monitor);

/* buffers.c: say where each buffer is; give back the memory of those that hold nothing at the
 * moment, and the whole pages in any memory. */
void buffers_assign(struct monitor *monitor);
void buffers_trim(struct monitor *monitor);
void stack_trim(void);
void discard_pages(void *memory, size_t size);

/* launch.c: run the monitor's steps. Returns 0 when the container runs, or -errno with the index of
 * the step. */
int launch(struct monitor *monitor, uint32_t *ret_index);

/* launch.c: make a process by the steps of `section`, with `stdio` as its 0, 1 and 2 (descriptors
 * from START_FDS on; a lower one leaves what the monitor has there, /dev/null), and wait until it
 * has called execve. The plan is in memory only meanwhile. Returns 0, or -errno with the number of
 * the step in monitor->failed_index; the process is ended and reaped then. */
int run_child(struct monitor *monitor, const struct section *section, const int stdio[3],
	      struct process *ret_process);
void kill_process(struct process *process);

/* launch.c: run init, the first time or again, with new pipes. Returns as run_child() does. */
int run_init(struct monitor *monitor);

/* supervise.c: serve everybody until the exit is recorded; then the slow clients until they have
 * all output. */
void supervise(struct monitor *monitor);
void serve_once(struct monitor *monitor);
void tell_exit(struct monitor *monitor);
bool has_pending_clients(const struct monitor *monitor);
void serve_last_clients(struct monitor *monitor);
void close_clients(struct monitor *monitor);

/* terminal.c */
void open_terminal(struct monitor *monitor, int master);
int reopen_slave(struct monitor *monitor);
void resize_terminal(struct monitor *monitor, uint64_t rows, uint64_t columns);

/* streams.c: move bytes; none of these blocks. */
int stream_open(struct stream *stream, int fd, int access);
void pump_input(struct monitor *monitor);
void pump_output(struct monitor *monitor, unsigned which);
void limit_outputs(struct monitor *monitor);
void break_output(struct monitor *monitor, const struct client *client, unsigned which);
void pump_client_input(struct monitor *monitor, struct client *client);
void pump_client_output(struct monitor *monitor, struct client *client, unsigned which);
void end_client_input(struct monitor *monitor, struct client *client);

/* request.c: receive one request and do it. */
void client_serve(struct monitor *monitor, struct client *client);

/* client.c. A client that awaits the end is one of those who stay; -EUSERS when there is no place
 * for one more. */
int client_stay(struct monitor *monitor, struct client *client);
void client_accept(struct monitor *monitor);
/* Tell a word, a number that is not below 0, and a descriptor unless it is NULL. A client that does
 * not take its answers is given up, so that it cannot block the monitor. */
void client_send(struct monitor *monitor, struct client *client, const char *word, int64_t number,
		 const int *fd);
void client_detach(struct monitor *monitor, struct client *client);
void client_close(struct monitor *monitor, struct client *client);
bool client_is_pending(const struct monitor *monitor, const struct client *client);

/* Init has ended: the client's attachment ends with it, and it is told by client_tell_exit() once
 * it has all that init wrote. */
void client_end_run(struct monitor *monitor, struct client *client);
void client_tell_exit(struct monitor *monitor, struct client *client);

/* Answer a `restart`: 0, or -errno of the step monitor->failed_index. */
void client_answer_restart(struct monitor *monitor, struct client *client, int result);
void client_refuse_restart(struct monitor *monitor, struct client *client);

/* restart.c: init runs; -errno when its record cannot be written. */
int begin_run(struct monitor *monitor);

/* restart.c: init has ended, and all that it wrote is read. */
void end_run(struct monitor *monitor);

/* restart.c: run init again as often as the policy and the clients say so. Returns false in the
 * end. */
bool run_again(struct monitor *monitor);

#define NO_TIMEOUT UINT64_MAX

/* restart.c: what clients ask for; timeouts in nanoseconds. All return 0 or -errno; -ESRCH when
 * there is no init. */
int signal_init(struct monitor *monitor, uint64_t signal);
int stop_init(struct monitor *monitor, uint64_t signal, uint64_t timeout);
int shut_down_init(struct monitor *monitor, uint64_t signal, uint64_t timeout);
int restart_init(struct monitor *monitor, uint64_t signal, uint64_t timeout);
int pause_init(struct monitor *monitor);
int unpause_init(struct monitor *monitor);
/* Pause init for as long as a client wants; it goes on when the last such client lets go. */
int hold_init(struct monitor *monitor, struct client *client);
int release_init(struct monitor *monitor, struct client *client);
int parse_policy(const char *text, enum restart_policy *ret_policy);
/* The time that init was given is over. */
void end_by_force(const struct monitor *monitor);

/* event.c: write down what happens to the container. `attributes` are added to those of the plan,
 * each beginning with a comma. */
void event_write(const struct monitor *monitor, const char *action, const char *attributes);
/* The container has another name from now on. */
void event_rename(struct monitor *monitor, const char *name);

/* device_filter.c: whether it is the hexadecimal digits of a program. Returns 0 or -EINVAL. */
int check_device_filter(const char *text);

/* log.c: open the log, making it if missing; append what was written to stdout or stderr; end what
 * a run has left open. */
int log_open(struct log *log);
void log_append(struct log *log, unsigned which, const char *data, size_t size);
void log_finish(struct log *log);

/* record.c: replace the state record. Returns 0 or -errno. */
int record_write(const struct monitor *monitor);

/* program.c: execute the program in PROGRAM_FD with these arguments, in the place of this process.
 * Returns only when it fails. */
void execute_program(const char *arguments, uint32_t count);

/* program.c: run that program after `delay` nanoseconds, or not at all with NO_TIMEOUT. Returns 0,
 * -EINVAL without a `wake` step, or -ESRCH when the container has ended. */
int wake_set(struct monitor *monitor, uint64_t delay);
void wake_end(struct monitor *monitor);
/* For the poll loop: a child was reaped; something can be read from wake.timer. */
void wake_reaped(struct monitor *monitor, int pid);
void wake_run(struct monitor *monitor);

/* oom.c: has the kernel ended a process for want of memory? For the poll loop: there is something
 * to see; it is time to look. */
void oom_check(struct monitor *monitor);
void oom_take_event(struct monitor *monitor);
void oom_run_timer(struct monitor *monitor);
void oom_end(struct oom *oom);

/* ruleset.c, for the poll loop: something can be read from ruleset.socket, or it is time to try. */
void ruleset_read_changes(struct monitor *monitor);
void ruleset_run_timer(struct ruleset *ruleset);
void ruleset_end(struct ruleset *ruleset);
