/* Who runs next: bounds, turns, memory, giving up. */
#include "test.h"
#include "server/scheduler.h"

#include "base/clock.h"
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define NEVER UINT64_MAX

/* A call in a thread of its own, which notes when it came in. */
struct call {
    struct pa_scheduler *scheduler;
    struct pa_scheduler_ticket ticket;
    pthread_t thread;
    atomic_int *order, place; /* 1 for the first that came in */
    atomic_bool queued;
    int let_go; /* eventfd: it leaves when this is readable */
    int result;
    uint64_t retry_after_ms;
    struct pa_error err;
};

static void note_queued(void *context) {
    atomic_store(&((struct call *)context)->queued, true);
}

static void *run(void *context) {
    struct call *call = context;
    call->result =
        pa_scheduler_enter(call->scheduler, &call->ticket, &call->retry_after_ms, &call->err);
    if (call->result < 0)
        return NULL;
    atomic_store(&call->place, atomic_fetch_add(call->order, 1) + 1);
    eventfd_t ignored;
    eventfd_read(call->let_go, &ignored);
    pa_scheduler_leave(call->scheduler, &call->ticket);
    return NULL;
}

static void wait_for(bool (*condition)(struct call *call), struct call *call) {
    for (int i = 0; i < 60000 && !condition(call); i++)
        poll(NULL, 0, 1);
    assert_true(condition(call));
}

static bool is_in(struct call *call) {
    return atomic_load(&call->place) > 0;
}

static bool is_queued(struct call *call) {
    return atomic_load(&call->queued);
}

static void begin(struct call *call, struct pa_scheduler *scheduler, const char *caller,
                  atomic_int *order) {
    if (!call->ticket.caller_running_most)
        call->ticket.caller_running_most = NEVER;
    call->ticket.caller_queued_most = 100;
    if (!call->ticket.memory_bytes)
        call->ticket.memory_bytes = 1;
    if (!call->ticket.deadline_ns)
        call->ticket.deadline_ns = NEVER;
    if (!call->ticket.cancel_fd)
        call->ticket.cancel_fd = -1;
    call->ticket.caller = caller;
    call->ticket.queued = note_queued;
    call->ticket.context = call;
    call->scheduler = scheduler;
    call->order = order;
    call->let_go = eventfd(0, EFD_CLOEXEC);
    assert_int_equal(pthread_create(&call->thread, NULL, run, call), 0);
}

static void end(struct call *call) {
    eventfd_write(call->let_go, 1);
    pthread_join(call->thread, NULL);
    close(call->let_go);
}

static struct pa_scheduler *make(uint64_t running, uint64_t memory, uint64_t queued) {
    return pa_scheduler_new(&(struct pa_scheduler_limits){running, memory, queued});
}

static void as_many_as_there_are_places(void **state) {
    struct pa_scheduler *scheduler = make(2, 100, 10);
    struct call calls[3] = {0};
    atomic_int order = 0;
    struct pa_scheduler_state now;
    for (int i = 0; i < 2; i++) {
        begin(&calls[i], scheduler, "a", &order);
        wait_for(is_in, &calls[i]);
    }
    begin(&calls[2], scheduler, "a", &order);
    wait_for(is_queued, &calls[2]);
    pa_scheduler_state(scheduler, &now);
    assert_int_equal(now.running, 2);
    assert_int_equal(now.queued, 1);
    assert_int_equal(now.memory_bytes, 2);
    assert_false(is_in(&calls[2]));
    end(&calls[0]);
    wait_for(is_in, &calls[2]);
    end(&calls[1]);
    end(&calls[2]);
    pa_scheduler_state(scheduler, &now);
    assert_int_equal(now.running + now.queued + now.memory_bytes + now.callers, 0);
    assert_true(now.mean_run_ns > 0);
    pa_scheduler_free(scheduler);
}

/* One caller has five waiting when another comes with two: they take turns. */
static void callers_take_turns(void **state) {
    struct pa_scheduler *scheduler = make(1, 100, 100);
    struct call first = {0}, many[5] = {0}, few[2] = {0};
    atomic_int order = 0;
    begin(&first, scheduler, "first", &order);
    wait_for(is_in, &first);
    for (int i = 0; i < 5; i++) {
        begin(&many[i], scheduler, "many", &order);
        wait_for(is_queued, &many[i]);
    }
    for (int i = 0; i < 2; i++) {
        begin(&few[i], scheduler, "few", &order);
        wait_for(is_queued, &few[i]);
    }
    struct call *expected[] = {&many[0], &few[0], &many[1], &few[1], &many[2], &many[3], &many[4]};
    end(&first);
    for (size_t i = 0; i < PA_ARRAY_LEN(expected); i++) {
        wait_for(is_in, expected[i]);
        assert_int_equal(atomic_load(&expected[i]->place), i + 2);
        end(expected[i]);
    }
    pa_scheduler_free(scheduler);
}

static void full_is_refused_at_once(void **state) {
    struct pa_scheduler *scheduler = make(1, 100, 1);
    struct call running = {0}, waiting = {0}, refused = {0};
    atomic_int order = 0;
    begin(&running, scheduler, "a", &order);
    wait_for(is_in, &running);
    begin(&waiting, scheduler, "a", &order);
    wait_for(is_queued, &waiting);
    begin(&refused, scheduler, "b", &order);
    end(&refused);
    assert_int_equal(refused.result, -1);
    assert_int_equal(refused.err.code, PA_ERR_RESOURCE_EXHAUSTED);
    assert_true(refused.retry_after_ms >= 1 && refused.retry_after_ms <= 60000);
    end(&running);
    end(&waiting);
    assert_int_equal(waiting.result, 0);
    pa_scheduler_free(scheduler);
}

/* A caller at its own limit waits, and is passed by others. */
static void a_caller_has_a_limit_of_its_own(void **state) {
    struct pa_scheduler *scheduler = make(3, 100, 10);
    struct call first = {.ticket.caller_running_most = 1},
                second = {.ticket.caller_running_most = 1}, other = {0};
    atomic_int order = 0;
    begin(&first, scheduler, "a", &order);
    wait_for(is_in, &first);
    begin(&second, scheduler, "a", &order);
    wait_for(is_queued, &second);
    begin(&other, scheduler, "b", &order);
    wait_for(is_in, &other);
    assert_false(is_in(&second));
    end(&first);
    wait_for(is_in, &second);
    end(&second);
    end(&other);
    pa_scheduler_free(scheduler);
}

/* A large one keeps its turn: small ones do not pass it for ever. */
static void memory_is_kept_for_whose_turn_it_is(void **state) {
    struct pa_scheduler *scheduler = make(10, 100, 10);
    struct call small = {.ticket.memory_bytes = 60}, large = {.ticket.memory_bytes = 80},
                later = {.ticket.memory_bytes = 10};
    atomic_int order = 0;
    begin(&small, scheduler, "a", &order);
    wait_for(is_in, &small);
    begin(&large, scheduler, "b", &order);
    wait_for(is_queued, &large);
    begin(&later, scheduler, "c", &order);
    wait_for(is_queued, &later);
    assert_false(is_in(&later));
    end(&small);
    wait_for(is_in, &large);
    wait_for(is_in, &later);
    end(&large);
    end(&later);
    pa_scheduler_free(scheduler);
}

static void more_memory_than_there_is(void **state) {
    struct pa_scheduler *scheduler = make(10, 100, 10);
    struct call call = {.ticket.memory_bytes = 101};
    atomic_int order = 0;
    begin(&call, scheduler, "a", &order);
    end(&call);
    assert_int_equal(call.result, -1);
    assert_int_equal(call.err.code, PA_ERR_RESOURCE_EXHAUSTED);
    assert_int_equal(call.retry_after_ms, 0);
    assert_non_null(strstr(call.err.message, "server.max_memory_bytes"));
    pa_scheduler_free(scheduler);
}

static void giving_up(void **state) {
    struct pa_scheduler *scheduler = make(1, 100, 10);
    int cancel = eventfd(0, EFD_CLOEXEC);
    struct call running = {0}, late = {.ticket.deadline_ns = 1},
                cancelled = {.ticket.cancel_fd = cancel}, last = {0};
    atomic_int order = 0;
    begin(&running, scheduler, "a", &order);
    wait_for(is_in, &running);
    late.ticket.deadline_ns = pa_clock_monotonic_ns() + 300 * PA_NS_PER_MS;
    begin(&late, scheduler, "b", &order);
    begin(&cancelled, scheduler, "b", &order);
    wait_for(is_queued, &cancelled);
    begin(&last, scheduler, "b", &order);
    wait_for(is_queued, &last);
    eventfd_write(cancel, 1);
    pthread_join(cancelled.thread, NULL);
    pthread_join(late.thread, NULL);
    assert_int_equal(cancelled.err.code, PA_ERR_CANCELLED);
    assert_int_equal(late.err.code, PA_ERR_DEADLINE_EXCEEDED);
    assert_true(late.ticket.waited_ns > 0);
    end(&running);
    wait_for(is_in, &last);
    end(&last);
    close(cancelled.let_go);
    close(late.let_go);
    close(cancel);
    struct pa_scheduler_state now;
    pa_scheduler_state(scheduler, &now);
    assert_int_equal(now.running + now.queued + now.callers, 0);
    pa_scheduler_free(scheduler);
}

/* What is held beside runs leaves less for them; who could not come in even alone is told so. */
static void memory_that_is_held(void **state) {
    struct pa_scheduler *scheduler = make(4, 100, 10);
    struct call first = {.ticket.memory_bytes = 30}, second = {.ticket.memory_bytes = 30},
                third = {.ticket.memory_bytes = 70}, fourth = {.ticket.memory_bytes = 60};
    atomic_int order = 0;
    pa_scheduler_hold(scheduler, 50);
    begin(&first, scheduler, "a", &order);
    wait_for(is_in, &first);
    begin(&second, scheduler, "b", &order);
    wait_for(is_queued, &second);
    assert_false(is_in(&second)); /* 50 + 30 + 30 */
    pa_scheduler_hold(scheduler, 40);
    wait_for(is_in, &second);

    begin(&third, scheduler, "c", &order); /* 40 + 70: when everybody has gone it does not fit */
    pthread_join(third.thread, NULL);
    assert_int_equal(third.result, -1);
    assert_int_equal(third.err.code, PA_ERR_RESOURCE_EXHAUSTED);
    assert_non_null(strstr(third.err.message, "sessions hold"));
    assert_true(third.retry_after_ms > 0);

    begin(&fourth, scheduler, "d", &order);
    wait_for(is_queued, &fourth);
    pa_scheduler_hold(scheduler, 120); /* more than there is */
    pthread_join(fourth.thread, NULL);
    assert_int_equal(fourth.err.code, PA_ERR_RESOURCE_EXHAUSTED);
    end(&first);
    end(&second);
    close(third.let_go);
    close(fourth.let_go);
    pa_scheduler_hold(scheduler, 0);
    struct pa_scheduler_state now;
    pa_scheduler_state(scheduler, &now);
    assert_int_equal(now.running + now.queued + now.memory_bytes + now.callers, 0);
    pa_scheduler_free(scheduler);
}

/* Who waits for something else counts in the queue and has no place. */
static void waiting_for_something_else(void **state) {
    struct pa_scheduler *scheduler = make(1, 100, 2);
    struct pa_scheduler_ticket tickets[3];
    struct pa_scheduler_state now;
    struct call other = {0};
    struct pa_error err;
    atomic_int order = 0;
    uint64_t retry_ms;
    for (int i = 0; i < 3; i++)
        tickets[i] = (struct pa_scheduler_ticket){.caller = "a",
                                                  .caller_running_most = NEVER,
                                                  .caller_queued_most = 10,
                                                  .memory_bytes = 1,
                                                  .deadline_ns = NEVER,
                                                  .cancel_fd = -1};
    for (int i = 0; i < 2; i++)
        assert_int_equal(pa_scheduler_wait(scheduler, &tickets[i], &retry_ms, &err), 0);
    assert_int_equal(pa_scheduler_wait(scheduler, &tickets[2], &retry_ms, &err), -1);
    assert_int_equal(err.code, PA_ERR_RESOURCE_EXHAUSTED);
    assert_true(retry_ms > 0);
    pa_scheduler_give_up(scheduler, &tickets[2]); /* which has no effect */
    pa_scheduler_state(scheduler, &now);
    assert_int_equal(now.queued, 2);
    assert_int_equal(now.running, 0);

    begin(&other, scheduler, "b", &order);
    wait_for(is_in, &other);
    pa_scheduler_give_up(scheduler, &tickets[0]);
    end(&other);
    assert_int_equal(pa_scheduler_enter(scheduler, &tickets[1], &retry_ms, &err), 0);
    pa_scheduler_state(scheduler, &now);
    assert_int_equal(now.queued, 0);
    assert_int_equal(now.running, 1);
    pa_scheduler_leave(scheduler, &tickets[1]);

    /* A queue that filled meanwhile does not refuse who waited already. */
    struct call running = {0}, full[1] = {0};
    tickets[0].deadline_ns = pa_clock_monotonic_ns() + 1000000;
    assert_int_equal(pa_scheduler_wait(scheduler, &tickets[0], &retry_ms, &err), 0);
    begin(&running, scheduler, "b", &order);
    wait_for(is_in, &running);
    begin(&full[0], scheduler, "b", &order);
    wait_for(is_queued, &full[0]);
    assert_int_equal(pa_scheduler_enter(scheduler, &tickets[0], &retry_ms, &err), -1);
    assert_int_equal(err.code, PA_ERR_DEADLINE_EXCEEDED);
    end(&running);
    wait_for(is_in, &full[0]);
    end(&full[0]);
    pa_scheduler_state(scheduler, &now);
    assert_int_equal(now.running + now.queued + now.memory_bytes + now.callers, 0);
    pa_scheduler_free(scheduler);
}

/* Many threads, three callers, some that give up: the bounds hold all the time. */
struct storm {
    struct pa_scheduler *scheduler;
    const char *caller;
    atomic_uint *inside, *most;
    atomic_uint *entered;
};

static void *storm(void *context) {
    struct storm *storm = context;
    for (int i = 0; i < 300; i++) {
        struct pa_scheduler_ticket ticket = {.caller = storm->caller,
                                             .caller_running_most = 2,
                                             .caller_queued_most = 100,
                                             .memory_bytes = 1 + (uint64_t)i % 30,
                                             .deadline_ns =
                                                 i % 7 ? NEVER : pa_clock_monotonic_ns() + 20000,
                                             .cancel_fd = -1};
        uint64_t retry;
        struct pa_error err;
        if (pa_scheduler_enter(storm->scheduler, &ticket, &retry, &err) < 0) {
            assert_int_equal(err.code, PA_ERR_DEADLINE_EXCEEDED);
            continue;
        }
        unsigned now = atomic_fetch_add(storm->inside, 1) + 1, most = atomic_load(storm->most);
        while (now > most && !atomic_compare_exchange_weak(storm->most, &most, now))
            continue;
        atomic_fetch_add(storm->entered, 1);
        if (i % 16 == 0)
            poll(NULL, 0, 1);
        atomic_fetch_sub(storm->inside, 1);
        pa_scheduler_leave(storm->scheduler, &ticket);
    }
    return NULL;
}

static void bounds_hold_in_a_storm(void **state) {
    static const char *const names[] = {"a", "b", "c"};
    struct pa_scheduler *scheduler = make(4, 60, 1000);
    atomic_uint inside = 0, most = 0, entered = 0;
    struct storm storms[12];
    pthread_t threads[PA_ARRAY_LEN(storms)];
    for (size_t i = 0; i < PA_ARRAY_LEN(storms); i++) {
        storms[i] = (struct storm){scheduler, names[i % 3], &inside, &most, &entered};
        assert_int_equal(pthread_create(&threads[i], NULL, storm, &storms[i]), 0);
    }
    for (size_t i = 0; i < PA_ARRAY_LEN(storms); i++)
        pthread_join(threads[i], NULL);
    struct pa_scheduler_state now;
    pa_scheduler_state(scheduler, &now);
    assert_int_equal(now.running + now.queued + now.memory_bytes + now.callers, 0);
    assert_true(atomic_load(&most) <= 4);
    assert_true(atomic_load(&entered) > 12 * 300 * 6 / 7);
    pa_scheduler_free(scheduler);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_many_as_there_are_places),
        cmocka_unit_test(callers_take_turns),
        cmocka_unit_test(full_is_refused_at_once),
        cmocka_unit_test(a_caller_has_a_limit_of_its_own),
        cmocka_unit_test(memory_is_kept_for_whose_turn_it_is),
        cmocka_unit_test(more_memory_than_there_is),
        cmocka_unit_test(giving_up),
        cmocka_unit_test(waiting_for_something_else),
        cmocka_unit_test(memory_that_is_held),
        cmocka_unit_test(bounds_hold_in_a_storm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
