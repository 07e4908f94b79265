#include "plan.h"
#include "monitor.h"
#include "text.h"
#include <linux/bpf_common.h>
#include <linux/filter.h>

static const char HEADER[] = "wherry-plan\0001"; /* and the NUL that C adds */

#define NAMESPACES                                                                                 \
	((uint64_t)CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |   \
	 CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWTIME)

uint32_t word_minimum(const struct word *word)
{
	uint32_t count = (uint32_t)text_length(word->types);

	return count > 0 && word->types[count - 1] == '*' ? count - 2 : count;
}

uint32_t word_maximum(const struct word *word)
{
	uint32_t count = (uint32_t)text_length(word->types);

	return count > 0 && word->types[count - 1] == '*' ? ANY_COUNT : count;
}

static char argument_type(const struct word *word, uint32_t argument)
{
	uint32_t minimum = word_minimum(word);

	return word->types[argument < minimum || word->types[minimum] == '\0' ? argument : minimum];
}

static int parse_flags(const char *text, uint64_t *ret_flags)
{
	uint64_t flags;

	if (parse_number(text, 10, UINT32_MAX, &flags) < 0 || (flags & ~NAMESPACES) != 0)
		return -EINVAL;
	*ret_flags = flags;
	return 0;
}

/* A number from -1000 to 1000, as its two's complement. */
static int parse_adjustment(const char *text, uint64_t *ret_number)
{
	bool is_negative = *text == '-';
	int result = parse_number(is_negative ? text + 1 : text, 10, 1000, ret_number);

	if (result == 0 && is_negative)
		*ret_number = -*ret_number;
	return result;
}

static int parse_limit(const char *text, uint64_t *ret_number)
{
	if (!text_equal(text, "-1"))
		return parse_number(text, 10, UINT64_MAX, ret_number);
	*ret_number = UINT64_MAX;
	return 0;
}

/* Hexadecimal digits of a program that the kernel may take. */
static int check_filter(const char *text)
{
	struct sock_filter instruction;
	const size_t digits = 2 * sizeof(instruction);
	size_t length = text_length(text);

	if (length == 0 || length % digits != 0 || length / digits > BPF_MAXINSNS)
		return -EINVAL;
	for (; *text != '\0'; text += digits)
		if (parse_bytes(text, sizeof(instruction), &instruction) < 0)
			return -EINVAL;
	return 0;
}

static int parse_argument(char type, const char *text, uint64_t *ret_number)
{
	enum restart_policy policy;

	switch (type) {
	case 'u':
		return parse_number(text, 10, UINT32_MAX, ret_number);
	case 'U':
		return parse_number(text, 10, UINT64_MAX, ret_number);
	case 'o':
		return parse_number(text, 8, 0177777, ret_number);
	case 'x':
		return parse_number(text, 16, UINT64_MAX, ret_number);
	case 'l':
		return parse_limit(text, ret_number);
	case 'a':
		return parse_adjustment(text, ret_number);
	case 'g':
		return *text == '0' ? -EINVAL : parse_number(text, 10, SIGNAL_COUNT, ret_number);
	case 'n':
		return parse_flags(text, ret_number);
	case 'p':
		return *text == '\0' || text_length(text) >= PATH_SIZE ? -EINVAL : 0;
	case 'i':
		return text_equal(text, "null") || text_equal(text, "pipe") ||
				       text_equal(text, "terminal")
			       ? 0
			       : -EINVAL;
	case 'f':
		return text_equal(text, "cri") || text_equal(text, "json") ? 0 : -EINVAL;
	case 'h':
		return text_equal(text, "none") || text_equal(text, "restart") ||
				       text_equal(text, "stop") || text_equal(text, "kill")
			       ? 0
			       : -EINVAL;
	case 'k':
		return text_equal(text, "container") || text_equal(text, "exec") ? 0 : -EINVAL;
	case 't':
		return text_equal(text, "now") || text_equal(text, "later") ? 0 : -EINVAL;
	case 'w':
		return text_equal(text, "required") || text_equal(text, "wanted") ? 0 : -EINVAL;
	case 'v':
		return text_equal(text, "unified") || text_equal(text, "v1") ? 0 : -EINVAL;
	case 'b':
		return check_filter(text);
	case 'y':
		return check_device_filter(text);
	case 'd':
		return text_equal(text, "durable") || text_equal(text, "volatile") ? 0 : -EINVAL;
	case 'r':
		return parse_policy(text, &policy);
	default:
		return 0;
	}
}

const char *step_text(const struct step *step, uint32_t argument)
{
	const char *text = step->arguments;

	while (argument-- > 0)
		text += text_length(text) + 1;
	return text;
}

uint64_t step_number(const struct step *step, uint32_t argument)
{
	uint64_t number = 0;

	(void)parse_argument(argument_type(step->word, argument), step_text(step, argument),
			     &number);
	return number;
}

const char *point_to_strings(const char **pointers, const char *strings, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		pointers[i] = strings;
		strings += text_length(strings) + 1;
	}
	pointers[count] = NULL;
	return strings;
}

/* Read all from `offset` on to the same place of `data`. */
static int read_all(int fd, char *data, size_t size, size_t offset)
{
	while (offset < size) {
		int64_t got = sys_pread(fd, data + offset, size - offset, offset);

		if (got < 0)
			return (int)got;
		if (got == 0)
			return -EINVAL;
		offset += (size_t)got;
	}
	return 0;
}

int plan_load(int fd, struct plan *ret_plan)
{
	int64_t size = sys_seek_end(fd);
	char *data;
	int result;

	if (size < 0)
		return (int)size;
	if (size < (int64_t)sizeof(HEADER) || size > PLAN_MAX_SIZE)
		return -EINVAL;
	data = sys_allocate((size_t)size);
	if (data == NULL)
		return -ENOMEM;
	result = read_all(fd, data, (size_t)size, 0);
	if (result < 0)
		return result;
	if (data[size - 1] != '\0' || memcmp(data, HEADER, sizeof(HEADER)) != 0)
		return -EINVAL;
	*ret_plan = (struct plan){ data, (size_t)size, data + sizeof(HEADER), 0 };
	return 0;
}

/* The next string, or NULL at the end of the plan. The plan's last byte is a NUL, so no string is
 * open. */
static const char *take_string(struct plan *plan)
{
	const char *string = plan->next;

	if (string == plan->data + plan->size)
		return NULL;
	plan->next = string + text_length(string) + 1;
	return string;
}

static const struct word *find_word(const char *name)
{
	for (unsigned i = 0; i < WORD_COUNT; i++)
		if (text_equal(WORDS[i].name, name))
			return &WORDS[i];
	return NULL;
}

int plan_next(struct plan *plan, struct step *ret_step)
{
	const char *name = take_string(plan);
	const char *number;
	uint64_t count;
	struct step step;

	if (name == NULL)
		return 0;
	step.word = find_word(name);
	number = take_string(plan);
	if (step.word == NULL || number == NULL || parse_number(number, 10, plan->size, &count) < 0)
		return -EINVAL;
	step.index = plan->index;
	step.count = (uint32_t)count;
	step.arguments = plan->next;
	for (uint64_t i = 0; i < count; i++)
		if (take_string(plan) == NULL)
			return -EINVAL;
	plan->index++;
	*ret_step = step;
	return 1;
}

static int check_arguments(const struct step *step)
{
	const char *text = step->arguments;
	uint64_t number;

	if (step->count < word_minimum(step->word) || step->count > word_maximum(step->word))
		return -EINVAL;
	for (uint32_t i = 0; i < step->count; i++) {
		if (parse_argument(argument_type(step->word, i), text, &number) < 0)
			return -EINVAL;
		text += text_length(text) + 1;
	}
	return 0;
}

/* `exec` says itself how many of its strings are argv; there must be an argv[0]. */
static bool is_executable(const struct step *step)
{
	return step_number(step, 0) >= 1 && step_number(step, 0) < step->count;
}

/* Words that end the steps of a process. */
static bool is_last(const char *name)
{
	return text_equal(name, "exec") || text_equal(name, "idle") || text_equal(name, "show");
}

/* The parts of a plan in their order: what the monitor does, the steps of init, and those of a
 * health check. */
enum part { IN_MONITOR, IN_INIT, AFTER_INIT, IN_CHECK, AFTER_CHECK };

/* In which part the plan is after `step`, or -EINVAL when that has no place in this one. */
static int next_part(int part, const struct step *step)
{
	const char *name = step->word->name;
	bool is_check = text_equal(name, "check");

	switch (part) {
	case IN_MONITOR:
		if (is_check || step->word->in_child != NULL)
			return -EINVAL;
		return text_equal(name, "clone") ? IN_INIT : IN_MONITOR;
	case AFTER_INIT:
		return is_check ? IN_CHECK : -EINVAL;
	case IN_INIT:
	case IN_CHECK:
		if (step->word->in_child == NULL)
			return -EINVAL;
		if (text_equal(name, "exec") && !is_executable(step))
			return -EINVAL;
		return is_last(name) ? part + 1 : part;
	default:
		return -EINVAL;
	}
}

static int check_steps(struct plan *plan)
{
	struct step step;
	int part = IN_MONITOR;
	int result = plan_next(plan, &step);

	while (result > 0) {
		plan->index = step.index;
		if (step.index >= PLAN_MAX_STEPS || check_arguments(&step) < 0)
			return -EINVAL;
		part = next_part(part, &step);
		if (part < 0)
			return part;
		if (plan->next == plan->data + plan->size)
			return part == AFTER_INIT || part == AFTER_CHECK ? 0 : -EINVAL;
		plan->index = step.index + 1;
		result = plan_next(plan, &step);
	}
	return -EINVAL;
}

int plan_check(struct plan *plan)
{
	struct plan start = *plan;
	int result = check_steps(plan);

	if (result == 0)
		*plan = start;
	return result;
}

/* With pages larger than 4 KiB the kernel may refuse, and a little memory more is kept. */
void plan_discard_rest(const struct plan *plan)
{
	uintptr_t first = ((uintptr_t)plan->next + 4095) & ~(uintptr_t)4095;
	uintptr_t end = (uintptr_t)plan->data + plan->size;

	if (first < end)
		sys_discard((void *)first, end - first);
}

int plan_read_rest(int fd, const struct plan *plan)
{
	return read_all(fd, plan->data, plan->size, (size_t)(plan->next - plan->data));
}

const char *find_step_word(const struct plan *plan, uint32_t index)
{
	struct plan steps = *plan;
	struct step step = { 0 };
	const char *word = "";

	if (plan_read_rest(PLAN_FD, &steps) < 0)
		return word;
	while (plan_next(&steps, &step) > 0 && step.index < index)
		continue;
	if (step.word != NULL && step.index == index)
		word = step.word->name;
	plan_discard_rest(plan);
	return word;
}
