/*
 * From the table of rules to a seccomp program.
 *
 * A program is a binary search over system call numbers.  Each number has a verdict: deny, allow,
 * an errno, or a list of alternatives that look at arguments.  Neighbouring numbers with the same
 * plain verdict become one interval, so some 70 calls need about 50 comparisons, of which a call
 * meets six:
 *
 *     load arch; other -> kill the process
 *     load nr
 *     nr >= 60 ?  -- no -->  nr >= 12 ? ...                      inner nodes
 *                 -- yes ->  ...
 *     leaf:  return allow | return deny | return errno
 *     leaf with conditions, per alternative:
 *            load arg; and mask; == value ? next condition : next alternative
 *            return allow
 *        ... return deny
 *
 * It is built where it is used, in a few microseconds: no build step and no library, and the kernel
 * takes the size as its installation time.  x32 calls have numbers past the last interval, which is
 * "deny"; a call through another architecture's entry is killed by the first comparison.
 *
 * The difference between two stages (pa_filter_build with `from`) is a program of the same form
 * whose default is "allow": the stage before denied everything else already, and filters add up.
 *
 * "Deny" is SECCOMP_RET_TRAP: the call is not made, and the kernel forces SIGSYS on the thread.  By
 * default that ends the process as surely as SECCOMP_RET_KILL_PROCESS would, blocked or ignored
 * though it be; but a process may have last words, a handler that says which call it was.  The wait
 * status (SIGSYS) is the kernel's word, the number is only the process's own, and this must not
 * give an attacker a second chance:
 *
 *   - No stage has rt_sigaction for SIGSYS, so nobody puts a handler of his own there.
 *   - The handler runs once (SA_RESETHAND): then the default is back, for good.
 *   - While it runs all signals are blocked.  If its stack or its code was taken away the kernel
 *     forces a signal that is blocked, or that fails on the same stack: death.
 *   - It ends by making another forbidden call: the wait status is SIGSYS all the same.
 *
 * Who breaks even the handler has gained one more instruction, not one call.
 */
#include "jail/jail_internal.h"
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#else
#error "the jail knows x86_64 and aarch64"
#endif

#define MAX_CALLS 128 /* different calls in the table */

/* The calls of one number, or of an interval of numbers, that share a verdict. */
struct interval {
    unsigned start;   /* it ends where the next one starts */
    uint32_t verdict; /* SECCOMP_RET_*, where there are no conditions */
    const struct pa_filter_rule
        *rules; /* with conditions: `count` rows from here, those in `stage` */
    size_t count;
};

struct builder {
    struct pa_filter *filter;
    enum pa_jail_stage stage;
    struct interval intervals[2 * MAX_CALLS + 1];
    size_t count;
};

static void emit(struct builder *b, struct sock_filter instruction) {
    PA_ASSERT(b->filter->count < PA_FILTER_MAX);
    b->filter->code[b->filter->count++] = instruction;
}

static uint32_t verdict_of(const struct pa_filter_rule *rule) {
    return rule->reply == 0 ? SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO | (uint32_t)rule->reply;
}

/* Rows of one call lie together: how many from `rule` on. */
static size_t alternatives(const struct pa_filter_rule *rule) {
    const struct pa_filter_rule *end = pa_filter_rules + pa_filter_rule_count, *at = rule;
    while (at < end && at->nr == rule->nr)
        at++;
    return (size_t)(at - rule);
}

/* The verdict of one call in `stage`; false if the default stands. */
static bool judge(const struct pa_filter_rule *rules, size_t count, enum pa_jail_stage stage,
                  unsigned from, struct interval *ret) {
    const unsigned bit = 1u << stage;
    const struct pa_filter_rule *plain = NULL;
    bool here = false, before = false, lost = false;
    for (size_t i = 0; i < count; i++) {
        here |= (rules[i].stages & bit) != 0;
        before |= (rules[i].stages & from) != 0;
        lost |= (rules[i].stages & from) != 0 && (rules[i].stages & bit) == 0;
        if ((rules[i].stages & bit) != 0 && rules[i].condition_count == 0)
            plain = &rules[i];
    }
    if (from != 0 ? (!before || !lost) : !here)
        return false;
    *ret = (struct interval){.start = (unsigned)rules->nr, .verdict = PA_FILTER_DENY};
    if (plain)
        ret->verdict = verdict_of(plain);
    else if (here)
        ret->rules = rules, ret->count = count;
    return true;
}

static int by_start(const void *a, const void *b) {
    const struct interval *x = a, *y = b;
    return x->start < y->start ? -1 : x->start > y->start;
}

static void append_interval(struct builder *b, struct interval interval) {
    const struct interval *last = b->count > 0 ? &b->intervals[b->count - 1] : NULL;
    if (last && last->rules == NULL && interval.rules == NULL && last->verdict == interval.verdict)
        return;
    b->intervals[b->count++] = interval;
}

/* Fills b->intervals so that they cover all numbers, in order, without neighbours alike. */
static void find_intervals(struct builder *b, unsigned from) {
    const uint32_t otherwise = from != 0 ? SECCOMP_RET_ALLOW : PA_FILTER_DENY;
    struct interval calls[MAX_CALLS];
    size_t call_count = 0;
    for (size_t i = 0, n; i < pa_filter_rule_count; i += n) {
        n = alternatives(&pa_filter_rules[i]);
        PA_ASSERT(call_count < MAX_CALLS);
        if (judge(&pa_filter_rules[i], n, b->stage, from, &calls[call_count]))
            call_count++;
    }
    qsort(calls, call_count, sizeof(calls[0]), by_start);

    unsigned next = 0;
    for (size_t i = 0; i < call_count; i++) {
        if (calls[i].start > next)
            append_interval(b, (struct interval){.start = next, .verdict = otherwise});
        append_interval(b, calls[i]);
        next = calls[i].start + 1;
    }
    append_interval(b, (struct interval){.start = next, .verdict = otherwise});
}

/* Loads half of an argument, masks it and leaves the comparison's "no" branch to be patched. */
static size_t emit_half(struct builder *b, unsigned arg, size_t half, uint32_t mask,
                        uint32_t value) {
    const size_t offset = offsetof(struct seccomp_data, args) + arg * sizeof(uint64_t) + half;
    emit(b, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
    if (mask != UINT32_MAX)
        emit(b, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask));
    emit(b, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 0));
    return b->filter->count - 1;
}

static uint64_t value_of(const struct pa_filter_condition *condition) {
    return condition->value == PA_FILTER_SELF ? (uint64_t)getpid() : condition->value;
}

static void emit_alternative(struct builder *b, const struct pa_filter_rule *rule) {
    size_t to_patch[2 * PA_FILTER_CONDITIONS], patches = 0;
    for (size_t i = 0; i < rule->condition_count; i++) {
        const struct pa_filter_condition *c = &rule->conditions[i];
        const uint32_t high = (uint32_t)(c->mask >> 32);
        const uint64_t value = value_of(c);
        to_patch[patches++] =
            emit_half(b, c->arg, 0, (uint32_t)c->mask, (uint32_t)value); /* little-endian */
        if (high != 0)
            to_patch[patches++] = emit_half(b, c->arg, 4, high, (uint32_t)(value >> 32));
    }
    emit(b, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, verdict_of(rule)));
    for (size_t i = 0; i < patches; i++)
        b->filter->code[to_patch[i]].jf = (uint8_t)(b->filter->count - to_patch[i] - 1);
}

static void emit_leaf(struct builder *b, const struct interval *leaf) {
    for (size_t i = 0; i < leaf->count; i++)
        if ((leaf->rules[i].stages & (1u << b->stage)) != 0)
            emit_alternative(b, &leaf->rules[i]);
    emit(b, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, leaf->verdict));
}

/* The search over intervals[low .. high - 1]; the number is in the accumulator. */
static void emit_search(struct builder *b, size_t low, size_t high) {
    if (high - low == 1) {
        emit_leaf(b, &b->intervals[low]);
        return;
    }
    const size_t middle = low + (high - low) / 2, branch = b->filter->count;
    emit(b,
         (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, b->intervals[middle].start, 0, 0));
    emit_search(b, low, middle);
    const size_t distance = b->filter->count - branch - 1;
    PA_ASSERT(distance <= UINT8_MAX);
    b->filter->code[branch].jt = (uint8_t)distance;
    emit_search(b, middle, high);
}

void pa_filter_build(enum pa_jail_stage stage, unsigned from, struct pa_filter *ret) {
    struct builder b = {.filter = ret, .stage = stage};
    ret->count = 0;
    find_intervals(&b, from);
    emit(&b, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                          offsetof(struct seccomp_data, arch)));
    emit(&b, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0));
    emit(&b, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
    emit(&b,
         (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
    emit_search(&b, 0, b.count);
}

enum pa_layer_result pa_filter_install(const struct pa_filter *filter, struct pa_error *why) {
    struct sock_fprog program = {.len = (unsigned short)filter->count,
                                 .filter = (struct sock_filter *)(uintptr_t)filter->code};
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0)
        return PA_LAYER_ENTERED;
    pa_fail_errno(
        why, errno,
        "seccomp: the kernel takes no filter; it needs CONFIG_SECCOMP_FILTER (Linux 4.14)");
    return PA_LAYER_MISSING;
}

int pa_filter_allow_last_words(const struct pa_jail *jail, struct pa_error *err) {
    struct sigaction action = {.sa_sigaction = jail->last_words,
                               .sa_flags = SA_SIGINFO | SA_RESETHAND | SA_ONSTACK};
    sigfillset(&action.sa_mask);
    if (jail->last_words && sigaction(SIGSYS, &action, NULL) < 0)
        return pa_fail_errno(err, errno, "jail: preparing last words");
    return 0;
}

void pa_jail_die(void) {
    syscall(PA_FILTER_DIE);
    _exit(127); /* there was no filter: somebody sent the signal */
}
