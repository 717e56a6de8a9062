/* What outlives a run: its files, and its caller's volumes. */
#include "server/grpc/grpc_internal.h"

#include "server/kept.h"
#include <agent.pb-c.h>

#define CHUNK ((size_t)256 * 1024)

static bool send_chunks(struct pa_rpc *rpc, const struct pa_kept_file *file) {
    size_t at = 0;
    bool heard = true;
    do {
        Polyagent__Agent__RunFileChunk chunk = POLYAGENT__AGENT__RUN_FILE_CHUNK__INIT;
        if (at == 0) {
            chunk.path = pa_message_view(file->path);
            chunk.size = file->size;
            chunk.sha256 = pa_message_view(file->sha256);
        }
        chunk.content = (ProtobufCBinaryData){PA_MIN(CHUNK, file->size - at),
                                              (uint8_t *)(uintptr_t)file->bytes + at};
        at += chunk.content.len;
        heard = pa_rpc_send(rpc, &chunk.base);
    } while (heard && at < file->size);
    return heard;
}

static void send_file(struct pa_rpc *rpc, const struct pa_caller *caller,
                      const Polyagent__Agent__GetRunFileRequest *request) {
    PA_CLEANUP(pa_freep) char *run_id = NULL;
    PA_CLEANUP(pa_freep) char *path = NULL;
    struct pa_kept_file file;
    struct pa_error err;
    if (pa_message_text(&request->run_id, "run_id", &run_id, &err) < 0 ||
        pa_message_text(&request->path, "path", &path, &err) < 0 ||
        pa_service_file(pa_rpc_door(rpc)->service, caller, run_id, path, &file, &err) < 0) {
        pa_rpc_fail(rpc, &err, NULL, 0);
        return;
    }
    send_chunks(rpc, &file);
    pa_kept_file_done(&file);
    pa_rpc_reply(rpc, NULL);
}

void pa_rpc_get_run_file(struct pa_rpc *rpc) {
    struct pa_caller *caller;
    if (!pa_rpc_authenticate(rpc, &caller))
        return;
    void *request = pa_rpc_request(rpc, &polyagent__agent__get_run_file_request__descriptor);
    if (request)
        send_file(rpc, caller, request);
    pa_message_free(request);
    pa_caller_unref(caller);
}

/* --- volumes -------------------------------------------------------------------------------- */

static uint64_t number(const json_t *object, const char *key) {
    return (uint64_t)json_integer_value(json_object_get(object, key));
}

static void reply_volumes(struct pa_rpc *rpc, const json_t *found) {
    const size_t count = json_array_size(found);
    Polyagent__Agent__Volume *volumes = pa_xcalloc(count + 1, sizeof(*volumes));
    Polyagent__Agent__Volume **list = pa_xcalloc(count + 1, sizeof(*list));
    Polyagent__Agent__ListVolumesResponse response = POLYAGENT__AGENT__LIST_VOLUMES_RESPONSE__INIT;
    for (size_t i = 0; i < count; i++) {
        const json_t *from = json_array_get(found, i);
        Polyagent__Agent__Volume *volume = list[i] = &volumes[i];
        polyagent__agent__volume__init(volume);
        volume->name = pa_message_view_json(json_object_get(from, "name"));
        volume->bytes = number(from, "bytes");
        volume->entries = number(from, "entries");
        volume->quota_bytes = number(from, "quota_bytes");
        volume->quota_entries = number(from, "quota_entries");
        volume->in_use = json_is_true(json_object_get(from, "in_use"));
    }
    response.volumes = list;
    response.n_volumes = count;
    pa_rpc_reply(rpc, &response.base);
    free(list);
    free(volumes);
}

void pa_rpc_list_volumes(struct pa_rpc *rpc) {
    struct pa_caller *caller;
    struct pa_error err;
    json_t *volumes;
    if (!pa_rpc_authenticate(rpc, &caller))
        return;
    if (pa_service_volumes(pa_rpc_door(rpc)->service, caller, &volumes, &err) < 0) {
        pa_rpc_fail(rpc, &err, NULL, 0);
    } else {
        reply_volumes(rpc, volumes);
        json_decref(volumes);
    }
    pa_caller_unref(caller);
}

static void remove_volume(struct pa_rpc *rpc, const struct pa_caller *caller,
                          const Polyagent__Agent__RemoveVolumeRequest *request) {
    PA_CLEANUP(pa_freep) char *name = NULL;
    struct pa_error err;
    Polyagent__Agent__RemoveVolumeResponse response =
        POLYAGENT__AGENT__REMOVE_VOLUME_RESPONSE__INIT;
    if (pa_message_text(&request->name, "name", &name, &err) < 0 ||
        pa_service_remove_volume(pa_rpc_door(rpc)->service, caller, name, &err) < 0)
        pa_rpc_fail(rpc, &err, NULL, 0);
    else
        pa_rpc_reply(rpc, &response.base);
}

void pa_rpc_remove_volume(struct pa_rpc *rpc) {
    struct pa_caller *caller;
    if (!pa_rpc_authenticate(rpc, &caller))
        return;
    void *request = pa_rpc_request(rpc, &polyagent__agent__remove_volume_request__descriptor);
    if (request)
        remove_volume(rpc, caller, request);
    pa_message_free(request);
    pa_caller_unref(caller);
}
