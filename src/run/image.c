/*
 * Images, and the probe of a user's interpreter.
 *
 * The probe is a session of one empty program: an interpreter whose process waits for another turn
 * has read its request, so it has come to the checkpoint.  Its verdict is kept in
 *
 *     <cache>/interpreters/<digest of module, boot script and arguments>        "checkpoint" or
 * "stdin"
 *
 * A failure is not kept: its cause may lie in a limit or a folder of this one run.
 */
#include "run/image.h"

#include "lang/interpreter.h"
#include "run/language.h"

void pa_image_init(struct pa_image *image, const struct pa_pack *pack) {
    *image = (struct pa_image){.pack = pack};
}

void pa_image_done(struct pa_image *image) {
    for (size_t i = 0; i < image->package_count; i++)
        pa_package_done(&image->packages[i]);
    free(image->packages);
    pa_strv_free(image->preload);
    pa_strv_free(image->paths);
    if (image->own.module_file)
        pa_pack_done(&image->own);
    pa_policy_done(&image->mounts);
    *image = (struct pa_image){0};
}

static void forget_mounts(struct pa_image *image) {
    pa_policy_done(&image->mounts);
    image->prepared = false;
}

int pa_image_interpreter(struct pa_image *image, const struct pa_packs *packs, const char *path,
                         const char *cache_directory, struct pa_error *err) {
    PA_ASSERT(!image->own.module_file);
    forget_mounts(image);
    if (pa_pack_with_interpreter(packs, image->pack, path, cache_directory, &image->own, err) < 0)
        return -1;
    image->pack = &image->own;
    return 0;
}

int pa_image_known_interpreter(struct pa_image *image, const struct pa_packs *packs,
                               const char *path, const char *sha256, uint64_t bytes,
                               struct pa_error *err) {
    PA_ASSERT(!image->own.module_file);
    forget_mounts(image);
    if (pa_pack_with_known_interpreter(packs, image->pack, path, sha256, bytes, &image->own, err) <
        0)
        return -1;
    image->pack = &image->own;
    return 0;
}

static void copy_packages(struct pa_image *image, const struct pa_image *from) {
    image->packages = pa_xcalloc(from->package_count + 1, sizeof(*image->packages));
    for (size_t i = 0; i < from->package_count; i++) {
        const struct pa_package *package = &from->packages[i];
        image->packages[image->package_count++] =
            (struct pa_package){.host = pa_xstrdup(package->host),
                                .guest = pa_xstrdup(package->guest),
                                .import_path = pa_xstrdup(package->import_path)};
    }
}

int pa_image_copy(struct pa_image *image, const struct pa_image *from, const struct pa_packs *packs,
                  struct pa_error *err) {
    const struct pa_pack *pack = from->pack;
    const struct pa_pack *listed = pa_packs_find(packs, pack->name, err);
    pa_image_init(image, listed);
    if (!listed)
        return -1;
    if (pack->module_file &&
        pa_image_known_interpreter(image, packs, pack->module_file, pack->module_sha256,
                                   pack->module_bytes, err) < 0)
        return -1;
    copy_packages(image, from);
    for (char **module = from->preload; module && *module; module++)
        pa_strv_add(&image->preload, pa_xstrdup(*module));
    for (char **path = from->paths; path && *path; path++)
        pa_strv_add(&image->paths, pa_xstrdup(*path));
    image->without_checkpoint = from->without_checkpoint;
    image->prepared = from->prepared;
    pa_policy_copy(&image->mounts, &from->mounts);
    return 0;
}

static void add_path(struct pa_image *image, const char *path) {
    for (char **known = image->paths; known && *known; known++)
        if (pa_streq(*known, path))
            return;
    pa_strv_add(&image->paths, pa_xstrdup(path));
}

int pa_image_add_package(struct pa_image *image, const char *path, const char *cache_directory,
                         struct pa_error *err) {
    struct pa_package package;
    if (pa_package_open(path, cache_directory, &package, err) < 0)
        return -1;
    for (size_t i = 0; i < image->package_count; i++) {
        const struct pa_package *other = &image->packages[i];
        if (!pa_streq(other->guest, package.guest))
            continue;
        bool same = pa_streq(other->host, package.host);
        pa_fail(err, PA_ERR_INVALID_ARGUMENT, "the packages %.150s and %.150s would both be %s",
                other->host, package.host, package.guest);
        pa_package_done(&package);
        return same ? 0 : -1;
    }
    forget_mounts(image);
    struct pa_package *grown = pa_xcalloc(image->package_count + 1, sizeof(*grown));
    if (image->package_count)
        memcpy(grown, image->packages, image->package_count * sizeof(*grown));
    free(image->packages);
    image->packages = grown;
    grown[image->package_count++] = package;
    add_path(image, package.import_path);
    return 0;
}

void pa_image_add_preload(struct pa_image *image, const char *module) {
    pa_strv_add(&image->preload, pa_xstrdup(module));
}

/* --- mounts --- */

static int find_mounts(const struct pa_image *image, const char *cache_directory,
                       struct pa_policy *policy, struct pa_error *err) {
    if (pa_pack_add_mounts(image->pack, cache_directory, policy, err) < 0)
        return -1;
    for (size_t i = 0; i < image->package_count; i++)
        if (pa_policy_add_mount(policy, image->packages[i].host, image->packages[i].guest, false,
                                err) < 0)
            return -1;
    return 0;
}

int pa_image_prepare(struct pa_image *image, const char *cache_directory, struct pa_error *err) {
    struct pa_policy found = {0};
    if (find_mounts(image, cache_directory, &found, err) < 0) {
        pa_policy_done(&found);
        return -1;
    }
    forget_mounts(image);
    image->mounts = found;
    image->prepared = true;
    return 0;
}

int pa_image_add_mounts(const struct pa_image *image, const char *cache_directory,
                        struct pa_policy *policy, struct pa_error *err) {
    if (!image->prepared)
        return find_mounts(image, cache_directory, policy, err);
    for (size_t i = 0; i < image->mounts.mount_count; i++) {
        const struct pa_mount *mount = &image->mounts.mounts[i];
        if (pa_policy_add_known_mount(policy, mount->host, mount->guest, mount->writable, err) < 0)
            return -1;
    }
    return 0;
}

/* --- the probe --- */

static bool recall(struct pa_image *image, const char *cache_directory, const char *identity) {
    PA_CLEANUP(pa_buf_done) struct pa_buf text = PA_BUF_INIT(64);
    if (!pa_interpreter_recall(cache_directory, identity, &text))
        return false;
    image->without_checkpoint = pa_streq(pa_buf_text(&text), "stdin");
    return image->without_checkpoint || pa_streq(pa_buf_text(&text), "checkpoint");
}

/* Runs a program of the probe's. */
static int try(struct pa_image *image, struct pa_executor *executor, const char *cache_directory,
               const struct pa_policy *policy, int cancel_fd, const char *code,
               struct pa_outcome *outcome, struct pa_error *err) {
    struct pa_language_run run;
    struct pa_worker session;
    const struct pa_program program = {
        .code = code, .code_size = strlen(code), .session = !image->without_checkpoint};
    if (pa_language_run_init(&run, image, cache_directory, policy, &program, err) < 0)
        return -1;
    run.request.cancel_fd = cancel_fd;
    if (program.session)
        run.request.session = &session;
    int done = pa_execute(executor, &run.request, outcome, err);
    if (done == 0 && outcome->session_lives)
        pa_worker_discard(&session);
    pa_language_run_done(&run);
    return done;
}

/* How it ended, and the last line that it wrote to standard error. */
static int describe(const struct pa_image *image, const struct pa_outcome *outcome,
                    struct pa_error *err) {
    const char *text = pa_buf_text(&outcome->output[PA_STDERR].kept);
    size_t size = strlen(text);
    while (size && text[size - 1] == '\n')
        size--;
    const char *line = text + size;
    while (line > text && line[-1] != '\n')
        line--;
    int length = (int)PA_MIN((size_t)(text + size - line), (size_t)150);
    if (outcome->message[0])
        return pa_fail(err, PA_ERR_FAILED_PRECONDITION, "%.150s cannot be used: %s: %.250s",
                       image->pack->module_file, pa_status_name(outcome->status), outcome->message);
    return pa_fail(err, PA_ERR_FAILED_PRECONDITION,
                   "%.150s does not do as an interpreter: it ended with exit code %u%s%.*s",
                   image->pack->module_file, outcome->exit_code, length ? ": " : "", length, line);
}

static bool is_final(const struct pa_outcome *outcome) {
    return outcome->status == PA_STATUS_INVALID_MODULE || outcome->status == PA_STATUS_CANCELLED;
}

static int find_out(struct pa_image *image, struct pa_executor *executor,
                    const char *cache_directory, const struct pa_policy *policy, int cancel_fd,
                    struct pa_error *err) {
    struct pa_outcome outcome;
    pa_outcome_init(&outcome);
    int done = try(image, executor, cache_directory, policy, cancel_fd, "", &outcome, err);
    bool found = outcome.session_lives;
    if (done == 0 && !found && !is_final(&outcome) && pa_language_has_stdin_start(image->pack)) {
        static const char hello[] = "import sys; sys.stdout.write(str(6 * 7))";
        pa_outcome_done(&outcome);
        pa_outcome_init(&outcome);
        image->without_checkpoint = true;
        done = try(image, executor, cache_directory, policy, cancel_fd, hello, &outcome, err);
        found = outcome.status == PA_STATUS_OK &&
                pa_streq(pa_buf_text(&outcome.output[PA_STDOUT].kept), "42");
    }
    if (done == 0 && !found)
        done = describe(image, &outcome, err);
    pa_outcome_done(&outcome);
    return done;
}

int pa_image_probe(struct pa_image *image, struct pa_executor *executor,
                   const char *cache_directory, const struct pa_policy *policy, int cancel_fd,
                   struct pa_error *err) {
    if (!image->own.module_file)
        return 0;
    char identity[PA_DIGEST_TEXT];
    if (pa_pack_identity(image->pack, identity, err) < 0)
        return -1;
    if (recall(image, cache_directory, identity))
        return 0;
    if (find_out(image, executor, cache_directory, policy, cancel_fd, err) < 0)
        return -1;
    pa_interpreter_remember(cache_directory, identity,
                            image->without_checkpoint ? "stdin" : "checkpoint");
    return 0;
}
