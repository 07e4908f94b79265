/* Which devices the processes of the container's cgroup may make, read and write: bpf(2), and the
 * kernel's Documentation/bpf/libbpf/program_types.rst, BPF_PROG_TYPE_CGROUP_DEVICE. */
#include "steps.h"
#include "text.h"
#include <linux/bpf.h>

#define MAX_PROGRAMS 64 /* of one cgroup: BPF_CGROUP_MAX_PROGS of the kernel */

/* The kernel refuses attributes that it does not know and that are not 0. */
static int bpf(int command, union bpf_attr *attributes)
{
	return (int)SYS(bpf, command, attributes, sizeof(*attributes));
}

/* Returns the descriptor of the program, or -errno. */
static int load_program(const void *instructions, size_t size)
{
	union bpf_attr attributes;

	memset(&attributes, 0, sizeof(attributes));
	attributes.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attributes.expected_attach_type = BPF_CGROUP_DEVICE;
	attributes.insns = (uintptr_t)instructions;
	attributes.insn_cnt = (uint32_t)(size / sizeof(struct bpf_insn));
	attributes.license = (uintptr_t) "Apache-2.0";
	return bpf(BPF_PROG_LOAD, &attributes);
}

static int attach_program(int cgroup, int program)
{
	union bpf_attr attributes;

	memset(&attributes, 0, sizeof(attributes));
	attributes.target_fd = (uint32_t)cgroup;
	attributes.attach_bpf_fd = (uint32_t)program;
	attributes.attach_type = BPF_CGROUP_DEVICE;
	/* Those of the cgroups above and below count too. */
	attributes.attach_flags = BPF_F_ALLOW_MULTI;
	return bpf(BPF_PROG_ATTACH, &attributes);
}

static int detach_program(int cgroup, uint32_t id)
{
	cleanup_close int program = -1;
	union bpf_attr attributes;

	memset(&attributes, 0, sizeof(attributes));
	attributes.prog_id = id;
	program = bpf(BPF_PROG_GET_FD_BY_ID, &attributes);
	if (program < 0)
		return program;
	memset(&attributes, 0, sizeof(attributes));
	attributes.target_fd = (uint32_t)cgroup;
	attributes.attach_bpf_fd = (uint32_t)program;
	attributes.attach_type = BPF_CGROUP_DEVICE;
	return bpf(BPF_PROG_DETACH, &attributes);
}

/* Detach what a crash has left in a cgroup that is taken over. */
static int detach_programs(int cgroup)
{
	uint32_t ids[MAX_PROGRAMS];
	union bpf_attr attributes;
	int result;

	memset(&attributes, 0, sizeof(attributes));
	attributes.query.target_fd = (uint32_t)cgroup;
	attributes.query.attach_type = BPF_CGROUP_DEVICE;
	attributes.query.prog_ids = (uintptr_t)ids;
	attributes.query.prog_cnt = MAX_PROGRAMS;
	result = bpf(BPF_PROG_QUERY, &attributes);
	for (uint32_t i = 0; result == 0 && i < attributes.query.prog_cnt; i++)
		result = detach_program(cgroup, ids[i]);
	return result;
}

static int attach_only(int cgroup, const void *instructions, size_t size)
{
	cleanup_close int program = load_program(instructions, size);
	int result = program < 0 ? program : detach_programs(cgroup);

	return result < 0 ? result : attach_program(cgroup, program);
}

int check_device_filter(const char *text)
{
	struct bpf_insn instruction;
	int result = -EINVAL;

	for (; *text != '\0'; text += 2 * sizeof(instruction)) {
		result = parse_bytes(text, sizeof(instruction), &instruction);
		if (result < 0)
			return result;
	}
	return result;
}

/* The cgroup keeps the program until it is removed itself, so for all runs and for each `exec`. */
int step_device_filter(struct monitor *monitor, const struct step *step)
{
	const char *text = step_text(step, 0);
	size_t size = text_length(text) / 2;
	void *instructions;
	int result;

	if (!monitor->cgroup.is_owned)
		return -EOPNOTSUPP;
	instructions = sys_allocate(size);
	if (instructions == NULL)
		return -ENOMEM;
	(void)parse_bytes(text, size, instructions);
	result = attach_only(monitor->cgroup.dir, instructions, size);
	sys_free(instructions, size);
	return result;
}
