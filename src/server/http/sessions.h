/* Handlers of sessions (sessions.c) and of their files (files.c, archive.c). */
#ifndef PA_SERVER_HTTP_SESSIONS_H
#define PA_SERVER_HTTP_SESSIONS_H

#include "run/sessions.h"
#include "server/http/http_internal.h"

/* What a request about files is about: ?path= of the session in its path. */
struct pa_http_place {
    struct pa_sessions *sessions;
    struct pa_session_asker asker;
    const char *id, *path;
};

/* The caller, who waits until the request's deadline or until the client hangs up. */
struct pa_session_asker pa_http_asker(const struct pa_http_request *request);

/* `otherwise` is the path where none is given; NULL: one is wanted. */
int pa_http_find_place(struct pa_http_request *request, const char *otherwise,
                       struct pa_http_place *ret, struct pa_error *err);

pa_http_handler pa_http_post_session, pa_http_get_sessions, pa_http_get_session;
pa_http_handler pa_http_delete_session, pa_http_get_tree, pa_http_get_variables;
pa_http_handler pa_http_is_complete;
pa_http_handler pa_http_interrupt, pa_http_fork, pa_http_keep, pa_http_go_back, pa_http_drop;
pa_http_handler pa_http_execute, pa_http_execute_branches;

pa_http_handler pa_http_get_file, pa_http_put_file, pa_http_delete_file, pa_http_list_files;
pa_http_handler pa_http_stat_file, pa_http_search_files, pa_http_make_folder, pa_http_rename_file;
pa_http_handler pa_http_edit_file, pa_http_get_archive, pa_http_put_archive;

#endif
