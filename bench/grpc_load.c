/*
 * Load on a gRPC server, by C-core: as little of the machine as a client of gRPC can take.
 *
 *     bench-grpc-load --address HOST:PORT --method /PACKAGE.SERVICE/METHOD [--message FILE]
 *                     [--calls N] [--in-flight N] [--gap MS] [--expect TEXT]
 *
 * Sends the message of FILE (none: an empty one) N times over one connection, as many at once as
 * --in-flight says, and prints one line of JSON: calls per second, and the latency's p50, p95, p99
 * and mean in milliseconds.  With --gap it rests before each call, which is then not counted in the
 * time: what a caller sees who comes now and then.  A call that does not end with OK, or whose
 * answer does not contain TEXT, is counted as failed.
 */
#include "base/clock.h"
#include "base/io.h"
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#define MESSAGE_MAX (64 * 1024 * 1024)

struct options {
    const char *address, *method, *message, *expected;
    size_t calls, in_flight;
    unsigned gap_ms;
};

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

static void end_next(struct load *load) {
    end(grpc_completion_queue_next(load->queue, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL).tag);
}

static void run(struct load *load, const struct options *options) {
    uint64_t start = pa_clock_monotonic_ns();
    while (load->ended < load->calls) {
        if (options->gap_ms)
            usleep(options->gap_ms * 1000);
        while (load->begun < load->calls && load->begun - load->ended < options->in_flight)
            begin(load);
        end_next(load);
    }
    report(load, pa_clock_monotonic_ns() - start);
}

static int parse(int argc, char **argv, struct options *ret) {
    static const struct option known[] = {
        {"address", required_argument, NULL, 'a'},   {"method", required_argument, NULL, 'm'},
        {"message", required_argument, NULL, 'f'},   {"calls", required_argument, NULL, 'n'},
        {"in-flight", required_argument, NULL, 'i'}, {"gap", required_argument, NULL, 'g'},
        {"expect", required_argument, NULL, 'e'},    {0}};
    *ret = (struct options){.calls = 1000, .in_flight = 1};
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;)
        switch (option) {
        case 'a':
            ret->address = optarg;
            break;
        case 'm':
            ret->method = optarg;
            break;
        case 'f':
            ret->message = optarg;
            break;
        case 'n':
            ret->calls = strtoull(optarg, NULL, 10);
            break;
        case 'i':
            ret->in_flight = strtoull(optarg, NULL, 10);
            break;
        case 'g':
            ret->gap_ms = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'e':
            ret->expected = optarg;
            break;
        default:
            return -1;
        }
    return ret->address && ret->method && ret->calls && ret->in_flight ? 0 : -1;
}

static void load_done(struct load *load) {
    free(load->took_ns);
    grpc_slice_unref(load->message);
    grpc_channel_destroy(load->channel);
    grpc_completion_queue_shutdown(load->queue);
    grpc_completion_queue_destroy(load->queue);
}

static size_t load_and_report(const struct options *options, const struct pa_buf *message) {
    grpc_init();
    grpc_channel_credentials *clear = grpc_insecure_credentials_create();
    struct load load = {.channel = grpc_channel_create(options->address, clear, NULL),
                        .queue = grpc_completion_queue_create_for_next(NULL),
                        .message =
                            grpc_slice_from_copied_buffer(pa_buf_text(message), message->size),
                        .expected = options->expected,
                        .calls = options->calls,
                        .took_ns = pa_xcalloc(options->calls, sizeof(*load.took_ns))};
    load.method = grpc_channel_register_call(load.channel, options->method, NULL, NULL);
    run(&load, options);
    grpc_channel_credentials_release(clear);
    load_done(&load);
    grpc_shutdown_blocking();
    return load.failed;
}

int main(int argc, char **argv) {
    PA_CLEANUP(pa_buf_done) struct pa_buf message = PA_BUF_INIT(MESSAGE_MAX);
    struct options options;
    struct pa_error err;
    if (parse(argc, argv, &options) < 0) {
        fprintf(stderr, "bench-grpc-load: see the top of bench/grpc_load.c for its options\n");
        return 2;
    }
    if (options.message && pa_read_file(options.message, &message, &err) < 0) {
        fprintf(stderr, "bench-grpc-load: %s\n", err.message);
        return 1;
    }
    return load_and_report(&options, &message) != 0;
}
