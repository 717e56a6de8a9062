/*
 * Load on a gRPC server, by C-core: as little of the machine as a client of gRPC can take.
 *
 *     bench-grpc-load ADDRESS METHOD MESSAGE-FILE CALLS IN-FLIGHT [EXPECTED]
 *
 * Sends the same message CALLS times, IN-FLIGHT at once over one connection, and prints one line of
 * JSON: calls per second, and the latency's p50, p95, p99 and mean in milliseconds.  A call that
 * does not end with OK, or whose answer does not contain EXPECTED, is counted as failed.
 */
#include "base/clock.h"
#include "base/io.h"
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <stdio.h>

#define MESSAGE_MAX (64 * 1024 * 1024)

struct load {
    grpc_channel *channel;
    grpc_completion_queue *queue;
    void *method;
    grpc_slice message;
    const char *expected; /* NULL: anything */
    size_t calls, begun, ended, failed;
    uint64_t *took_ns;
    char first_failure[256];
};

struct call {
    struct load *load;
    grpc_call *call;
    grpc_metadata_array initial, trailing;
    grpc_byte_buffer *request, *answer;
    grpc_status_code status;
    grpc_slice details;
    uint64_t began_ns;
};

static void begin(struct load *load) {
    struct call *call = pa_xcalloc(1, sizeof(*call));
    load->begun++;
    call->load = load;
    grpc_metadata_array_init(&call->initial);
    grpc_metadata_array_init(&call->trailing);
    call->request = grpc_raw_byte_buffer_create(&load->message, 1);
    call->began_ns = pa_clock_monotonic_ns();
    call->call = grpc_channel_create_registered_call(load->channel, NULL, GRPC_PROPAGATE_DEFAULTS,
                                                     load->queue, load->method,
                                                     gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
    const grpc_op ops[] = {
        {.op = GRPC_OP_SEND_INITIAL_METADATA},
        {.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = call->request},
        {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT},
        {.op = GRPC_OP_RECV_INITIAL_METADATA,
         .data.recv_initial_metadata.recv_initial_metadata = &call->initial},
        {.op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &call->answer},
        {.op = GRPC_OP_RECV_STATUS_ON_CLIENT,
         .data.recv_status_on_client = {.trailing_metadata = &call->trailing,
                                        .status = &call->status,
                                        .status_details = &call->details}}};
    PA_ASSERT(grpc_call_start_batch(call->call, ops, PA_ARRAY_LEN(ops), call, NULL) ==
              GRPC_CALL_OK);
}

static bool is_expected(const struct call *call) {
    if (!call->load->expected)
        return true;
    grpc_byte_buffer_reader reader;
    if (!call->answer || !grpc_byte_buffer_reader_init(&reader, call->answer))
        return false;
    grpc_slice all = grpc_byte_buffer_reader_readall(&reader);
    bool found = memmem(GRPC_SLICE_START_PTR(all), GRPC_SLICE_LENGTH(all), call->load->expected,
                        strlen(call->load->expected)) != NULL;
    grpc_slice_unref(all);
    grpc_byte_buffer_reader_destroy(&reader);
    return found;
}

static void end(struct call *call) {
    struct load *load = call->load;
    load->took_ns[load->ended++] = pa_clock_monotonic_ns() - call->began_ns;
    if (call->status != GRPC_STATUS_OK || !is_expected(call)) {
        if (!load->failed++)
            snprintf(load->first_failure, sizeof(load->first_failure), "status %d: %.*s",
                     call->status, (int)PA_MIN(GRPC_SLICE_LENGTH(call->details), (size_t)200),
                     (const char *)GRPC_SLICE_START_PTR(call->details));
    }
    grpc_slice_unref(call->details);
    grpc_metadata_array_destroy(&call->initial);
    grpc_metadata_array_destroy(&call->trailing);
    grpc_byte_buffer_destroy(call->request);
    if (call->answer)
        grpc_byte_buffer_destroy(call->answer);
    grpc_call_unref(call->call);
    free(call);
}

static int by_size(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void report(struct load *load, uint64_t wall_ns) {
    double sum = 0;
    qsort(load->took_ns, load->ended, sizeof(*load->took_ns), by_size);
    for (size_t i = 0; i < load->ended; i++)
        sum += (double)load->took_ns[i];
    const double ms = (double)PA_NS_PER_MS;
    printf("{\"calls\": %zu, \"failed\": %zu, \"per_second\": %.1f, \"p50_ms\": %.3f, "
           "\"p95_ms\": %.3f, \"p99_ms\": %.3f, \"mean_ms\": %.3f}\n",
           load->ended, load->failed, (double)load->ended * PA_NS_PER_S / (double)wall_ns,
           (double)load->took_ns[load->ended / 2] / ms,
           (double)load->took_ns[load->ended * 95 / 100] / ms,
           (double)load->took_ns[load->ended * 99 / 100] / ms, sum / (double)load->ended / ms);
    if (load->failed)
        fprintf(stderr, "bench-grpc-load: the first failure: %s\n", load->first_failure);
}

static void run(struct load *load, size_t in_flight) {
    uint64_t start = pa_clock_monotonic_ns();
    while (load->begun < PA_MIN(in_flight, load->calls))
        begin(load);
    while (load->ended < load->calls) {
        grpc_event event =
            grpc_completion_queue_next(load->queue, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
        end(event.tag);
        if (load->begun < load->calls)
            begin(load);
    }
    report(load, pa_clock_monotonic_ns() - start);
}

int main(int argc, char **argv) {
    struct pa_error err;
    struct pa_buf message = PA_BUF_INIT(MESSAGE_MAX);
    if (argc < 6 || argc > 7) {
        fprintf(stderr, "usage: bench-grpc-load ADDRESS METHOD MESSAGE-FILE CALLS IN-FLIGHT "
                        "[EXPECTED]\n");
        return 2;
    }
    if (pa_read_file(argv[3], &message, &err) < 0) {
        fprintf(stderr, "bench-grpc-load: %s\n", err.message);
        return 1;
    }
    grpc_init();
    grpc_channel_credentials *clear = grpc_insecure_credentials_create();
    struct load load = {.channel = grpc_channel_create(argv[1], clear, NULL),
                        .queue = grpc_completion_queue_create_for_next(NULL),
                        .message =
                            grpc_slice_from_copied_buffer(pa_buf_text(&message), message.size),
                        .expected = argc > 6 ? argv[6] : NULL,
                        .calls = strtoull(argv[4], NULL, 10)};
    load.method = grpc_channel_register_call(load.channel, argv[2], NULL, NULL);
    load.took_ns = pa_xcalloc(load.calls + 1, sizeof(*load.took_ns));
    run(&load, strtoull(argv[5], NULL, 10));
    free(load.took_ns);
    pa_buf_done(&message);
    grpc_slice_unref(load.message);
    grpc_channel_credentials_release(clear);
    grpc_channel_destroy(load.channel);
    grpc_completion_queue_shutdown(load.queue);
    grpc_completion_queue_destroy(load.queue);
    grpc_shutdown_blocking();
    return load.failed != 0;
}
