/*
 * A list of strings that owns them and ends in NULL.
 *
 *     char **names = NULL;
 *     pa_strv_add(&names, pa_xstrdup("a"));
 *     names = pa_strv_free(names);
 */
#ifndef PA_BASE_STRV_H
#define PA_BASE_STRV_H

#include "base/macros.h"

/* NULL is an empty list. */
size_t pa_strv_count(char *const *list);
void pa_strv_add(char ***list, char *owned); /* *list may be NULL */
char **pa_strv_free(char **list);            /* takes NULL, returns NULL */

/* The strings one after the other; the caller frees the text. */
char *pa_strv_join(char *const *list, const char *between);

#endif
