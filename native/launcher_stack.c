/* The launcher's last act: the stack that the kernel would have made for deno, and the jump. */
#include "launcher.h"

/* Most words that the new vectors need besides the caller's, and bytes of their strings. */
#define ADDED_WORDS 64
#define ADDED_BYTES 4096

/* For V8, which uses 1 MiB, and the vectors: execve(2) allows a quarter of the limit for them. */
#define NEEDED_STACK_BYTES (4 * 1024 * 1024)

struct initial_stack launcher_initial_stack(uint64_t *words)
{
	struct initial_stack stack = { .argc = words[0], .argv = (char **)(words + 1) };

	stack.envp = stack.argv + stack.argc + 1;
	while (stack.envp[stack.envc] != NULL)
		stack.envc++;
	stack.auxv = (Elf64_auxv_t *)(stack.envp + stack.envc + 1);
	while (stack.auxv[stack.auxc++].a_type != AT_NULL)
		;
	return stack;
}

uint64_t launcher_auxiliary_value(const struct initial_stack *stack, uint64_t type)
{
	for (uint64_t i = 0; i < stack->auxc; i++)
		if (stack->auxv[i].a_type == type)
			return stack->auxv[i].a_un.a_val;
	return 0;
}

bool launcher_has(const struct initial_stack *stack, const char *variable)
{
	for (uint64_t i = 0; i < stack->envc; i++)
		if (text_equal(stack->envp[i], variable))
			return true;
	return false;
}

/* Variables that change how deno, its libraries or ld.so behave (HOME: because of ~/.npmrc). They
 * are handed on as WHERRY_CALLER_<NAME>. */
static bool is_taken(const char *variable)
{
	static const char prefixes[][20] = {
		"COMPLETE=", "DENO_",   "GLIBC_TUNABLES=", "HOME=",          "JSR_URL=",
		"LD_",       "MALLOC_", "NODE_",           "NPM_CONFIG_",    "OTEL_",
		"RAYON_",    "RUST_",   "SQLITE_",         "SSLKEYLOGFILE=", "TOKIO_",
		"UV_",       "V8_",     "npm_config_",
	};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (text_begins(variable, prefixes[i]))
			return true;
	return false;
}

/* Variables that only this program sets. */
static bool is_own(const char *variable)
{
	static const char prefixes[][20] = {
		"WHERRY_BUILD=",      "WHERRY_BUNDLE_",     "WHERRY_CALLER_", "WHERRY_LIBRARY_FD=",
		"WHERRY_MONITOR_FD=", "WHERRY_OPEN_FILES=", "WHERRY_PACKED=",
	};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (text_begins(variable, prefixes[i]))
			return true;
	return false;
}

/* Write the argument vector and its NULL. Returns its end. */
static const char **write_arguments(const char **to, const struct initial_stack *stack,
				    const struct launch *launch)
{
	static const char flags[][16] = { "wherry",      "run",       "-A",
					  "--no-config", "--no-lock", "--no-remote",
					  "--no-prompt", "--quiet",   "--ext=js" };

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		*to++ = flags[i];
	/* What a short command makes fits in there: collecting it would take 2 ms */
	*to++ = launch->is_snapshot
			? "--v8-flags=--min-semi-space-size=8,--no-lazy,--no-flush-bytecode,--expose-gc"
			: "--v8-flags=--min-semi-space-size=8";
	if (!launch->has_cache)
		*to++ = "--no-code-cache";
	*to++ = launch->main_module;
	for (uint64_t i = 1; i < stack->argc; i++)
		*to++ = stack->argv[i];
	*to++ = NULL;
	return to;
}

/* Write the environment vector and its NULL. Returns its end. */
static const char **write_environment(const char **to, const struct initial_stack *stack,
				      struct launch *launch)
{
	for (uint64_t i = 0; i < stack->envc; i++) {
		const char *variable = stack->envp[i];

		if (is_taken(variable))
			*to++ = launcher_string(&launch->strings, "WHERRY_CALLER_", variable);
		else if (!is_own(variable))
			*to++ = variable;
	}
	for (unsigned i = 0; i < launch->environment_count; i++)
		*to++ = launch->environment[i];
	*to++ = "DENO_NO_UPDATE_CHECK=1";
	*to++ = "DENO_NO_PACKAGE_JSON=1";
	*to++ = "DENO_DISABLE_NODE_SHIM=1";
	*to++ = "DENO_LOG=off"; /* without a cache directory it would complain on a terminal */
	*to++ = "HOME=" NO_DIRECTORY;
	*to++ = "WHERRY_PACKED=launcher";
	*to++ = NULL;
	return to;
}

/* Write the auxiliary vector: the kernel's, with deno and its loader in place of this program.
 * Returns its end. */
static const char **write_auxiliary_vector(const char **to, const struct initial_stack *stack,
					   const struct launch *launch)
{
	Elf64_auxv_t *entry = (Elf64_auxv_t *)to;

	for (uint64_t i = 0; i < stack->auxc; i++, entry++) {
		*entry = stack->auxv[i];
		if (entry->a_type == AT_PHDR)
			entry->a_un.a_val = launch->deno.headers;
		else if (entry->a_type == AT_PHNUM)
			entry->a_un.a_val = launch->deno.header_count;
		else if (entry->a_type == AT_BASE)
			entry->a_un.a_val = launch->loader.base;
		else if (entry->a_type == AT_ENTRY)
			entry->a_un.a_val = launch->deno.entry;
		else if (entry->a_type == AT_SYSINFO_EHDR && launch->is_snapshot)
			entry->a_type = AT_IGNORE; /* elsewhere in each process */
	}
	return (const char **)entry;
}

static void *allocate(size_t size)
{
	void *memory = sys_allocate(size);

	if (memory == NULL)
		launcher_fail("there is no memory for its arguments", 0);
	return memory;
}

/* Memory for all strings that may have to be made: for a snapshot, and for deno if there is none. */
struct text launcher_allocate_strings(const struct initial_stack *stack)
{
	struct text strings = { .size = ADDED_BYTES };

	for (uint64_t i = 0; i < stack->envc; i++)
		if (is_taken(stack->envp[i]))
			strings.size +=
				2 * (sizeof("WHERRY_CALLER_") + text_length(stack->envp[i]));
	strings.data = allocate(strings.size);
	return strings;
}

uint64_t launcher_environment(const struct initial_stack *stack, struct launch *launch,
			      const char ***ret_environment)
{
	*ret_environment = allocate((stack->envc + ADDED_WORDS) * sizeof(uint64_t));
	return (uint64_t)(write_environment(*ret_environment, stack, launch) - *ret_environment) - 1;
}

/* Where the new stack ends: where the kernel's ended, or in memory of its own when the kernel's may
 * not grow as far as deno needs. */
static uint64_t stack_end(const struct initial_stack *stack, const struct launch *launch)
{
	uint64_t start;

	if (!launch->is_snapshot && launcher_soft_limit(RLIMIT_STACK) >= NEEDED_STACK_BYTES)
		return (uint64_t)(stack->auxv + stack->auxc);
	start = (uint64_t)allocate(NEEDED_STACK_BYTES);
	(void)SYS(mprotect, start, PAGE_SIZE, PROT_NONE);
	return start + NEEDED_STACK_BYTES;
}

/* Make the stack that the kernel would have made for deno, and go. */
_Noreturn void launcher_enter(const struct initial_stack *stack, struct launch *launch)
{
	uint64_t most_words = stack->argc + stack->envc + 2 * stack->auxc + ADDED_WORDS;
	const char **start = allocate(most_words * sizeof(uint64_t));
	const char **end = write_arguments(start + 1, stack, launch);
	uint64_t size;

	*(uint64_t *)start = (uint64_t)(end - start) - 2;
	end = write_environment(end, stack, launch);
	end = write_auxiliary_vector(end, stack, launch);
	if (launch->strings.is_cut)
		launcher_fail("its arguments are too long", 0);
	size = (uint64_t)(end - start) * sizeof(uint64_t);
	arch_enter((stack_end(stack, launch) - size) & ~UINT64_C(15), (const uint64_t *)start,
		   size / sizeof(uint64_t), launch->loader.entry);
}
