/*
 * Frames: what travels on the one socket between the supervisor and a worker.
 *
 *      0        4      5       6        8
 *     +--------+------+-------+--------+-----------------+
 *     | length | type | flags | zero   | payload         |      little-endian
 *     +--------+------+-------+--------+-----------------+
 *
 * `length` counts the payload, at most PA_FRAME_MAX from a worker.  The order of frames is the
 * order of events: standard output and error keep theirs.
 *
 * Life of a run (worker on the right):
 *
 *     RUN (+ descriptors) ------>
 *                         <------ JAILED      layers entered, what is missing
 *                         <------ STDOUT, STDERR, LOG ...      any number
 *                         <------ STDIN_WANT  "send me up to n bytes"; at most one outstanding
 *     STDIN / empty = end ------>
 *                         <------ EXIT        struct pa_end; then the worker closes and exits
 *
 * A run of a language also sends RESULT (lines of JSON, in any pieces) among its output, and CALL
 * (a line of JSON) for a tool of its caller's, which REPLY answers at any time.  Before its end
 * come CHANGED: records of files that it changed (request.h), in any pieces.
 *
 * A Python program that the worker compiles itself: before its first output, and before any code
 * that was made from it runs,
 *
 *                         <------ ARTIFACT    what was made, to be kept; any number of pieces
 *                         <------ MADE        struct pa_python_made: it begins, or is refused
 *
 * A session sends TURN (struct pa_end) in place of EXIT and waits at its checkpoint:
 *
 *     RUN ---------------------->         the next turn
 *     FILE --------------------->         something with its files (request.h)
 *                         <------ FILE_DONE
 *     FORK (+ one socket) ------>         a copy of itself
 *                         <------ FORKED  + the copy's pidfd
 *
 * Life of a warm root, on its own socket:
 *
 *     WARM (+ descriptors) ----->
 *                         <------ JAILED, LOG ...
 *                         <------ READY       it is at its checkpoint
 *     FORK hurry, session (u8 each) (+ one socket) ------>
 *                         <------ FORKED      the copy's number in the root, + its pidfd
 *     ADOPT number ------------->             a session's copy: it gets a process group of its own
 *                         <------ ADOPTED     number
 *                         <------ REAPED      number, wait status, CPU time in ns (u64): whenever a
 *                                             copy has ended
 *
 * The copy waits on its socket for RUN, and from there on is a run like any other.  One that was
 * forked as a session's may fork; its copies are the root's children, as it is itself.  With a
 * process the root ends all of its process group.
 *
 * Life of a compilation: COMPILE (+ module, artifact descriptors) -> JAILED, LOG, then EXIT.
 * FAILED instead of EXIT says that the host, not the guest, is in trouble.
 *
 * Trust: the supervisor treats every byte from a worker as an attacker's.  The decoder holds at
 * most one frame of PA_FRAME_MAX bytes and one read; a frame of a wrong form is an error for good.
 */
#ifndef PA_WARM_FRAME_H
#define PA_WARM_FRAME_H

#include "base/buf.h"
#include "base/error.h"
#include "base/wire.h"
#include "policy/status.h"

#define PA_FRAME_HEADER 8
#define PA_FRAME_MAX    (1u << 20)
/* What the supervisor may send in one frame: a request with its files. */
#define PA_FRAME_MAX_REQUEST (256u << 20)

enum pa_frame_type {
    /* supervisor to worker */
    PA_FRAME_RUN = 1,
    PA_FRAME_COMPILE,
    PA_FRAME_STDIN,
    PA_FRAME_WARM,
    PA_FRAME_FORK,
    PA_FRAME_ADOPT,
    PA_FRAME_FILE,
    PA_FRAME_REPLY,
    /* worker to supervisor */
    PA_FRAME_JAILED = 16,
    PA_FRAME_STDOUT,
    PA_FRAME_STDERR,
    PA_FRAME_STDIN_WANT,
    PA_FRAME_LOG,
    PA_FRAME_RESULT,
    PA_FRAME_TURN,
    PA_FRAME_READY,
    PA_FRAME_FORKED,
    PA_FRAME_REAPED,
    PA_FRAME_EXIT,
    PA_FRAME_FAILED,
    PA_FRAME_DENIED, /* a worker's last words: u32, the number of the call that the jail forbids */
    PA_FRAME_ADOPTED,
    PA_FRAME_FILE_DONE,
    PA_FRAME_CHANGED,
    PA_FRAME_CALL,
    PA_FRAME_ARTIFACT,
    PA_FRAME_MADE,
};

#define PA_FRAME_LAST PA_FRAME_MADE

struct pa_frame {
    enum pa_frame_type type;
    uint8_t flags;
    const uint8_t *payload; /* valid until the next call on the decoder */
    size_t size;
};

void pa_frame_header(uint8_t out[PA_FRAME_HEADER], enum pa_frame_type type, uint8_t flags,
                     uint32_t size);

/* Incremental decoding of what a worker sends. */
struct pa_frame_decoder {
    struct pa_buf buffer;
    size_t consumed; /* of the buffer: the frame handed out last */
};

void pa_frame_decoder_init(struct pa_frame_decoder *decoder);
void pa_frame_decoder_done(struct pa_frame_decoder *decoder);

/* Where to read into, and how much was read.  The room is never empty. */
void *pa_frame_decoder_room(struct pa_frame_decoder *decoder, size_t *ret_size);
void pa_frame_decoder_fed(struct pa_frame_decoder *decoder, size_t size);

/* 1 and *ret: a frame; 0: more bytes are needed; -1: garbage, nothing more can be decoded. */
int pa_frame_decoder_next(struct pa_frame_decoder *decoder, struct pa_frame *ret,
                          struct pa_error *err);

/* Sends one frame with up to PA_FRAME_MAX_FDS descriptors.  -1 with errno.  With `wait` false a
 * receiver that does not read is EAGAIN, and the channel is then good for nothing more. */
#define PA_FRAME_MAX_FDS 128
int pa_frame_send(int socket, enum pa_frame_type type, const void *payload, size_t size,
                  const int *fds, size_t fd_count, bool wait);

/* Sends what fits at once, from the frame's byte *sent on, which it moves on: 0 when all is out, -1
 * with EAGAIN when the receiver must read first, -1 with another errno when it cannot be sent. */
int pa_frame_send_some(int socket, enum pa_frame_type type, const void *payload, size_t size,
                       const int *fds, size_t fd_count, size_t *sent);

/* Receives one whole frame with its descriptors, blocking: a worker's first, from the trusted side;
 * a warm root's.  *ret_fds (room for PA_FRAME_MAX_FDS) are the caller's (O_CLOEXEC). */
int pa_frame_receive(int socket, struct pa_frame *ret, struct pa_buf *payload, int *ret_fds,
                     size_t *ret_fd_count, struct pa_error *err);

/* The payloads of EXIT and FAILED.  Text is decoded without control characters, but for newlines in
 * an end's message and backtrace. */
void pa_end_encode(const struct pa_end *end, struct pa_buf *buf);
int pa_end_decode(const uint8_t *payload, size_t size, struct pa_end *ret);
void pa_error_encode(const struct pa_error *err, struct pa_buf *buf);
int pa_error_decode(const uint8_t *payload, size_t size, struct pa_error *ret);

#endif
