/*
 * Tasks: a sentence of a person or an agent, and the tool that it asks for.
 *
 *     "Use python_wasi_runner to execute: print(1)"    the tool by its name
 *     "Execute Python: print(1)"                       by its language
 *     "Run this: ```ruby ... ```"                      by the tag of fenced code
 *     "Compute the factorial of 10 in Python"          no code: a model has to write it
 *
 *     struct pa_task task;
 *     pa_task_route(toolbox, text, size, &task, &err)
 *     if (!task.parameters) {
 *         json_t *messages = pa_task_messages(&task, text, size);     for a chat completion
 *         ... answer ...
 *         pa_task_take_answer(&task, answer, size, &err)
 *     }
 *     ... task.tool with task.parameters, as any call ...
 *     pa_task_done(&task);
 *
 * Routing is by rule and knows no more than the words: a sentence whose words all say "run this",
 * before a colon or around the code, is run; anything else is for a model.  It has no effects.
 */
#ifndef PA_TOOLS_TASK_H
#define PA_TOOLS_TASK_H

#include "tools/tools.h"

#define PA_TASK_MAX_BYTES (1u << 20)

struct pa_task {
    const struct pa_tool *tool; /* of the toolbox */
    json_t *parameters;         /* NULL: there is no code yet */
};

/* INVALID_ARGUMENT where the text is empty, too long or not UTF-8; NOT_FOUND where it names a
 * language that has no tool here. */
int pa_task_route(const struct pa_toolbox *toolbox, const char *text, size_t size,
                  struct pa_task *ret, struct pa_error *err);
void pa_task_done(struct pa_task *task);

/* What a model is asked: "messages" of the chat completions that OpenAI's API has. */
json_t *pa_task_messages(const struct pa_task *task, const char *text, size_t size);

/* Sets the parameters from what the model answered: its fenced code, else all of it.
 * FAILED_PRECONDITION where there is no code in it. */
int pa_task_take_answer(struct pa_task *task, const char *answer, size_t size,
                        struct pa_error *err);

/* The code of an answer: a view into it, *ret_size 0 where there is none. */
const char *pa_task_code_of_answer(const char *answer, size_t size, size_t *ret_size);

#endif
