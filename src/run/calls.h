/*
 * Host calls: tools that the caller of a run offers to its guest, who calls them as functions
 * (/dev/sandbox/call, languages/PROTOCOL.md).
 *
 *     const struct pa_call_offer offer = {.tools = tools, .call = on_call, .context = ...};
 *     request.calls = &offer;  pa_execute(...)
 *
 *     void on_call(void *context, struct pa_call *call) {            on the run's thread: be quick
 *         hand it to whoever knows ...
 *     }
 *     pa_call_answer(call, result);  or  pa_call_refuse(call, "why");      once, from any thread
 *
 * A guest may have several calls outstanding; they are answered in any order.  The time that a call
 * takes is the run's own (timeout_ms).  When the run ends first, what is not answered yet is
 * "abandoned": answering then does nothing but free the call.
 *
 * What a guest asks for is an attacker's word: a name is one of the offered tools', arguments are a
 * JSON object that fits their schema (types, required ones, enum, no unknown ones where the schema
 * says so); other calls are refused here and never seen by `call`.
 */
#ifndef PA_RUN_CALLS_H
#define PA_RUN_CALLS_H

#include "base/error.h"
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define PA_CALL_MAX_BYTES   (1u << 20) /* of one call's JSON, and of one answer's */
#define PA_CALL_MAX_VALUES  50000      /* in one call's arguments, those that hold others for 8 */
#define PA_CALL_MAX_OPEN    64         /* outstanding at once */
#define PA_CALL_MAX_PER_RUN 10000
#define PA_CALL_MAX_TOOLS   128    /* in one offer */
#define PA_CALL_MAX_KV      100000 /* of a run, to the key-value store */

struct pa_call;
const char *pa_call_name(const struct pa_call *call);
uint64_t pa_call_number(const struct pa_call *call);         /* in its run, from 1 on */
const json_t *pa_call_arguments(const struct pa_call *call); /* an object */

/* Exactly one of them, once.  The result is any JSON value, whose reference is taken. */
void pa_call_answer(struct pa_call *call, json_t *result);
void pa_call_refuse(struct pa_call *call, const char *why);

struct pa_call_offer {
    /* [{"name", "description", "parameters": a JSON schema of an object}]; borrowed.  Names are
     * identifiers: [A-Za-z_][A-Za-z0-9_]*.  NULL: none. */
    const json_t *tools;
    void (*call)(void *context, struct pa_call *call);
    /* Answers "kv.get", "kv.put", "kv.delete" and "kv.list" at once, on the run's thread; `name` is
     * what follows the dot.  They are not among the outcome's calls.  NULL: there is no store. */
    int (*kv)(void *context, const char *name, const json_t *arguments, json_t **ret,
              struct pa_error *err);
    void *context;
};

/* INVALID_ARGUMENT with what is wrong: not an array, a name twice, not a schema of an object. */
int pa_call_offer_check(const json_t *tools, struct pa_error *err);

#endif
