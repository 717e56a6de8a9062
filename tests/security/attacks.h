/*
 * What native code inside a jailed process may try, as one table.
 *
 * Each row names the layers that stop the attempt, each of them alone.  test_probe.c holds the
 * table to that: the attempt fails in the whole jail at every stage; it fails when all of these
 * layers but one are switched off; and it succeeds when all of them are off, where this can be
 * shown (else the kernel refuses for a reason of its own, or the attempt would harm the machine).
 */
#ifndef PA_TESTS_ATTACKS_H
#define PA_TESTS_ATTACKS_H

#include "jail/jail.h"
#include <errno.h>
#include <sys/types.h>

/* Descriptors of the attacker. */
#define CHANNEL_FD  3
#define ARTIFACT_FD 4 /* a program, open for reading */
#define READ_FD     5 /* a directory mounted read-only */
#define WRITE_FD    6 /* a directory mounted writable */
#define LEAKED_FD   7 /* open when the process was born, not named to the jail */

/* What there is to attack; outside the jail. */
struct world {
    char base[64];     /* a directory with "secret", "scratch" (writable by all), "read", "write" */
    char socket[108];  /* a listening Unix socket's path */
    char abstract[64]; /* a listening abstract socket's name, without its leading 0 */
    pid_t victim;      /* a process of the same uid, outside */
    int port;          /* a listening TCP port of 127.0.0.1 */
    int ipc_key;       /* of a shared memory segment, a queue and a semaphore open to all */
};

#define S(stage) (1u << PA_JAIL_##stage)

struct attack {
    const char *name;
    unsigned layers;     /* 1 << enum pa_jail_layer; 0: done before any layer, always */
    bool shown;          /* with `layers` off it succeeds */
    unsigned allowed_in; /* stages that need it and therefore allow it */
    int (*attempt)(const struct world *world); /* 0: it worked; else an errno */
};

/* By what they aim at: outside_attacks are files and the network (attacks_outside.c),
 * inside_attacks processes, privileges and the kernel (attacks_inside.c). */
extern const struct attack outside_attacks[], inside_attacks[];
extern const size_t outside_attack_count, inside_attack_count;

#define NS  (1u << PA_LAYER_NAMESPACES)
#define CAP (1u << PA_LAYER_CAPABILITIES)
#define LL  (1u << PA_LAYER_LANDLOCK)
#define SEC (1u << PA_LAYER_SECCOMP)
#define LIM (1u << PA_LAYER_RLIMITS)

#define WARMS (S(WARM) | S(LOAD_WARM))
#define LOADS (S(LOAD) | S(LOAD_WARM))

#define MIB (UINT64_C(1) << 20)

/* 0, or the errno of a system call that returned -1. */
static inline int result(long value) {
    return value < 0 ? errno : 0;
}

/* A one-line attempt: a system call that works or does not. */
#define CALL(name, expression)                                                                     \
    static int name(const struct world *world) {                                                   \
        (void)world;                                                                               \
        return result(expression);                                                                 \
    }

#endif
