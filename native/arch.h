/*
 * All that depends on the processor: how to make a system call, where a program starts, and how to
 * start a function on another stack. System-call numbers come from the kernel's own <asm/unistd.h>.
 */
#pragma once

#include <asm/unistd.h>
#include <linux/sched.h>
#include <stdint.h>

#if defined(__x86_64__)

#define ARCH_ELF_MACHINE EM_X86_64
#define ARCH_MULTIARCH "x86_64-linux-gnu" /* Debian's name for the directories of its libraries */

/* See syscall(2), "Architecture calling conventions". */
static inline int64_t arch_syscall(int64_t number, int64_t a, int64_t b, int64_t c, int64_t d,
				   int64_t e, int64_t f)
{
	register int64_t r10 __asm__("r10") = d;
	register int64_t r8 __asm__("r8") = e;
	register int64_t r9 __asm__("r9") = f;
	int64_t result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

/* clone3 for a child that shares this memory and runs function(argument) on args->stack; it ends
 * with the result as its exit status. Returns the child's pid or -errno, in the parent only. */
static inline int64_t arch_clone_call(struct clone_args *args, int (*function)(void *),
				      void *argument)
{
	register int (*r12)(void *) __asm__("r12") = function;
	register void *r13 __asm__("r13") = argument;
	int64_t result;

	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "mov %%r13, %%rdi\n\t"
			 "call *%%r12\n\t"
			 "mov %%eax, %%edi\n\t"
			 "mov %[exit], %%eax\n\t"
			 "syscall\n\t"
			 "hlt\n"
			 "1:"
			 : "=a"(result)
			 : "a"((int64_t)__NR_clone3), "D"(args), "S"(sizeof(*args)), "r"(r12),
			   "r"(r13), [exit] "i"(__NR_exit)
			 : "rcx", "r11", "memory");
	return result;
}

/* Copy `count` words, at least one, to `stack`, make that the stack pointer, and go to a program's
 * first instruction as the kernel does (rdx 0: nothing is to be called at exit). The words may come
 * to lie where the current stack is. */
static inline _Noreturn void arch_enter(uint64_t stack, const uint64_t *words, uint64_t count,
					uint64_t entry)
{
	register uint64_t r8 __asm__("r8") = stack;
	register uint64_t r9 __asm__("r9") = entry;

	__asm__ volatile("rep movsq\n\t"
			 "mov %%r8, %%rsp\n\t"
			 "xor %%edx, %%edx\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "jmp *%%r9"
			 :
			 : "D"(stack), "S"(words), "c"(count), "r"(r8), "r"(r9)
			 : "memory");
	__builtin_unreachable();
}

/* The kernel enters with argc, argv and envp on the stack, which start() gets the address of. */
#define ARCH_ENTRY(start)                                                                          \
	__asm__(".text\n"                                                                          \
		".globl _start\n"                                                                  \
		".type _start, @function\n"                                                        \
		"_start:\n\t"                                                                      \
		"xor %ebp, %ebp\n\t"                                                               \
		"mov %rsp, %rdi\n\t"                                                               \
		"and $-16, %rsp\n\t"                                                               \
		"call " #start "\n\t"                                                              \
		"hlt\n")

/* A process can be resumed from a snapshot (snapshot.h). */
#define ARCH_HAS_SNAPSHOT 1

/* Where a thread goes on: what a function must preserve, see the System V ABI, 3.2.1. */
struct arch_context {
	uint64_t rbx, rbp, r12, r13, r14, r15, rsp, rip;
	uint32_t mxcsr;
	uint16_t x87_control;
	uint16_t unused;
	uint32_t keys; /* rights to memory with protection keys, see pkeys(7) */
	uint32_t unused_too;
	uint64_t thread_pointer;
};

/* Returns 0; and again, with another value, when arch_resume goes to the saved context. */
uint64_t arch_save(struct arch_context *ret_context) __attribute__((returns_twice));
_Noreturn void arch_resume(const struct arch_context *context, uint64_t value);

/* Both of them, in one file of each program. */
#define ARCH_CONTEXT_FUNCTIONS                                                                     \
	__asm__(".text\n"                                                                          \
		".type arch_save, @function\n"                                                     \
		"arch_save:\n\t"                                                                   \
		"mov %rbx, 0(%rdi)\n\t"                                                            \
		"mov %rbp, 8(%rdi)\n\t"                                                            \
		"mov %r12, 16(%rdi)\n\t"                                                           \
		"mov %r13, 24(%rdi)\n\t"                                                           \
		"mov %r14, 32(%rdi)\n\t"                                                           \
		"mov %r15, 40(%rdi)\n\t"                                                           \
		"lea 8(%rsp), %rdx\n\t"                                                            \
		"mov %rdx, 48(%rdi)\n\t"                                                           \
		"mov (%rsp), %rdx\n\t"                                                             \
		"mov %rdx, 56(%rdi)\n\t"                                                           \
		"stmxcsr 64(%rdi)\n\t"                                                             \
		"fnstcw 68(%rdi)\n\t"                                                              \
		"xor %eax, %eax\n\t"                                                               \
		"ret\n"                                                                            \
		".type arch_resume, @function\n"                                                   \
		"arch_resume:\n\t"                                                                 \
		"mov %rsi, %rax\n\t"                                                               \
		"mov 0(%rdi), %rbx\n\t"                                                            \
		"mov 8(%rdi), %rbp\n\t"                                                            \
		"mov 16(%rdi), %r12\n\t"                                                           \
		"mov 24(%rdi), %r13\n\t"                                                           \
		"mov 32(%rdi), %r14\n\t"                                                           \
		"mov 40(%rdi), %r15\n\t"                                                           \
		"mov 48(%rdi), %rsp\n\t"                                                           \
		"ldmxcsr 64(%rdi)\n\t"                                                             \
		"fldcw 68(%rdi)\n\t"                                                               \
		"jmp *56(%rdi)\n")

static inline void arch_cpuid(uint32_t leaf, uint32_t subleaf, uint32_t ret_registers[4])
{
	__asm__("cpuid"
		: "=a"(ret_registers[0]), "=b"(ret_registers[1]), "=c"(ret_registers[2]),
		  "=d"(ret_registers[3])
		: "a"(leaf), "c"(subleaf));
}

/* Whether the kernel uses protection keys: rdpkru and wrpkru exist. */
static inline int arch_has_keys(void)
{
	uint32_t registers[4];

	arch_cpuid(7, 0, registers);
	return (registers[2] & (1U << 4)) != 0;
}

static inline uint32_t arch_read_keys(void)
{
	uint32_t keys;

	__asm__ volatile("rdpkru" : "=a"(keys) : "c"(0) : "edx");
	return keys;
}

static inline void arch_write_keys(uint32_t keys)
{
	__asm__ volatile("wrpkru" : : "a"(keys), "c"(0), "d"(0) : "memory");
}

static inline int64_t arch_set_thread_pointer(uint64_t address)
{
	return arch_syscall(__NR_arch_prctl, 0x1002 /* ARCH_SET_FS */, (int64_t)address, 0, 0, 0,
			    0);
}

static inline uint64_t arch_thread_pointer(void)
{
	uint64_t address = 0;

	(void)arch_syscall(__NR_arch_prctl, 0x1003 /* ARCH_GET_FS */, (int64_t)&address, 0, 0, 0,
			   0);
	return address;
}

/* A number for what the processor can do: programs choose their functions by it once. */
static inline uint64_t arch_identity(void)
{
	static const uint32_t leaves[][2] = { { 0, 0 },   { 1, 0 },    { 7, 0 },
					      { 7, 1 },   { 0xd, 0 },  { 0xd, 1 },
					      { 0x80000001, 0 } };
	uint64_t identity = UINT64_C(0xcbf29ce484222325);

	for (unsigned i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++) {
		uint32_t registers[4];

		arch_cpuid(leaves[i][0], leaves[i][1], registers);
		if (leaves[i][0] == 1)
			registers[1] = 0; /* which of the processors this is */
		for (unsigned j = 0; j < 4; j++)
			identity = (identity ^ registers[j]) * UINT64_C(0x100000001b3);
	}
	return identity;
}

/* clone(2) of a thread that goes on at `context`, where arch_save then returns 1. Returns its id or
 * -errno. */
static inline int64_t arch_clone_at(uint64_t flags, const struct arch_context *context,
				    int32_t *thread_id)
{
	register const struct arch_context *r12 __asm__("r12") = context;
	register int32_t *r10 __asm__("r10") = thread_id;
	register uint64_t r8 __asm__("r8") = context->thread_pointer;
	int64_t result;

	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "mov %%r12, %%rdi\n\t"
			 "mov $1, %%esi\n\t"
			 "jmp arch_resume\n"
			 "1:"
			 : "=a"(result)
			 : "a"((int64_t)__NR_clone), "D"(flags), "S"(context->rsp), "d"(thread_id),
			   "r"(r10), "r"(r8), "r"(r12)
			 : "rcx", "r11", "memory");
	return result;
}

/* Where a signal handler returns to, see sigreturn(2). */
#define ARCH_SIGNAL_RETURN(name)                                                                   \
	__asm__(".text\n"                                                                          \
		".type " #name ", @function\n" #name ":\n\t"                                       \
		"mov $15, %eax\n\t"                                                                \
		"syscall\n")

#elif defined(__aarch64__)

/* No process is resumed here: snapshot.c knows only the registers of x86-64. */
struct arch_context {
	uint64_t unused;
};

#define ARCH_ELF_MACHINE EM_AARCH64
#define ARCH_MULTIARCH                                                                             \
	"aarch64-linux-gnu" /* Debian's name for the directories of its libraries                  \
			     */

/* See syscall(2), "Architecture calling conventions". */
static inline int64_t arch_syscall(int64_t number, int64_t a, int64_t b, int64_t c, int64_t d,
				   int64_t e, int64_t f)
{
	register int64_t x8 __asm__("x8") = number;
	register int64_t x0 __asm__("x0") = a;
	register int64_t x1 __asm__("x1") = b;
	register int64_t x2 __asm__("x2") = c;
	register int64_t x3 __asm__("x3") = d;
	register int64_t x4 __asm__("x4") = e;
	register int64_t x5 __asm__("x5") = f;

	__asm__ volatile("svc #0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
}

/* clone3 for a child that shares this memory and runs function(argument) on args->stack; it ends
 * with the result as its exit status. Returns the child's pid or -errno, in the parent only. */
static inline int64_t arch_clone_call(struct clone_args *args, int (*function)(void *),
				      void *argument)
{
	register int64_t x8 __asm__("x8") = __NR_clone3;
	register int64_t x0 __asm__("x0") = (int64_t)args;
	register int64_t x1 __asm__("x1") = sizeof(*args);
	register int (*x19)(void *) __asm__("x19") = function;
	register void *x20 __asm__("x20") = argument;

	__asm__ volatile("svc #0\n\t"
			 "cbnz x0, 1f\n\t"
			 "mov x29, xzr\n\t"
			 "mov x0, x20\n\t"
			 "blr x19\n\t"
			 "mov x8, %[exit]\n\t"
			 "svc #0\n\t"
			 "brk #1\n"
			 "1:"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x19), "r"(x20), [exit] "i"(__NR_exit)
			 : "memory");
	return x0;
}

/* Copy `count` words, at least one, to `stack`, make that the stack pointer, and go to a program's
 * first instruction as the kernel does. The words may come to lie where the current stack is. */
static inline _Noreturn void arch_enter(uint64_t stack, const uint64_t *words, uint64_t count,
					uint64_t entry)
{
	register uint64_t x1 __asm__("x1") = stack;
	register const uint64_t *x2 __asm__("x2") = words;
	register uint64_t x3 __asm__("x3") = count;
	register uint64_t x4 __asm__("x4") = stack;
	register uint64_t x5 __asm__("x5") = entry;

	__asm__ volatile("1:\n\t"
			 "ldr x6, [x2], #8\n\t"
			 "str x6, [x1], #8\n\t"
			 "subs x3, x3, #1\n\t"
			 "b.ne 1b\n\t"
			 "mov sp, x4\n\t"
			 "mov x0, xzr\n\t"
			 "mov x29, xzr\n\t"
			 "mov x30, xzr\n\t"
			 "br x5"
			 :
			 : "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	__builtin_unreachable();
}

/* The kernel enters with argc, argv and envp on the stack, which start() gets the address of. */
#define ARCH_ENTRY(start)                                                                          \
	__asm__(".text\n"                                                                          \
		".globl _start\n"                                                                  \
		".type _start, %function\n"                                                        \
		"_start:\n\t"                                                                      \
		"mov x29, xzr\n\t"                                                                 \
		"mov x30, xzr\n\t"                                                                 \
		"mov x0, sp\n\t"                                                                   \
		"bl " #start "\n\t"                                                                \
		"brk #1\n")

#else
#error "wherry runs on x86-64 and aarch64"
#endif
