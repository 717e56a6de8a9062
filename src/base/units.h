/*
 * Quantities as people write them: "256MiB", "30s", "1.5GiB", "250ms", "10000".
 *
 * Bytes: no suffix or B, KiB MiB GiB (1024), KB MB GB (1000), and k, m, g as 1024.
 * Times: ms, s, m, h; the value is in milliseconds; a bare number is milliseconds where
 * `bare_unit_ms` is 1, seconds where it is 1000.
 */
#ifndef PA_BASE_UNITS_H
#define PA_BASE_UNITS_H

#include <stddef.h>
#include <stdint.h>

/* 0, or -1 if the text is not such a quantity or does not fit.  *ret is untouched then. */
int pa_parse_bytes(const char *text, uint64_t *ret_bytes);
int pa_parse_duration_ms(const char *text, uint64_t bare_unit_ms, uint64_t *ret_ms);
int pa_parse_count(const char *text, uint64_t *ret_count);

/* "256 MiB", "1.5 GiB", "812 bytes"; "30 s", "250 ms".  Returns `out`. */
char *pa_format_bytes(uint64_t bytes, char *out, size_t room);
char *pa_format_ms(uint64_t ms, char *out, size_t room);

#endif
