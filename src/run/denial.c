#include "run/denial.h"

#include <seccomp.h>
#include <stdio.h>

int pa_denial_decode(const struct pa_frame *frame, char *out, size_t room) {
    struct pa_reader reader = PA_READER(frame->payload, frame->size);
    const int number = (int)pa_get_u32(&reader);
    if (!pa_reader_ok(&reader))
        return -1;
    PA_CLEANUP(pa_freep) char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);
    if (name)
        snprintf(out, room, "the system call %s (%d)", name, number);
    else
        snprintf(out, room, "the system call %d", number);
    return 0;
}
