/*
 * What a worker says last when it has made a system call that the jail forbids (PA_FRAME_DENIED).
 */
#ifndef PA_RUN_DENIAL_H
#define PA_RUN_DENIAL_H

#include "warm/frame.h"

#define PA_DENIAL_ROOM 64

/* "the system call socket (41)" into `out`; -1 if the frame has another form. */
int pa_denial_decode(const struct pa_frame *frame, char *out, size_t room);

#endif
