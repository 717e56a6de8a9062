/*
 * google.protobuf.Struct as bytes on the wire, to and from JSON values.
 *
 *     json_t *parameters;
 *     pa_struct_read(bytes, size, &parameters, &err)       the caller decrefs it
 *     pa_struct_write(object, &buf)                        appends
 *
 * https://protobuf.dev/reference/protobuf/google.protobuf/#struct, and
 * https://protobuf.dev/programming-guides/encoding/ for the wire.  Made for bytes that an attacker
 * chose: nesting and the number of values are bounded, and nothing is read past the end.
 *
 * A Struct knows one kind of number, a double.  Integral ones up to 2^53 are read as integers.
 */
#ifndef PA_SERVER_GRPC_STRUCT_JSON_H
#define PA_SERVER_GRPC_STRUCT_JSON_H

#include "base/buf.h"
#include "base/error.h"
#include <jansson.h>

/* Levels of objects and arrays.  Libraries of protobuf read messages nested 100 deep, and each
 * level of a Struct takes three.  What lies deeper is refused when read; it is written as a string
 * that holds its JSON. */
#define PA_STRUCT_MAX_DEPTH  30
#define PA_STRUCT_MAX_VALUES 262144

/* INVALID_ARGUMENT with what is wrong: not a Struct, not UTF-8, too deep, too many values. */
int pa_struct_read(const uint8_t *bytes, size_t size, json_t **ret, struct pa_error *err);

void pa_struct_write(const json_t *object, struct pa_buf *out);

#endif
