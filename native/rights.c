/* What the program of a child may do: `capset`, `no-new-privs` and `seccomp`, and when it counts.
 */
#include "child.h"
#include "steps.h"
#include "text.h"
#include <linux/seccomp.h>

enum { EFFECTIVE, PERMITTED, INHERITABLE, AMBIENT };

/* Remembered for child_take_rights. */
int step_capset(struct child *child, const struct step *step)
{
	struct program_rights *rights = &child->rights;

	rights->has_capabilities = true;
	rights->capset_index = step->index;
	for (uint32_t set = 0; set < CAPABILITY_SETS; set++)
		rights->capabilities[set] = step_number(step, set);
	return 0;
}

/* prctl(2): set-user-ID programs and file capabilities give nothing any more. */
int step_no_new_privs(struct child *child, const struct step *step)
{
	(void)step;
	child->rights.has_no_new_privs = true;
	return sys_prctl(PR_SET_NO_NEW_PRIVS, 1, 0);
}

/* Remembered for child_take_rights. A kernel without filters is told of here, while the monitor can
 * still be told. */
int step_seccomp(struct child *child, const struct step *step)
{
	struct program_rights *rights = &child->rights;
	const char *digits = step_text(step, 1);
	size_t size = text_length(digits) / 2;
	uint32_t action = SECCOMP_RET_ALLOW;
	int result = (int)SYS(seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action);

	if (result < 0)
		return result;
	rights->filter.filter = sys_allocate(size);
	if (rights->filter.filter == NULL)
		return -ENOMEM;
	rights->filter.len = (uint16_t)(size / sizeof(struct sock_filter));
	rights->filter_flags = step_number(step, 0);
	rights->seccomp_index = step->index;
	return parse_bytes(digits, size, rights->filter.filter);
}

static int set_ambient(uint64_t caps)
{
	int result = (int)SYS(prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);

	for (uint32_t cap = 0; cap < 64 && result == 0; cap++)
		if ((caps >> cap & 1) != 0)
			result = sys_prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap);
	return result;
}

/* capset(2), with `more` than the program is to have. The kernel takes each set as two halves of 32
 * bits. */
static int set_capabilities(const struct program_rights *rights, uint64_t more)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct halves[2];
	const uint64_t *sets = rights->capabilities;

	for (unsigned i = 0; i < 2; i++)
		halves[i] = (struct __user_cap_data_struct){
			.effective = (uint32_t)((sets[EFFECTIVE] | more) >> LOWER_CAPS * i),
			.permitted = (uint32_t)((sets[PERMITTED] | more) >> LOWER_CAPS * i),
			.inheritable = (uint32_t)(sets[INHERITABLE] >> LOWER_CAPS * i),
		};
	return (int)SYS(capset, &header, halves);
}

/* capset(2), and the ambient set of prctl(2). */
static int take_capabilities(struct child *child)
{
	const struct program_rights *rights = &child->rights;
	int result;

	if (!rights->has_capabilities)
		return 0;
	child->step.index = rights->capset_index;
	result = set_capabilities(rights, 0);
	return result < 0 ? result : set_ambient(rights->capabilities[AMBIENT]);
}

/* seccomp(2). With flags that it answers to by a descriptor nobody would serve that. */
static int install_filter(struct child *child)
{
	const struct program_rights *rights = &child->rights;
	int result;

	if (rights->filter.len == 0)
		return 0;
	child->step.index = rights->seccomp_index;
	result = (int)SYS(seccomp, SECCOMP_SET_MODE_FILTER, rights->filter_flags, &rights->filter);
	return result > 0 ? -EINVAL : result;
}

/* With no-new-privs anybody may have a filter, and execve follows at once. Otherwise that takes
 * CAP_SYS_ADMIN, which is given up afterwards, by calls that pass the filter. */
int child_take_rights(struct child *child)
{
	const struct program_rights *rights = &child->rights;
	const uint32_t index = child->step.index;
	bool needs_admin = rights->filter.len > 0 && !rights->has_no_new_privs;
	int result = 0;

	if (needs_admin && rights->has_capabilities) {
		child->step.index = rights->capset_index;
		result = set_capabilities(rights, UINT64_C(1) << CAP_SYS_ADMIN);
	}
	if (result == 0 && needs_admin)
		result = install_filter(child);
	if (result == 0)
		result = take_capabilities(child);
	if (result == 0 && !needs_admin)
		result = install_filter(child);
	if (result == 0)
		child->step.index = index;
	return result;
}
