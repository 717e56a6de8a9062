/*
 * All functions of wasi_snapshot_preview1, sorted by name: name, parameters ('i' i32, 'I' i64),
 * whether there is a result, and how the trace shows a call.
 *
 * The trace text is a list of "KIND:label".  Kinds take one argument each, except p and v:
 *     d descriptor   u unsigned   i signed 64   x hexadecimal   p path (pointer, size)
 *     v buffers (pointer, count)  L O F T flags: lookup, open, descriptor, time
 *     W whence   C clock   A advice   _ shown nowhere
 * and after '>' a pointer to a result, shown when the call succeeded: u of 32 bits, U of 64.
 */
#ifndef PA_WASI_IMPORTS_H
#define PA_WASI_IMPORTS_H

#define WASI_IMPORTS(X)                                                                            \
    X(args_get, "ii", true, "x:argv x:buf")                                                        \
    X(args_sizes_get, "ii", true, ">u:count >u:size")                                              \
    X(clock_res_get, "ii", true, "C: >U:ns")                                                       \
    X(clock_time_get, "iIi", true, "C: _: >U:ns")                                                  \
    X(environ_get, "ii", true, "x:environ x:buf")                                                  \
    X(environ_sizes_get, "ii", true, ">u:count >u:size")                                           \
    X(fd_advise, "iIIi", true, "d:fd u:offset u:size A:")                                          \
    X(fd_allocate, "iII", true, "d:fd u:offset u:size")                                            \
    X(fd_close, "i", true, "d:fd")                                                                 \
    X(fd_datasync, "i", true, "d:fd")                                                              \
    X(fd_fdstat_get, "ii", true, "d:fd _:")                                                        \
    X(fd_fdstat_set_flags, "ii", true, "d:fd F:fdflags")                                           \
    X(fd_fdstat_set_rights, "iII", true, "d:fd x:rights x:inheriting")                             \
    X(fd_filestat_get, "ii", true, "d:fd _:")                                                      \
    X(fd_filestat_set_size, "iI", true, "d:fd u:size")                                             \
    X(fd_filestat_set_times, "iIIi", true, "d:fd u:atim u:mtim T:flags")                           \
    X(fd_pread, "iiiIi", true, "d:fd v:iovecs u:offset >u:bytes")                                  \
    X(fd_prestat_dir_name, "iii", true, "d:fd x:buf u:size")                                       \
    X(fd_prestat_get, "ii", true, "d:fd _:")                                                       \
    X(fd_pwrite, "iiiIi", true, "d:fd v:iovecs u:offset >u:bytes")                                 \
    X(fd_read, "iiii", true, "d:fd v:iovecs >u:bytes")                                             \
    X(fd_readdir, "iiiIi", true, "d:fd x:buf u:size u:cookie >u:bytes")                            \
    X(fd_renumber, "ii", true, "d:from d:to")                                                      \
    X(fd_seek, "iIii", true, "d:fd i:delta W: >U:offset")                                          \
    X(fd_sync, "i", true, "d:fd")                                                                  \
    X(fd_tell, "ii", true, "d:fd >U:offset")                                                       \
    X(fd_write, "iiii", true, "d:fd v:iovecs >u:bytes")                                            \
    X(path_create_directory, "iii", true, "d:fd p:")                                               \
    X(path_filestat_get, "iiiii", true, "d:fd L:flags p: _:")                                      \
    X(path_filestat_set_times, "iiiiIIi", true, "d:fd L:flags p: u:atim u:mtim T:times")           \
    X(path_link, "iiiiiii", true, "d:from_fd L:flags p: d:to_fd p:")                               \
    X(path_open, "iiiiiIIii", true,                                                                \
      "d:fd L:flags p: O:oflags x:rights x:inheriting F:fdflags >u:fd")                            \
    X(path_readlink, "iiiiii", true, "d:fd p: x:buf u:size >u:bytes")                              \
    X(path_remove_directory, "iii", true, "d:fd p:")                                               \
    X(path_rename, "iiiiii", true, "d:from_fd p: d:to_fd p:")                                      \
    X(path_symlink, "iiiii", true, "p: d:fd p:")                                                   \
    X(path_unlink_file, "iii", true, "d:fd p:")                                                    \
    X(poll_oneoff, "iiii", true, "x:in x:out u:subscriptions >u:events")                           \
    X(proc_exit, "i", false, "u:code")                                                             \
    X(proc_raise, "i", true, "u:signal")                                                           \
    X(random_get, "ii", true, "x:buf u:size")                                                      \
    X(sched_yield, "", true, "")                                                                   \
    X(sock_accept, "iii", true, "d:fd F:fdflags >u:fd")                                            \
    X(sock_recv, "iiiiii", true, "d:fd v:iovecs x:flags >u:bytes _:")                              \
    X(sock_send, "iiiii", true, "d:fd v:iovecs x:flags >u:bytes")                                  \
    X(sock_shutdown, "ii", true, "d:fd x:how")

enum wasi_call {
#define X(name, params, has_result, trace) WASI_CALL_##name,
    WASI_IMPORTS(X)
#undef X
};

#endif
