/* What the tests of language packs share: a folder to work in, and packs in it. */
#ifndef PA_TEST_LANG_SUPPORT_H
#define PA_TEST_LANG_SUPPORT_H

#include "test.h"

#include "base/buf.h"
#include "lang/pack.h"

struct place {
    char *root;      /* a new folder */
    char *languages; /* of packs, in it */
    char *cache;
};

/* Of each test. */
int set_up(void **state);
int tear_down(void **state);
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

void write_file(const char *path, const void *bytes, size_t size);

#define SIZE(text) (sizeof(text) - 1)

/* Of an archive that is made here. */
struct member {
    const char *path;
    const void *bytes;
    size_t size;
    const char *link; /* a symbolic link to this, or NULL */
};

/* An archive of these members as bytes, a zip or a tar.gz. */
struct pa_buf make_archive(bool zip, const struct member *members, size_t count);

/* The end of the manifest of a toy. */
#define TAIL "boot: boot.toy\nentry: {style: command}\nargs: [toy, /boot/boot.toy]\n"

/* <languages>/toy with a boot script; the path of its manifest. */
char *toy(const struct place *place);

/* The pack that `text` describes, as toy's manifest; or what is wrong with it. */
int parse(const struct place *place, const char *text, struct pa_pack *pack, char ***ret_faults);

#endif
