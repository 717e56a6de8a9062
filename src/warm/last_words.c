/*
 * What a worker says when it has made a system call that the jail forbids: the number, on its
 * channel.
 *
 * This runs in the handler of SIGSYS, wherever the call was made, so it uses nothing but the stack
 * and a write.  If the call came from the middle of a frame, then the number is lost in that frame,
 * and the supervisor has the wait status only.
 */
#include "warm/worker.h"

#include <endian.h>
#include <unistd.h>

void pa_worker_last_words(int signal, siginfo_t *info, void *context) {
    (void)signal, (void)context;
    const uint32_t number = htole32((uint32_t)info->si_syscall);
    uint8_t frame[PA_FRAME_HEADER + sizeof(number)];
    pa_frame_header(frame, PA_FRAME_DENIED, 0, sizeof(number));
    memcpy(frame + PA_FRAME_HEADER, &number, sizeof(number));
    ssize_t written = write(PA_CHANNEL_FD, frame, sizeof(frame));
    (void)written; /* nothing is left to be done if nobody listens */
    pa_jail_die();
}
