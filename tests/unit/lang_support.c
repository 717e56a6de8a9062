#include "lang_support.h"

#include "base/io.h"
#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <unistd.h>

void write_file(const char *path, const void *bytes, size_t size) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(pa_write_full(fd, bytes, size), 0);
    close(fd);
}

int set_up(void **state) {
    struct place *place = pa_xcalloc(1, sizeof(*place));
    place->root = pa_xstrdup("/tmp/pa-lang-XXXXXX");
    assert_non_null(mkdtemp(place->root));
    place->languages = pa_path_join(place->root, "languages");
    place->cache = pa_path_join(place->root, "cache");
    struct pa_error err;
    assert_int_equal(pa_mkdir_parents(place->languages, 0700, &err), 0);
    *state = place;
    return 0;
}

int tear_down(void **state) {
    struct place *place = *state;
    char *command = pa_xasprintf("rm -rf '%s'", place->root);
    int failed = system(command);
    free(command);
    free(place->root);
    free(place->languages);
    free(place->cache);
    free(place);
    return failed;
}

struct pa_buf make_archive(bool zip, const struct member *members, size_t count) {
    struct pa_buf buf = PA_BUF_INIT(32 * PA_MIB);
    size_t room = 24 * PA_MIB, used = 0;
    void *bytes = pa_buf_reserve(&buf, room);
    struct archive *archive = archive_write_new();
    if (zip) {
        archive_write_set_format_zip(archive);
    } else {
        archive_write_add_filter_gzip(archive);
        archive_write_set_format_pax_restricted(archive);
    }
    assert_int_equal(archive_write_open_memory(archive, bytes, room, &used), ARCHIVE_OK);
    for (size_t i = 0; i < count; i++) {
        struct archive_entry *entry = archive_entry_new();
        archive_entry_set_pathname(entry, members[i].path);
        archive_entry_set_filetype(entry, members[i].link ? AE_IFLNK : AE_IFREG);
        archive_entry_set_perm(entry, 0644);
        if (members[i].link)
            archive_entry_set_symlink(entry, members[i].link);
        archive_entry_set_size(entry, (la_int64_t)members[i].size);
        assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
        if (members[i].size)
            assert_int_equal(archive_write_data(archive, members[i].bytes, members[i].size),
                             members[i].size);
        archive_entry_free(entry);
    }
    assert_int_equal(archive_write_close(archive), ARCHIVE_OK);
    archive_write_free(archive);
    buf.size = used;
    return buf;
}

char *toy(const struct place *place) {
    struct pa_error err;
    char *folder = pa_path_join(place->languages, "toy");
    assert_int_equal(pa_mkdir_parents(folder, 0700, &err), 0);
    char *boot = pa_path_join(folder, "boot.toy"),
         *manifest = pa_path_join(folder, "manifest.yaml");
    write_file(boot, "boot", 4);
    free(boot);
    free(folder);
    return manifest;
}

int parse(const struct place *place, const char *text, struct pa_pack *pack, char ***ret_faults) {
    char *path = toy(place);
    struct pa_error err;
    int result = pa_pack_parse(path, text, strlen(text), pack, ret_faults, &err);
    if (result < 0)
        assert_memory_equal(err.message, (*ret_faults)[0], PA_MIN(strlen((*ret_faults)[0]), 500u));
    free(path);
    return result;
}
