#include "base/strv.h"

#include "base/buf.h"

size_t pa_strv_count(char *const *list) {
    size_t count = 0;
    while (list && list[count])
        count++;
    return count;
}

void pa_strv_add(char ***list, char *owned) {
    size_t count = pa_strv_count(*list);
    char **grown = pa_xcalloc(count + 2, sizeof(*grown));
    if (count)
        memcpy(grown, *list, count * sizeof(*grown));
    grown[count] = owned;
    free(*list);
    *list = grown;
}

char **pa_strv_free(char **list) {
    for (size_t i = 0; list && list[i]; i++)
        free(list[i]);
    free(list);
    return NULL;
}

char *pa_strv_join(char *const *list, const char *between) {
    struct pa_buf buf = PA_BUF_INIT(SIZE_MAX / 2);
    for (size_t i = 0; list && list[i]; i++)
        pa_buf_printf(&buf, "%s%s", i ? between : "", list[i]);
    char *text = pa_xstrdup(pa_buf_text(&buf));
    pa_buf_done(&buf);
    return text;
}
