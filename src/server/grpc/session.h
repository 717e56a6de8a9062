/*
 * Shared by the files that serve SessionService alone.
 *
 *     session.c           sessions: making, forking, ending, what is told of them
 *     session_run.c       turns, of one session and of many
 *     session_files.c     files
 *     session_message.c   JSON of sessions as messages
 *
 *     static int stat(struct pa_asked *asked) {
 *         const char *id = pa_asked_text(asked, &request->session, "session");
 *         if (!id) return -1;                                    asked->err says why
 *         ... pa_rpc_reply(asked->rpc, ...); return 0; }
 *
 *     pa_asked_serve(rpc, &..._descriptor, stat);
 */
#ifndef PA_SERVER_GRPC_SESSION_H
#define PA_SERVER_GRPC_SESSION_H

#include "server/grpc/grpc_internal.h"

#include "run/sessions.h"
#include <session.pb-c.h>

#define PA_SESSION_SERVICE "/polyagent.agent.SessionService/"
#define PA_ASKED_TEXTS     4

/* One RPC about sessions. */
struct pa_asked {
    struct pa_rpc *rpc;
    struct pa_caller *caller;
    const char *owner;
    struct pa_session_asker asker; /* that owner, with the deadline of the RPC and its end */
    struct pa_sessions *sessions;
    void *request; /* unpacked; NULL where many messages come in */
    char *texts[PA_ASKED_TEXTS];
    size_t text_count;
    struct pa_error err;
    json_t *faults; /* which parameters were wrong, as tools.h has them; NULL */
};

/* What a method does: it answers and returns 0, or -1 with asked->err, which is then the answer. */
typedef int pa_asked_act(struct pa_asked *asked);

/* A whole RPC: who asks, what (NULL: many messages come in), `act`, and the end. */
void pa_asked_serve(struct pa_rpc *rpc, const ProtobufCMessageDescriptor *descriptor,
                    pa_asked_act *act);

/* A field as text, until the end; NULL with asked->err where it is none. */
const char *pa_asked_text(struct pa_asked *asked, const ProtobufCBinaryData *text,
                          const char *field);

/* Methods that are in other files than the table. */
void pa_rpc_session_execute(struct pa_rpc *rpc);
void pa_rpc_session_execute_branches(struct pa_rpc *rpc);
void pa_session_put_file(struct pa_rpc *rpc);
void pa_session_get_file(struct pa_rpc *rpc);
void pa_session_stat_file(struct pa_rpc *rpc);
void pa_session_list_files(struct pa_rpc *rpc);
void pa_session_search_files(struct pa_rpc *rpc);
void pa_session_make_folder(struct pa_rpc *rpc);
void pa_session_rename_file(struct pa_rpc *rpc);
void pa_session_delete_file(struct pa_rpc *rpc);

/* --- session_message.c ---------------------------------------------------------------------- */

/* What pa_sessions_inspect gives, as a message that borrows its text; the messages of an array. */
Polyagent__Agent__Session *pa_session_message(const json_t *session);
void pa_session_message_free(Polyagent__Agent__Session *message); /* NULL */
Polyagent__Agent__Session **pa_session_messages(const json_t *sessions, size_t *ret_count);
void pa_session_messages_free(Polyagent__Agent__Session **messages, size_t count);

/* Entries of a map of strings: to an object, INVALID_ARGUMENT; NULL where there are none. */
int pa_labels_read(const ProtobufCBinaryData *entries, size_t count, json_t **ret,
                   struct pa_error *err);

#endif
