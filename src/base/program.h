/*
 * Our other programs: beside this one (a build folder, a DESTDIR), else where `make install` puts
 * them.
 */
#ifndef PA_BASE_PROGRAM_H
#define PA_BASE_PROGRAM_H

#include "base/error.h"

/* The path of `name` ("polyagent-worker"), which the caller frees; NOT_FOUND. */
int pa_program_find(const char *name, char **ret, struct pa_error *err);

#endif
