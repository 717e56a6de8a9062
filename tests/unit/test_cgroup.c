/* Control groups, on a folder laid out as the kernel's. */
#include "test.h"

#include "base/io.h"
#include "jail/cgroup.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

struct hierarchy {
    char path[64];
    int fd;
};

static void make_file(const struct hierarchy *h, const char *name, const char *text) {
    int fd = openat(h->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(pa_write_full(fd, text, strlen(text)), 0);
    close(fd);
}

static void assert_content(const struct hierarchy *h, const char *name, const char *text) {
    char got[64] = "";
    int fd = openat(h->fd, name, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0 && pa_read_full(fd, got, sizeof(got) - 1) >= 0);
    close(fd);
    assert_string_equal(got, text);
}

static const char *const files[] = {"cgroup.procs", "cgroup.controllers", "cgroup.subtree_control",
                                    "memory.max",   "pids.max",           "cpu.weight"};

static int set_up(void **state) {
    struct hierarchy *h = pa_xcalloc(1, sizeof(*h));
    char self[24];
    snprintf(h->path, sizeof(h->path), "/tmp/pa-cgroup-XXXXXX");
    assert_non_null(mkdtemp(h->path));
    h->fd = open(h->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    snprintf(self, sizeof(self), "%d\n", (int)getpid());
    make_file(h, "cgroup.procs", self);
    make_file(h, "cgroup.controllers", "cpuset cpu io memory hugetlb pids\n");
    make_file(h, "cgroup.subtree_control", "");
    make_file(h, "memory.max", "1073741824\n");
    make_file(h, "pids.max", "");
    make_file(h, "cpu.weight", "");
    assert_int_equal(mkdirat(h->fd, "supervisor", 0700), 0);
    make_file(h, "supervisor/cgroup.procs", "");
    assert_int_equal(mkdirat(h->fd, "worker-1", 0700), 0); /* left by one that was killed */
    *state = h;
    return 0;
}

static int tear_down(void **state) {
    struct hierarchy *h = *state;
    unlinkat(h->fd, "supervisor/cgroup.procs", 0);
    unlinkat(h->fd, "supervisor", AT_REMOVEDIR);
    unlinkat(h->fd, "worker-1", AT_REMOVEDIR);
    for (size_t i = 0; i < PA_ARRAY_LEN(files); i++)
        unlinkat(h->fd, files[i], 0);
    close(h->fd);
    int left = rmdir(h->path);
    free(h);
    return left;
}

static int open_again(const struct hierarchy *h) {
    return open(h->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void opening_moves_us_and_takes_controllers(void **state) {
    const struct hierarchy *h = *state;
    struct pa_cgroups groups;
    struct pa_error why;
    char self[24];
    assert_int_equal(pa_cgroups_open_at(open_again(h), &groups, &why), 0);
    snprintf(self, sizeof(self), "%d", (int)getpid());
    assert_content(h, "supervisor/cgroup.procs", self);
    for (int i = 0; i < PA_CGROUP_COUNT; i++)
        assert_true(groups.with[i]);
    assert_true(groups.most_memory_bytes <= 512u << 20);
    assert_int_equal(faccessat(h->fd, "worker-1", F_OK, 0), -1);
    close(groups.fd);
}

static void limits_are_written(void **state) {
    const struct hierarchy *h = *state;
    struct pa_error why;
    struct pa_cgroups groups = {.fd = h->fd,
                                .with = {[PA_CGROUP_MEMORY] = true, [PA_CGROUP_PIDS] = true},
                                .most_memory_bytes = 300 << 20};
    const struct pa_cgroup_limits run = {.memory_bytes = 2100000, .processes = 4, .cpu_weight = 50};
    unlinkat(h->fd, "memory.max", 0);
    make_file(h, "memory.max", "");
    assert_int_equal(pa_cgroup_limit(&groups, h->fd, &run, &why), 0);
    assert_content(h, "memory.max", "2100000");
    assert_content(h, "pids.max", "4");
    assert_content(h, "cpu.weight", ""); /* there is no such controller */
    groups.with[PA_CGROUP_CPU] = true;
    const struct pa_cgroup_limits root = {.processes = 5000, .cpu_weight = 50};
    assert_int_equal(pa_cgroup_limit(&groups, h->fd, &root, &why), 0);
    assert_content(h, "memory.max", "314572800");
    assert_content(h, "pids.max", "5000");
    assert_content(h, "cpu.weight", "50");
    unlinkat(h->fd, "pids.max", 0);
    assert_int_equal(pa_cgroup_limit(&groups, h->fd, &root, &why), -1);
    assert_non_null(strstr(why.message, "pids.max"));
}

static void others_in_the_group_are_told(void **state) {
    const struct hierarchy *h = *state;
    struct pa_cgroups groups;
    struct pa_error why;
    unlinkat(h->fd, "cgroup.procs", 0);
    make_file(h, "cgroup.procs", "1\n2\n");
    assert_int_equal(pa_cgroups_open_at(open_again(h), &groups, &why), -1);
    assert_non_null(strstr(why.message, "Delegate=yes"));
    assert_int_equal(groups.fd, -1);
    assert_int_equal(pa_cgroup_add(&groups, 1, NULL, &why), 0); /* nothing to do */
    pa_cgroup_remove(&groups, 1);
    pa_cgroups_close(&groups);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(opening_moves_us_and_takes_controllers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(limits_are_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(others_in_the_group_are_told, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
