/*
 * Host errnos as WASI ones.  The two sets have the same names, so one table of names does it; what
 * Linux has and WASI has not becomes the nearest, EIO where nothing is near.
 */
#include "wasi/vfs.h"
#include <errno.h>

#define SAME_NAMES(X)                                                                              \
    X(E2BIG)                                                                                       \
    X(EACCES)                                                                                      \
    X(EADDRINUSE)                                                                                  \
    X(EADDRNOTAVAIL)                                                                               \
    X(EAFNOSUPPORT) X(EAGAIN) X(EALREADY) X(EBADF) X(EBADMSG) X(EBUSY) X(ECANCELED) X(ECHILD)      \
        X(ECONNABORTED) X(ECONNREFUSED) X(ECONNRESET) X(EDEADLK) X(EDESTADDRREQ) X(EDOM) X(EDQUOT) \
            X(EEXIST) X(EFAULT) X(EFBIG) X(EHOSTUNREACH) X(EIDRM) X(EILSEQ) X(EINPROGRESS)         \
                X(EINTR) X(EINVAL) X(EIO) X(EISCONN) X(EISDIR) X(ELOOP) X(EMFILE) X(EMLINK)        \
                    X(EMSGSIZE) X(EMULTIHOP) X(ENAMETOOLONG) X(ENETDOWN) X(ENETRESET)              \
                        X(ENETUNREACH) X(ENFILE) X(ENOBUFS) X(ENODEV) X(ENOENT) X(ENOEXEC)         \
                            X(ENOLCK) X(ENOLINK) X(ENOMEM) X(ENOMSG) X(ENOPROTOOPT) X(ENOSPC)      \
                                X(ENOSYS) X(ENOTCONN) X(ENOTDIR) X(ENOTEMPTY) X(ENOTRECOVERABLE)   \
                                    X(ENOTSOCK) X(ENOTSUP) X(ENOTTY) X(ENXIO) X(EOVERFLOW)         \
                                        X(EOWNERDEAD) X(EPERM) X(EPIPE) X(EPROTO)                  \
                                            X(EPROTONOSUPPORT) X(EPROTOTYPE) X(ERANGE) X(EROFS)    \
                                                X(ESPIPE) X(ESRCH) X(ESTALE) X(ETIMEDOUT)          \
                                                    X(ETXTBSY) X(EXDEV)

wasi_errno pa_errno_to_wasi(int errnum) {
    switch (errnum) {
    case 0:
        return WASI_ESUCCESS;
#define X(name)                                                                                    \
    case name:                                                                                     \
        return WASI_##name;
        SAME_NAMES(X)
#undef X
    default:
        return WASI_EIO;
    }
}
