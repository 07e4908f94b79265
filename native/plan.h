/* The launch plan: docs/monitor.md. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLAN_MAX_SIZE (8U << 20)
#define PLAN_MAX_STEPS 8192U
#define ANY_COUNT UINT32_MAX

struct monitor;
struct child;
struct step;

/*
 * A word of the plan. `types` has a letter for each argument; a `*` at the end lets the last one
 * occur any number of times, none included: s text   p path, not empty   u decimal, 32 bits   U
 * decimal, 64 bits   o octal mode, 16 bits   x hex, 64 bits l limit, decimal or -1   a -1000..1000
 * g signal 1..64   n CLONE_NEW* flags   i kind of stdio   d durability   r restart policy
 * f format of a log   h what to do when unhealthy   k kind of events   t when a cgroup is made   w
 * how necessary controllers are   v version of cgroups   b BPF program in hex   y eBPF program in
 * hex. Exactly one of the functions is set: it says who runs the step.
 */
struct word {
	const char *name;
	const char *types;
	int (*in_monitor)(struct monitor *monitor, const struct step *step);
	int (*in_child)(struct child *child, const struct step *step);
};

extern const struct word WORDS[];
extern const unsigned WORD_COUNT;

struct step {
	const struct word *word;
	uint32_t index;
	uint32_t count;
	const char *arguments; /* `count` strings one after the other */
};

struct plan {
	char *data;
	size_t size;
	/* Where the next step begins, and its number. */
	const char *next;
	uint32_t index;
};

/* Read the plan in `fd` into memory of its own. Returns 0 or -errno. */
int plan_load(int fd, struct plan *ret_plan);

/* Check every step, so that no mistake is found half-way. Returns 0, or -EINVAL with the number of
 * the wrong step in plan->index. Afterwards the plan is at its first step. */
int plan_check(struct plan *plan);

/* Take the next step. Returns 1, 0 after the last one, or -EINVAL. */
int plan_next(struct plan *plan, struct step *ret_step);

/* Give back the pages of steps not taken yet: after `clone` they are the child's business. */
void plan_discard_rest(const struct plan *plan);

/* Read those steps again from `fd`, which the plan was loaded from. Returns 0 or -errno. */
int plan_read_rest(int fd, const struct plan *plan);

/* The word of the step `index`, which was not taken yet; "" if there is none. */
const char *find_step_word(const struct plan *plan, uint32_t index);

/* Fewest and most arguments of a word. */
uint32_t word_minimum(const struct word *word);
uint32_t word_maximum(const struct word *word);

const char *step_text(const struct step *step, uint32_t argument);

/* A number that plan_check has seen to be right; -1 of a limit is UINT64_MAX. */
uint64_t step_number(const struct step *step, uint32_t argument);

/* Fill `count` pointers to consecutive strings and a NULL after them. Returns the text behind the
 * last one. */
const char *point_to_strings(const char **pointers, const char *strings, uint32_t count);
