/*
 * What POSIX and WASI preview 1 say about files, tried in the empty, writable folder that argv[1]
 * names.  The same program runs on a host folder and on the in-memory file systems: a guest must
 * not be able to tell which one it has.
 */
#include "check.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wasi/api.h>

static void put(const char *name, const char *text) {
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    CHECK(fd >= 0);
    CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    CHECK(close(fd) == 0);
}

static bool holds(const char *name, const char *text) {
    char got[256];
    int fd = open(name, O_RDONLY);
    ssize_t n = fd < 0 ? -1 : read(fd, got, sizeof(got));
    if (fd >= 0)
        close(fd);
    return n == (ssize_t)strlen(text) && !memcmp(got, text, (size_t)n);
}

static void open_flags(void) {
    FAILS(ENOENT, open("none", O_RDONLY));
    FAILS(ENOENT, open("none/deeper", O_RDWR | O_CREAT, 0644));
    put("a", "alpha");
    FAILS(EEXIST, open("a", O_WRONLY | O_CREAT | O_EXCL, 0644));
    FAILS(ENOTDIR, open("a", O_RDONLY | O_DIRECTORY));
    FAILS(ENOTDIR, open("a/below", O_RDONLY));
    FAILS(ENOTDIR, open("a/", O_RDONLY));
    int fd = open("a", O_WRONLY | O_APPEND);
    CHECK(write(fd, "bet", 3) == 3);
    CHECK(lseek(fd, 0, SEEK_SET) == 0);
    CHECK(write(fd, "a", 1) == 1);
    char byte;
    FAILS(EBADF, read(fd, &byte, 1));
    CHECK(close(fd) == 0);
    CHECK(holds("a", "alphabeta"));
    fd = open("a", O_RDONLY);
    FAILS(EBADF, write(fd, "x", 1));
    CHECK(close(fd) == 0);
    FAILS(EBADF, close(fd));
    CHECK(mkdir("d", 0755) == 0);
    FAILS(EISDIR, open("d", O_WRONLY));
    CHECK(rmdir("d") == 0);
    fd = open("a", O_WRONLY | O_TRUNC);
    CHECK(close(fd) == 0);
    CHECK(holds("a", ""));
    CHECK(unlink("a") == 0);
}

static void sizes_and_offsets(void) {
    struct stat st;
    char bytes[16];
    int fd = open("s", O_RDWR | O_CREAT | O_EXCL, 0644);
    CHECK(lseek(fd, 10, SEEK_SET) == 10);
    CHECK(fstat(fd, &st) == 0 && st.st_size == 0);
    CHECK(read(fd, bytes, 1) == 0);
    CHECK(write(fd, "end", 3) == 3);
    CHECK(fstat(fd, &st) == 0 && st.st_size == 13);
    CHECK(pread(fd, bytes, 13, 0) == 13 && !memcmp(bytes, "\0\0\0\0\0\0\0\0\0\0end", 13));
    CHECK(pwrite(fd, "XY", 2, 1) == 2);
    CHECK(lseek(fd, 0, SEEK_CUR) == 13);
    CHECK(lseek(fd, -3, SEEK_END) == 10);
    FAILS(EINVAL, lseek(fd, -1, SEEK_SET));
    CHECK(lseek(fd, 0, SEEK_CUR) == 10);
    CHECK(ftruncate(fd, 2) == 0);
    CHECK(ftruncate(fd, 5) == 0);
    CHECK(pread(fd, bytes, 16, 0) == 5 && !memcmp(bytes, "\0X\0\0\0", 5));
    CHECK(pread(fd, bytes, 16, 100) == 0);
    CHECK(posix_fallocate(fd, 0, 9) == 0 || errno == 0);
    CHECK(fsync(fd) == 0 && fdatasync(fd) == 0);
    CHECK(close(fd) == 0);
    CHECK(unlink("s") == 0);
}

static void times(void) {
    struct timespec set[2] = {{.tv_sec = 1000000000, .tv_nsec = 5000}, {.tv_sec = 1234567890}};
    struct stat st;
    put("t", "x");
    CHECK(utimensat(AT_FDCWD, "t", set, 0) == 0);
    CHECK(stat("t", &st) == 0 && st.st_atim.tv_sec == 1000000000 &&
          st.st_mtim.tv_sec == 1234567890);
    CHECK(st.st_atim.tv_nsec == 5000);
    /* Not by utimensat, whose UTIME_NOW and UTIME_OMIT this wasi-libc gets wrong. */
    int fd = open("t", O_RDWR);
    CHECK(__wasi_fd_filestat_set_times((__wasi_fd_t)fd, 0, 0, __WASI_FSTFLAGS_MTIM_NOW) == 0);
    CHECK(fstat(fd, &st) == 0 && st.st_atim.tv_sec == 1000000000 && st.st_mtim.tv_sec > 1600000000);
    CHECK(__wasi_fd_filestat_set_times((__wasi_fd_t)fd, 0, 0,
                                       __WASI_FSTFLAGS_MTIM_NOW | __WASI_FSTFLAGS_MTIM) ==
          __WASI_ERRNO_INVAL);
    CHECK(close(fd) == 0);
    CHECK(unlink("t") == 0);
}

static void names(void) {
    struct stat one, other;
    put("old", "content");
    put("target", "gone soon");
    CHECK(rename("old", "target") == 0);
    CHECK(holds("target", "content"));
    FAILS(ENOENT, rename("old", "target"));
    CHECK(mkdir("dir", 0755) == 0);
    FAILS(EISDIR, rename("target", "dir"));
    FAILS(ENOTDIR, rename("dir", "target"));
    FAILS(EINVAL, rename("dir", "dir/below"));
    put("dir/file", "in it");
    FAILS(ENOTEMPTY, rmdir("dir"));
    CHECK(mkdir("empty", 0755) == 0);
    FAILS(ENOTEMPTY, rename("empty", "dir"));
    CHECK(rename("dir", "empty") == 0);
    CHECK(holds("empty/file", "in it"));
    FAILS(EEXIST, mkdir("empty", 0755));
    FAILS(ENOTDIR, rmdir("target"));
    CHECK(unlink("empty") == -1);
    CHECK(link("target", "twin") == 0);
    CHECK(stat("target", &one) == 0 && stat("twin", &other) == 0);
    CHECK(one.st_ino == other.st_ino && one.st_nlink == 2);
    FAILS(EEXIST, link("target", "twin"));
    CHECK(rename("target", "twin") == 0); /* two names of one file: nothing happens */
    CHECK(holds("target", "content"));
    CHECK(unlink("target") == 0);
    CHECK(holds("twin", "content"));
    int fd = open("twin", O_RDONLY);
    CHECK(unlink("twin") == 0);
    char got[8];
    CHECK(read(fd, got, 7) == 7); /* an open file outlives its name */
    CHECK(fstat(fd, &one) == 0 && one.st_nlink == 0);
    CHECK(close(fd) == 0);
    CHECK(unlink("empty/file") == 0 && rmdir("empty") == 0);
}

static void symbolic_links(const char *folder) {
    struct stat st;
    char target[64];
    put("real", "through");
    CHECK(symlink("real", "link") == 0);
    CHECK(holds("link", "through"));
    CHECK(lstat("link", &st) == 0 && S_ISLNK(st.st_mode));
    CHECK(stat("link", &st) == 0 && S_ISREG(st.st_mode));
    CHECK(readlink("link", target, sizeof(target)) == 4 && !memcmp(target, "real", 4));
    CHECK(readlink("link", target, 2) == 2);
    FAILS(EINVAL, readlink("real", target, sizeof(target)));
    FAILS(ELOOP, open("link", O_RDONLY | O_NOFOLLOW));
    FAILS(EEXIST, symlink("x", "link"));
    CHECK(symlink("nothing", "dangling") == 0);
    FAILS(ENOENT, open("dangling", O_RDONLY));
    FAILS(EEXIST, open("dangling", O_WRONLY | O_CREAT | O_EXCL, 0644));
    CHECK(lstat("dangling", &st) == 0);
    CHECK(symlink("loop", "loop") == 0);
    FAILS(ELOOP, open("loop", O_RDONLY));
    CHECK(mkdir("sub", 0755) == 0);
    CHECK(symlink("../real", "sub/up") == 0);
    CHECK(holds("sub/up", "through"));
    CHECK(symlink("sub", "way") == 0);
    CHECK(holds("way/up", "through"));
    FAILS(ENOTDIR, rmdir("way"));

    /* Out of the folder leads no way: not by .., not by a link. */
    CHECK(symlink("../../../../../../etc/passwd", "escape") == 0);
    CHECK(open("escape", O_RDONLY) == -1);
    char path[256];
    snprintf(path, sizeof(path), "%s/../../../../etc/passwd", folder);
    CHECK(open(path, O_RDONLY) == -1);
    CHECK(open("sub/../../../../../etc/passwd", O_RDONLY) == -1);
    CHECK(holds("sub/../real", "through"));

    const char *all[] = {"link", "dangling", "loop", "sub/up", "way", "escape", "real"};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        CHECK(unlink(all[i]) == 0);
    CHECK(rmdir("sub") == 0);
}

/* Each name that was there all the time is seen exactly once, though others come and go meanwhile.
 */
static void directories(void) {
    enum {
        COUNT = 300
    };
    static unsigned char seen[COUNT];
    char name[64];
    CHECK(mkdir("many", 0755) == 0);
    for (int i = 0; i < COUNT; i++) {
        snprintf(name, sizeof(name), "many/a-rather-long-name-%03d", i);
        put(name, "");
    }
    DIR *dir = opendir("many");
    CHECK(dir != NULL);
    int entries = 0;
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        int number = -1;
        if (sscanf(entry->d_name, "a-rather-long-name-%d", &number) == 1 && number >= 0 &&
            number < COUNT) {
            CHECK(!seen[number]);
            seen[number] = 1;
            CHECK(entry->d_type == DT_REG && entry->d_ino != 0);
        }
        if (++entries == 5) { /* what was read already goes, something new comes */
            put("many/new", "");
            snprintf(name, sizeof(name), "many/%s", entry->d_name);
            if (number >= 0)
                CHECK(unlink(name) == 0);
        }
    }
    for (int i = 0; i < COUNT; i++)
        CHECK(seen[i]);
    rewinddir(dir);
    int again = 0;
    while (readdir(dir))
        again++;
    CHECK(again == COUNT + 2); /* one less, one more, and . and .. */
    CHECK(closedir(dir) == 0);
    for (int i = 0; i < COUNT; i++) {
        snprintf(name, sizeof(name), "many/a-rather-long-name-%03d", i);
        unlink(name);
    }
    CHECK(unlink("many/new") == 0);
    CHECK(rmdir("many") == 0);
}

static void across_mounts(const char *folder) {
    const char *elsewhere = strncmp(folder, "/tmp", 4) ? "/tmp/there" : "/workspace/there";
    put("here", "x");
    FAILS(EXDEV, rename("here", elsewhere));
    FAILS(EXDEV, link("here", elsewhere));
    CHECK(holds("here", "x"));
    CHECK(unlink("here") == 0);
}

int main(int argc, char **argv) {
    if (argc != 2 || chdir(argv[1]) != 0)
        return 2;
    open_flags();
    sizes_and_offsets();
    times();
    names();
    symbolic_links(argv[1]);
    directories();
    across_mounts(argv[1]);
    if (!failures)
        puts("fine");
    return failures != 0;
}
