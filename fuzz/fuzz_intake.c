/*
 * What a user may hand in as a module: any bytes.  The scanner must stay inside of them and hand
 * out only views into them; a refusal must have a message of one line that is whole.
 */
#include "engine/intake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_view(const uint8_t *data, size_t size, const void *view, size_t length) {
    const uint8_t *at = view;
    PA_ASSERT(length == 0 ||
              (at >= data && at <= data + size && length <= size - (size_t)(at - data)));
}

static void check_views(const struct pa_intake *intake, const uint8_t *data, size_t size) {
    for (size_t i = 0; i < intake->type_count; i++) {
        check_view(data, size, intake->types[i].params, intake->types[i].param_count);
        check_view(data, size, intake->types[i].results, intake->types[i].result_count);
    }
    for (size_t i = 0; i < intake->import_count; i++) {
        check_view(data, size, intake->imports[i].module.text, intake->imports[i].module.size);
        check_view(data, size, intake->imports[i].name.text, intake->imports[i].name.size);
        PA_ASSERT(intake->imports[i].offset < size);
    }
    for (size_t i = 0; i < intake->export_count; i++)
        check_view(data, size, intake->exports[i].name.text, intake->exports[i].name.size);
}

static void check_refusal(const struct pa_end *end) {
    PA_ASSERT(end->status == PA_STATUS_INVALID_MODULE);
    PA_ASSERT(memchr(end->message, 0, sizeof(end->message)));
    PA_ASSERT(end->message[0] && !strchr(end->message, '\n'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct pa_intake intake;
    struct pa_end end;
    pa_intake_is_text(data, size);
    if (pa_intake_scan(data, size, &intake, &end)) {
        check_refusal(&end);
    } else {
        check_views(&intake, data, size);
        for (int need_start = 0; need_start < 2; need_start++) {
            struct pa_intake_wants wants = {pa_wasi_imports, pa_wasi_import_count, need_start,
                                            NULL};
            if (pa_intake_judge(&intake, &wants, &end))
                check_refusal(&end);
        }
    }
    pa_intake_done(&intake);
    return 0;
}
