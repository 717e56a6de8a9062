/*
 * A bounded crew of threads for what blocks: each job has a thread of its own until it is done.
 *
 *     pa_crew_run(crew, serve, call)      -1: everybody is busy; nothing waits here
 *
 * Threads are made when they are needed, and leave when they had nothing to do for a while.  The
 * one that rested last is woken first: its stack is still in the cache.
 */
#ifndef PA_SERVER_GRPC_CREW_H
#define PA_SERVER_GRPC_CREW_H

#include "base/macros.h"

struct pa_crew;

struct pa_crew *pa_crew_new(unsigned most);
struct pa_crew *pa_crew_free(struct pa_crew *crew); /* waits for the jobs there are; NULL */
int pa_crew_run(struct pa_crew *crew, void (*job)(void *argument), void *argument);

#endif
