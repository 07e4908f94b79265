/* Health checks of the container: docs/monitor.md, "Health". */
#pragma once

#include "monitor.h"

/* launch.c: as run_child(), but returns as soon as the process exists. What it reports comes on
 * *ret_report, which ends when it has called execve. */
int start_child(struct monitor *monitor, const struct section *section, const int stdio[3],
		struct process *ret_process, int *ret_report);

/* health.c: init runs, or has ended; is paused, or goes on. */
void health_begin(struct monitor *monitor);
void health_end(struct monitor *monitor);
void health_suspend(struct monitor *monitor);
void health_resume(struct monitor *monitor);

/* health.c, for the poll loop: something can be read from health.report or health.output, a child
 * was reaped, or the deadline (CLOCK_MONOTONIC, 0: none) has come. */
void health_take_reports(struct monitor *monitor);
void health_read_output(struct monitor *monitor);
void health_reaped(struct monitor *monitor, int pid, uint8_t exit_code);
uint64_t health_deadline(const struct monitor *monitor);
void health_run_timers(struct monitor *monitor);

/* health.c: whether a child may exist whose pid is not known yet, so that it must not be reaped. */
bool health_is_forking(const struct monitor *monitor);

/* health_log.c: add the check that has just ended to the file of the last five. */
#define HEALTH_CODE_SIZE 48
void health_log_add(const struct health *health, const char *code);
