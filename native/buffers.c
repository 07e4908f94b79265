/* What the monitor reads into, and that it costs memory only while bytes are moved. */
#include "monitor.h"

#define STACK_USED 65536 /* at most, before the poll loop */
#define STACK_KEPT 512   /* the frame of stack_trim() and what it calls, with the red zone */
_Static_assert(offsetof(struct monitor, buffers) == PAGE_SIZE, "each page more costs memory");

void buffers_assign(struct monitor *monitor)
{
	monitor->log.buffer = monitor->buffers.log;
	monitor->input.data = monitor->buffers.input;
	monitor->health.data = monitor->buffers.health;
	monitor->ruleset.data = monitor->buffers.notification;
	monitor->cgroup.controllers = monitor->buffers.controllers;
	for (unsigned i = 0; i < OUTPUT_COUNT; i++) {
		monitor->outputs[i].data = monitor->buffers.outputs[i];
		monitor->log.lines[i].data = monitor->buffers.lines[i];
	}
}

/* With pages larger than PAGE_SIZE the kernel may refuse, and the memory is kept. */
void discard_pages(void *memory, size_t size)
{
	uintptr_t first = ((uintptr_t)memory + PAGE_SIZE - 1) & ~(uintptr_t)(PAGE_SIZE - 1);
	uintptr_t end = ((uintptr_t)memory + size) & ~(uintptr_t)(PAGE_SIZE - 1);

	if (first < end)
		sys_discard((void *)first, end - first);
}

/* Steps and what starts a container have paths and lists on the stack, the poll loop has not. What
 * is below the caller's frame is of no use to anybody. */
__attribute__((noinline)) void stack_trim(void)
{
	char *frame = __builtin_frame_address(0);

	discard_pages(frame - STACK_USED, STACK_USED - STACK_KEPT);
}

/* Between two turns of the poll loop no record waits for the log, and no notification is read. */
void buffers_trim(struct monitor *monitor)
{
	monitor->has_used_buffers = false;
	stack_trim();
	discard_pages(monitor->buffers.log, sizeof(monitor->buffers.log));
	discard_pages(monitor->buffers.notification, sizeof(monitor->buffers.notification));
	for (unsigned i = 0; i < OUTPUT_COUNT; i++) {
		if (monitor->log.lines[i].length == 0)
			discard_pages(monitor->buffers.lines[i], CHUNK_SIZE);
		if (monitor->outputs[i].length == 0)
			discard_pages(monitor->buffers.outputs[i], OUTPUT_SIZE);
	}
	if (monitor->input.length == 0)
		discard_pages(monitor->buffers.input, INPUT_SIZE);
}
