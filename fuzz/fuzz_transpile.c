/*
 * What a user may hand in as Python: any bytes.  A refusal names a place inside the source and is
 * one line; a module begins as one.  With its runtime outside it is the same, and its data lie in
 * the memory that it asks for.
 */
#include "transpile/transpile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint8_t magic[] = {0, 'a', 's', 'm', 1, 0, 0, 0};
    struct pa_transpile_result result;
    pa_transpile_source((const char *)data, size, "fuzz.py", &result);
    if (result.refused) {
        PA_ASSERT(memchr(result.refusal.message, 0, sizeof(result.refusal.message)));
        PA_ASSERT(result.refusal.message[0]);
        PA_ASSERT(result.refusal.line <= size + 1 && result.refusal.column <= size + 1);
    } else {
        PA_ASSERT(result.module.size > sizeof(magic));
        PA_ASSERT(memcmp(result.module.data, magic, sizeof(magic)) == 0);
    }
    struct pa_transpile_result outside;
    pa_transpile_for_runtime((const char *)data, size, "fuzz.py", &outside);
    PA_ASSERT(outside.refused == result.refused);
    if (!outside.refused) {
        PA_ASSERT(memcmp(outside.module.data, magic, sizeof(magic)) == 0);
        PA_ASSERT(outside.data_at + outside.data.size <= outside.memory_bytes);
    }
    pa_transpile_result_done(&outside);
    pa_transpile_result_done(&result);
    return 0;
}
