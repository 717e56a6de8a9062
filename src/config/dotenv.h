/*
 * .env: NAME=VALUE lines, as shells and docker compose read them.
 *
 *     # a comment                        export NAME=value
 *     NAME=bare text # a comment         NAME='as it stands'
 *     NAME="with \n \t \" \\ \$"         a quoted value may go over several lines
 *
 * Nothing is expanded: $HOME stays $HOME.  The file is shared with other programs: lines of another
 * form are told and skipped.  Only a quote that is never closed is a fault, since nothing after it
 * can be read.
 */
#ifndef PA_CONFIG_DOTENV_H
#define PA_CONFIG_DOTENV_H

#include "base/error.h"

/* `value` is the callback's to read until it returns.  For a line that is neither NAME=value nor a
 * comment both are NULL. */
typedef void pa_dotenv_entry(void *context, const char *name, const char *value, unsigned line);

/* -1 names the line in *ret_line and *err. */
int pa_dotenv_parse(const char *text, size_t size, pa_dotenv_entry *each, void *context,
                    unsigned *ret_line, struct pa_error *err);

#endif
