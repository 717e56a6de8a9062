/*
 * The settings of `polyagent serve`, the keys below `server:`, in one table.
 *
 *     config.server.max_running                  a row is a field, a key and a variable:
 *     server: {max_running: 8}                   POLYAGENT_SERVER_MAX_RUNNING=8
 *
 * What is off or not given is NULL.  Paths are absolute, since a server is not where its user is.
 */
#ifndef PA_CONFIG_SERVER_H
#define PA_CONFIG_SERVER_H

#include "policy/limits.h"

/*
 * TEXT(field, kind, default, what)
 *     kinds: listen    off (NULL) or ADDRESS:PORT
 *            path      empty (NULL) or an absolute path
 *            log       off (NULL) or an absolute path
 *            url       off (NULL) or an http:// or https:// one
 *            name      empty (NULL) or a word without spaces
 * NUMBER(field, unit, default, smallest, largest, may be unlimited, what)
 * FLAG(field, default, what)
 * FOLDERS(field, what)    a list, NULL when empty
 */
#define PA_SERVER_SETTINGS(TEXT, NUMBER, FLAG, FOLDERS)                                             \
    TEXT(grpc_listen, listen, "127.0.0.1:50051", "where gRPC is served")                            \
    TEXT(http_listen, listen, "127.0.0.1:8080", "where HTTP and MCP are served")                    \
    TEXT(e2b_listen, listen, "off",                                                                 \
         "where the wire format of E2B's code interpreter is served; its SDK expects port 49999")   \
    TEXT(socket_path, path, "",                                                                     \
         "the socket of the command line (polyagent exec); empty: the user's own runtime folder")   \
    TEXT(tls_certificate, path, "", "certificate chain (PEM) of gRPC and HTTP; empty: no TLS")      \
    TEXT(tls_key, path, "", "private key (PEM) of the certificate")                                 \
    TEXT(tls_client_ca, path, "",                                                                   \
         "certificates (PEM) that must have signed a client's; empty: clients need none")           \
    TEXT(api_keys_file, path, "", "who may call; empty: everybody who can connect")                 \
    NUMBER(max_running, PA_UNIT_COUNT, 0, 0, 4096, false,                                           \
           "runs at once; 0: two for each processor")                                               \
    NUMBER(max_memory_bytes, PA_UNIT_BYTES, 0, 0, 1024 * PA_GIB, false,                             \
           "memory limits of the runs at once, together; 0: three quarters of what there is")       \
    NUMBER(max_queued, PA_UNIT_COUNT, 1024, 0, 100000, false,                                       \
           "runs that wait; more are refused at once")                                              \
    NUMBER(max_queued_per_caller, PA_UNIT_COUNT, 256, 0, 100000, false,                             \
           "runs of one caller that wait")                                                          \
    NUMBER(max_running_per_caller, PA_UNIT_COUNT, PA_UNLIMITED, 1, 4096, true,                      \
           "runs of one caller at once, unless its key says otherwise")                             \
    NUMBER(rate_per_caller, PA_UNIT_COUNT, PA_UNLIMITED, 1, 1000000, true,                          \
           "calls of one caller in a second, unless its key says otherwise")                        \
    NUMBER(idle_least, PA_UNIT_COUNT, 2, 0, 256, false, "warm processes that each kind keeps")      \
    NUMBER(idle_most, PA_UNIT_COUNT, 32, 1, 1024, false,                                            \
           "warm processes that each kind keeps under load")                                        \
    NUMBER(max_connections, PA_UNIT_COUNT, 1024, 1, 100000, false,                                  \
           "connections at once of HTTP, and of gRPC without TLS; more are refused")                \
    NUMBER(request_bytes, PA_UNIT_BYTES, 80 * PA_MIB, 4 * PA_KIB, 1536 * PA_MIB, false,             \
           "size of a request; a module in it is a third larger than by itself")                    \
    NUMBER(header_bytes, PA_UNIT_BYTES, 16 * PA_KIB, PA_KIB, PA_MIB, false,                         \
           "headers of a request")                                                                  \
    NUMBER(client_timeout_ms, PA_UNIT_MS, 30000, 100, 3600000, false,                               \
           "how long a client may be silent within a request before it is cut off")                 \
    TEXT(http_hosts, name, "",                                                                      \
         "names that HTTP on loopback answers to beside localhost, with commas between them")       \
    TEXT(cors_origins, name, "",                                                                    \
         "origins whose pages may call HTTP, with commas between them: https://app.example")        \
    NUMBER(drain_ms, PA_UNIT_MS, 30000, 0, 3600000, false,                                          \
           "how long runs may go on after SIGTERM before they are cancelled")                       \
    NUMBER(runs_kept, PA_UNIT_COUNT, 10000, 0, 1000000, false,                                      \
           "ended runs whose outcome can still be asked for")                                       \
    NUMBER(runs_kept_bytes, PA_UNIT_BYTES, 64 * PA_MIB, 0, 64 * PA_GIB, false,                      \
           "outcomes of ended runs, together")                                                      \
    NUMBER(runs_kept_ms, PA_UNIT_MS, 600000, 0, 86400000, false, "how long an ended run is kept")   \
    FOLDERS(module_paths, "folders below which a request may name a module by its path")            \
    NUMBER(modules_bytes, PA_UNIT_BYTES, 2 * PA_GIB, 0, 1024 * PA_GIB, false,                       \
           "modules stored by digest, together; the least recently used go first")                  \
    NUMBER(compile_ms, PA_UNIT_MS, 60000, 100, 3600000, false,                                      \
           "time to compile a module that a call brings, where wasi.limits.compile_ms is more")     \
    NUMBER(compile_memory_bytes, PA_UNIT_BYTES, 2 * PA_GIB, 64 * PA_MIB, 64 * PA_GIB, false,        \
           "memory for that, where wasi.limits.compile_memory_bytes is more")                       \
    NUMBER(sessions_most, PA_UNIT_COUNT, 1024, 0, 4096, false, "sessions at once")                  \
    NUMBER(sessions_per_caller, PA_UNIT_COUNT, 256, 0, 4096, false,                                 \
           "sessions of one caller at once")                                                        \
    NUMBER(sessions_memory_bytes, PA_UNIT_BYTES, 0, 0, 1024 * PA_GIB, false,                        \
           "memory that sessions hold while they wait, one caller's half of it; 0: half of "        \
           "max_memory_bytes")                                                                      \
    NUMBER(session_idle_ms, PA_UNIT_MS, 600000, 1000, 604800000, false,                             \
           "how long a session lives without a call")                                               \
    NUMBER(session_life_ms, PA_UNIT_MS, 3600000, 1000, 604800000, false,                            \
           "how long a session lives")                                                              \
    TEXT(volumes_directory, path, "",                                                               \
         "where volumes are kept; empty: polyagent/volumes in $XDG_DATA_HOME or ~/.local/share")    \
    NUMBER(volumes_most, PA_UNIT_COUNT, 64, 0, 4096, false, "volumes of one caller")                \
    NUMBER(volume_bytes, PA_UNIT_BYTES, 256 * PA_MIB, 4 * PA_KIB, 1024 * PA_GIB, false,             \
           "what a volume may hold: sizes of its files, together")                                  \
    NUMBER(volume_entries, PA_UNIT_COUNT, 10000, 16, 10000000, false,                               \
           "files, folders and links that a volume may hold")                                       \
    FLAG(kv, true, "whether guests have a key-value store, kept in volumes_directory")              \
    NUMBER(kv_bytes, PA_UNIT_BYTES, 16 * PA_MIB, 4 * PA_KIB, 64 * PA_GIB, false,                    \
           "keys and values of one caller, together")                                               \
    NUMBER(kv_entries, PA_UNIT_COUNT, 10000, 1, 10000000, false, "keys of one caller")              \
    NUMBER(files_kept_bytes, PA_UNIT_BYTES, 64 * PA_MIB, 0, 64 * PA_GIB, false,                     \
           "files of ended runs that asked for it (keep_files), together, in memory")               \
    TEXT(                                                                                           \
        calls_approval_url, url, "off",                                                             \
        "where each call of a guest to its caller's tools is posted first; only {\"allow\": true} " \
        "lets it pass")                                                                             \
    FLAG(metrics, true, "whether /metrics is served")                                               \
    TEXT(audit_log, log, "off", "file to which one line is added for each run")                     \
    FLAG(audit_code, false, "whether those lines have the code, too")                               \
    TEXT(otlp_endpoint, url, "off", "where traces go (OTLP over HTTP): http://HOST:4318")           \
    TEXT(tasks_endpoint, url, "off",                                                                \
         "an OpenAI-compatible endpoint that writes the code of a task: https://HOST/v1")           \
    TEXT(tasks_model, name, "", "the model that it is asked for")                                   \
    TEXT(tasks_api_key_file, path, "", "file with the key of that endpoint")

struct pa_server_settings {
#define TEXT(field, kind, initial, what)                                 char *field;
#define NUMBER(field, unit, initial, smallest, largest, unlimited, what) uint64_t field;
#define FLAG(field, initial, what)                                       bool field;
#define FOLDERS(field, what)                                             char **field;
    PA_SERVER_SETTINGS(TEXT, NUMBER, FLAG, FOLDERS)
#undef TEXT
#undef NUMBER
#undef FLAG
#undef FOLDERS
};

/* What 0 stands for: max_running by the processors that this process may use, max_memory_bytes by
 * the memory of the machine or of its control group, whichever is less, sessions_memory_bytes by
 * that. */
uint64_t pa_server_running_most(const struct pa_server_settings *settings);
uint64_t pa_server_memory_most(const struct pa_server_settings *settings);
uint64_t pa_server_sessions_memory(const struct pa_server_settings *settings);

/* volumes_directory, or what empty stands for; NULL without $XDG_DATA_HOME and $HOME.  The caller
 * frees it. */
char *pa_server_volumes_directory(const struct pa_server_settings *settings);

#endif
