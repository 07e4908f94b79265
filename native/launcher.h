/* What the parts of wherry-launcher share; the format of the file stands in launcher.c. */
#pragma once

#include "sys.h"
#include "text.h"
#include <elf.h>

#define MAX_INTERPRETER 256
#define CARRIED_LIBRARIES 6

/* Most variables that are made: with the carried libraries there are eight. */
#define ADDED_VARIABLES 8

/* A directory that cannot exist: there deno finds nothing and writes nothing. */
#define NO_DIRECTORY "/proc/none"

struct section {
	uint64_t offset;
	uint64_t size;
};

/* The end of the file. */
struct trailer {
	struct section deno;
	struct section main_module;
	struct section bundle;
	struct section library;
	struct section monitor;
	struct section loader;
	struct section libraries[CARRIED_LIBRARIES]; /* size 0: none */
	struct section code_cache;                   /* size 0: none */

	uint64_t base;             /* address for which deno has been relocated */
	uint64_t relocations;      /* distance of its relative relocations from that address */
	uint64_t relocation_count; /* their number */
	uint64_t file_size;        /* trailer included */
	uint64_t has_snapshots;    /* whether processes may be made of a snapshot, 0 or 1 */
	char build[24];            /* build id in hexadecimal, NUL-terminated */
	char magic[8];
};

_Static_assert(sizeof(struct trailer) == 280, "scripts/packed_file.ts writes 280 bytes");

/* A program or loader in memory. */
struct image {
	uint64_t base; /* added to the file's addresses */
	uint64_t entry;
	uint64_t headers;
	uint64_t header_count;
	uint64_t readable_size; /* bytes from `base` that the first segment has */
	char interpreter[MAX_INTERPRETER];
};

/* What the kernel puts on the stack of a new program. */
struct initial_stack {
	uint64_t argc;
	char **argv;
	char **envp;
	uint64_t envc;
	Elf64_auxv_t *auxv;
	uint64_t auxc; /* the closing AT_NULL included */
};

/* What the new program's vectors are made of. */
struct launch {
	struct image deno;
	struct image loader;
	struct text strings; /* every string that is made */
	const char *main_module;
	bool is_snapshot; /* whether deno is started for a snapshot of it */
	bool is_trial;    /* whether a new snapshot is tried out */
	bool has_cache; /* whether deno may keep V8's code cache */
	const char *environment[ADDED_VARIABLES]; /* made variables, in no order */
	unsigned environment_count;
};

/* launcher.c: report why wherry cannot start and end. `error` is -errno, or 0 when the text says it
 * all. */
_Noreturn void launcher_fail(const char *state, int64_t error);
uint64_t launcher_check(int64_t result, const char *state);
void launcher_read(int fd, void *ret_data, size_t size, uint64_t offset);
uint64_t launcher_soft_limit(int resource);

/* launcher.c: make the string of `prefix` and `value`. It stays as long as the process. */
const char *launcher_string(struct text *strings, const char *prefix, const char *value);
const char *launcher_number_string(struct text *strings, const char *prefix, uint64_t number);
void launcher_add_variable(struct launch *launch, const char *variable);

/* launcher_image.c: map deno and the loader of the C library. */
void launcher_map(struct launch *launch, int file, const struct trailer *trailer, uint64_t page);
/* Append a section of `file` to another file. Returns 0 or -errno. */
int64_t launcher_copy_section(int to, int file, const struct section *section);
/* Copy a section of `file` into a memfd that nobody can change any more. */
uint64_t launcher_section(int file, const struct section *section, const char *name);

/* launcher_stack.c: the stack that the kernel would have made for deno. */
struct initial_stack launcher_initial_stack(uint64_t *words);
uint64_t launcher_auxiliary_value(const struct initial_stack *stack, uint64_t type);
bool launcher_has(const struct initial_stack *stack, const char *variable);
struct text launcher_allocate_strings(const struct initial_stack *stack);
_Noreturn void launcher_enter(const struct initial_stack *stack, struct launch *launch);
/* The environment that deno gets: the caller's, and what was added. Returns its length without the
 * NULL; `*ret_environment` has room for ADDED_WORDS more. */
uint64_t launcher_environment(const struct initial_stack *stack, struct launch *launch,
			      const char ***ret_environment);

/* The only argument of a process that writes a snapshot of itself. */
#define SNAPSHOT_COMMAND "__snapshot"

/* The only argument of the first process that is made of a new one. */
#define TRIAL_COMMAND "__resumed"

/* A variable of the caller's with which every start is one of deno. */
#define NO_SNAPSHOT "WHERRY_SNAPSHOT=0"

/* resume.c: go on in the process that the snapshot in `directory` holds; have one written for later
 * starts if there is none. Returns when that cannot be done: then deno is started. */
void launcher_resume(const struct initial_stack *stack, struct launch *launch, int directory,
		     int file, const struct trailer *trailer);
