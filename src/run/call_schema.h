/*
 * The part of JSON Schema that a tool's parameters need: type, properties, required,
 * additionalProperties (as a boolean), items, enum.  Other keywords are for the tool to check.
 */
#ifndef PA_RUN_CALL_SCHEMA_H
#define PA_RUN_CALL_SCHEMA_H

#include "base/error.h"
#include <jansson.h>

/* 0 when `arguments`, an object, fits; INVALID_ARGUMENT says what does not, by its path.  `schema`
 * NULL: everything fits. */
int pa_call_schema_check(const json_t *schema, const json_t *arguments, struct pa_error *err);

#endif
