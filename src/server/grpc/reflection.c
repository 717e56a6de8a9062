/*
 * grpc.reflection, v1 and v1alpha, which are the same on the wire:
 * https://github.com/grpc/grpc/blob/master/doc/server-reflection.md
 *
 * The build compiles in the FileDescriptorSet of proto/.  It is trusted and small (some twenty
 * files); each question walks it with the wire reader: a file by its name, or the file that defines
 * a symbol, each with the files that it imports, which saves the client a round trip per import.
 */
#include "server/grpc/grpc_internal.h"

#include "server/grpc/wire.h"
#include <reflection.pb-c.h>

typedef Grpc__Reflection__V1__ServerReflectionRequest request_t;
typedef Grpc__Reflection__V1__ServerReflectionResponse response_t;

extern const unsigned char pa_proto_descriptors[];
extern const size_t pa_proto_descriptors_size;

#define FILES_MAX 32

/* Field numbers of google/protobuf/descriptor.proto. */
enum {
    SET_FILE = 1
};
enum {
    FILE_NAME = 1,
    FILE_PACKAGE = 2,
    FILE_IMPORT = 3,
    FILE_MESSAGE,
    FILE_ENUM,
    FILE_SERVICE
};
enum {
    MESSAGE_NAME = 1,
    MESSAGE_FIELD,
    MESSAGE_NESTED,
    MESSAGE_ENUM,
    MESSAGE_ONEOF = 8
};
enum {
    ENUM_NAME = 1,
    ENUM_VALUE
};
enum {
    SERVICE_NAME = 1,
    SERVICE_METHOD
};
enum {
    ANY_NAME = 1
}; /* fields, values, methods, oneofs */

/* The text of the first field of that number; empty where there is none. */
static struct pa_wire text_of(struct pa_wire wire, uint32_t number) {
    struct pa_wire_field field;
    while (pa_wire_next(&wire, &field))
        if (field.number == number && field.type == PA_WIRE_BYTES)
            return field.bytes;
    return (struct pa_wire){0};
}

static bool equal(struct pa_wire text, const char *name, size_t size) {
    return (size_t)(text.end - text.at) == size && (!size || !memcmp(text.at, name, size));
}

/* Whether `name` begins with `text` and a dot, or is `text`; *name is then behind it. */
static bool descend(const char **name, struct pa_wire text) {
    size_t size = (size_t)(text.end - text.at);
    if (strncmp(*name, size ? (const char *)text.at : "", size) != 0)
        return false;
    if ((*name)[size] && size && (*name)[size] != '.')
        return false;
    *name += size + (size && (*name)[size] == '.');
    return true;
}

/* Whether one of the parts `number` has this name. */
static bool has_part(struct pa_wire wire, uint32_t number, const char *name) {
    struct pa_wire_field field;
    while (pa_wire_next(&wire, &field))
        if (field.number == number && field.type == PA_WIRE_BYTES &&
            equal(text_of(field.bytes, ANY_NAME), name, strlen(name)))
            return true;
    return false;
}

/* Whether `name` is this message, or something in it. */
static bool message_defines(struct pa_wire message, const char *name) {
    struct pa_wire_field field;
    if (!descend(&name, text_of(message, MESSAGE_NAME)))
        return false;
    if (!*name || has_part(message, MESSAGE_FIELD, name) || has_part(message, MESSAGE_ENUM, name) ||
        has_part(message, MESSAGE_ONEOF, name))
        return true;
    while (pa_wire_next(&message, &field))
        if (field.number == MESSAGE_NESTED && field.type == PA_WIRE_BYTES &&
            message_defines(field.bytes, name))
            return true;
    return false;
}

static bool file_defines(struct pa_wire file, const char *name) {
    struct pa_wire_field field;
    if (!descend(&name, text_of(file, FILE_PACKAGE)) || !*name)
        return false;
    while (pa_wire_next(&file, &field)) {
        const char *rest = name;
        if (field.type != PA_WIRE_BYTES)
            continue;
        if (field.number == FILE_MESSAGE && message_defines(field.bytes, name))
            return true;
        if (field.number == FILE_ENUM &&
            (equal(text_of(field.bytes, ENUM_NAME), name, strlen(name)) ||
             has_part(field.bytes, ENUM_VALUE, name)))
            return true;
        if (field.number == FILE_SERVICE && descend(&rest, text_of(field.bytes, SERVICE_NAME)) &&
            (!*rest || has_part(field.bytes, SERVICE_METHOD, rest)))
            return true;
    }
    return false;
}

static bool is_named(struct pa_wire file, const char *name) {
    return equal(text_of(file, FILE_NAME), name, strlen(name));
}

/* The first file for which `test` says yes. */
static bool find_file(bool (*test)(struct pa_wire file, const char *name), const char *name,
                      struct pa_wire *ret) {
    struct pa_wire set = PA_WIRE(pa_proto_descriptors, pa_proto_descriptors_size);
    struct pa_wire_field field;
    while (pa_wire_next(&set, &field)) {
        if (field.number == SET_FILE && test(field.bytes, name)) {
            *ret = field.bytes;
            return true;
        }
    }
    return false;
}

/* --- answers -------------------------------------------------------------------------------- */

static bool answer_error(struct pa_rpc *rpc, response_t response, grpc_status_code code,
                         const char *message) {
    Grpc__Reflection__V1__ErrorResponse error = GRPC__REFLECTION__V1__ERROR_RESPONSE__INIT;
    error.error_code = (int32_t)code;
    error.error_message = pa_message_view(message);
    response.message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ERROR_RESPONSE;
    response.error_response = &error;
    return pa_rpc_send(rpc, &response.base);
}

static bool contains(const ProtobufCBinaryData *files, size_t count, struct pa_wire file) {
    for (size_t i = 0; i < count; i++)
        if (files[i].data == file.at)
            return true;
    return false;
}

static bool find_import(struct pa_wire text, struct pa_wire *ret) {
    PA_CLEANUP(pa_freep) char *name = strndup((const char *)text.at, (size_t)(text.end - text.at));
    return name && find_file(is_named, name, ret);
}

/* The file and what it imports, each once. */
static size_t collect(struct pa_wire file, ProtobufCBinaryData *files) {
    size_t count = 0;
    files[count++] = (ProtobufCBinaryData){(size_t)(file.end - file.at), (uint8_t *)file.at};
    for (size_t i = 0; i < count; i++) {
        struct pa_wire wire = PA_WIRE(files[i].data, files[i].len), import;
        struct pa_wire_field field;
        while (pa_wire_next(&wire, &field)) {
            if (field.number != FILE_IMPORT)
                continue;
            if (count < FILES_MAX && find_import(field.bytes, &import) &&
                !contains(files, count, import))
                files[count++] = (ProtobufCBinaryData){(size_t)(import.end - import.at),
                                                       (uint8_t *)(uintptr_t)import.at};
        }
    }
    return count;
}

static bool answer_file(struct pa_rpc *rpc, response_t response,
                        bool (*test)(struct pa_wire file, const char *name),
                        const ProtobufCBinaryData *asked) {
    PA_CLEANUP(pa_freep) char *name = NULL;
    struct pa_wire file;
    struct pa_error err;
    if (pa_message_text(asked, "the name", &name, &err) < 0)
        return answer_error(rpc, response, GRPC_STATUS_INVALID_ARGUMENT, err.message);
    if (!find_file(test, name, &file))
        return answer_error(rpc, response, GRPC_STATUS_NOT_FOUND, "nothing has that name here");
    ProtobufCBinaryData files[FILES_MAX];
    Grpc__Reflection__V1__FileDescriptorResponse found =
        GRPC__REFLECTION__V1__FILE_DESCRIPTOR_RESPONSE__INIT;
    found.file_descriptor_proto = files;
    found.n_file_descriptor_proto = collect(file, files);
    response.message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_FILE_DESCRIPTOR_RESPONSE;
    response.file_descriptor_response = &found;
    return pa_rpc_send(rpc, &response.base);
}

/* Nothing of ours has extensions. */
static bool answer_extensions(struct pa_rpc *rpc, response_t response,
                              const ProtobufCBinaryData *type) {
    Grpc__Reflection__V1__ExtensionNumberResponse none =
        GRPC__REFLECTION__V1__EXTENSION_NUMBER_RESPONSE__INIT;
    PA_CLEANUP(pa_freep) char *name = NULL;
    struct pa_wire file;
    struct pa_error err;
    if (pa_message_text(type, "the name", &name, &err) < 0 || !find_file(file_defines, name, &file))
        return answer_error(rpc, response, GRPC_STATUS_NOT_FOUND, "nothing has that name here");
    none.base_type_name = *type;
    response.message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ALL_EXTENSION_NUMBERS_RESPONSE;
    response.all_extension_numbers_response = &none;
    return pa_rpc_send(rpc, &response.base);
}

/* The names of all services that have methods. */
static bool answer_services(struct pa_rpc *rpc, response_t response) {
    Grpc__Reflection__V1__ListServiceResponse list =
        GRPC__REFLECTION__V1__LIST_SERVICE_RESPONSE__INIT;
    Grpc__Reflection__V1__ServiceResponse services[PA_GRPC_SERVICES], *pointers[PA_GRPC_SERVICES];
    for (size_t i = 0; i < PA_GRPC_SERVICES; i++) {
        const char *path = pa_grpc_services[i]->path + 1; /* "package.Service/Method" */
        grpc__reflection__v1__service_response__init(&services[i]);
        services[i].name =
            (ProtobufCBinaryData){(size_t)(strchr(path, '/') - path), (uint8_t *)(uintptr_t)path};
        pointers[i] = &services[i];
    }
    list.service = pointers;
    list.n_service = PA_GRPC_SERVICES;
    response.message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_LIST_SERVICES_RESPONSE;
    response.list_services_response = &list;
    return pa_rpc_send(rpc, &response.base);
}

static bool answer(struct pa_rpc *rpc, request_t *request) {
    response_t response = GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__INIT;
    response.valid_host = request->host;
    response.original_request = request;
    switch (request->message_request_case) {
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_BY_FILENAME:
        return answer_file(rpc, response, is_named, &request->file_by_filename);
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_SYMBOL:
        return answer_file(rpc, response, file_defines, &request->file_containing_symbol);
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_ALL_EXTENSION_NUMBERS_OF_TYPE:
        return answer_extensions(rpc, response, &request->all_extension_numbers_of_type);
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_LIST_SERVICES:
        return answer_services(rpc, response);
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_EXTENSION:
        return answer_error(rpc, response, GRPC_STATUS_NOT_FOUND, "there are no extensions here");
    default:
        return answer_error(rpc, response, GRPC_STATUS_INVALID_ARGUMENT, "nothing was asked for");
    }
}

static void reflect(struct pa_rpc *rpc) {
    struct pa_error err;
    request_t *request;
    while ((request = pa_rpc_receive(
                rpc, &grpc__reflection__v1__server_reflection_request__descriptor, &err))) {
        bool listens = answer(rpc, request);
        pa_message_free(request);
        if (!listens)
            break;
    }
    if (!request && err.code != PA_ERR_NONE)
        pa_rpc_fail(rpc, &err, NULL, 0);
    else
        pa_rpc_reply(rpc, NULL);
}

const struct pa_method pa_reflection_v1_methods[] = {
    {"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", reflect, PA_METHOD_STAYS, true},
    {0}};

const struct pa_method pa_reflection_v1alpha_methods[] = {
    {"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", reflect, PA_METHOD_STAYS,
     true},
    {0}};
