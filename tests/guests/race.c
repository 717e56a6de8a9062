/*
 * Opens, lists and changes paths of /m for ever while the host swaps what they name, and prints
 * what it has read, each text once.  What it finds of the host beyond the mount is printed after
 * the word LEAK.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const files[] = {
    "/m/d/secret",
    "/m/d/below/file",
    "/m/d/etc/passwd",
    "/m/d/../outside/secret",
    "/m/d/outside/secret",
    "/m/d/../d/secret",
    "/m/d/below/../secret",
    "/m/d/below/../../../outside/secret",
    "/m/d/proc/1/environ",
    "/m/d",
    "/m/d/below/../../../etc/passwd",
};

/* Prints a text that was not printed before. */
static void show(const char *text) {
    static char seen[64][128];
    static int count;
    for (int i = 0; i < count; i++)
        if (strcmp(seen[i], text) == 0)
            return;
    if (count == 64)
        return;
    snprintf(seen[count++], sizeof(seen[0]), "%s", text);
    printf("%s\n", text);
    fflush(stdout);
}

static void read_at(int dir, const char *path, int flags) {
    char text[128];
    int fd = openat(dir, path, flags);
    if (fd < 0) {
        show("refused");
        return;
    }
    ssize_t size = read(fd, text, sizeof(text) - 1);
    if (size > 0) {
        text[size] = 0;
        show(text);
    }
    close(fd);
}

/* What only the host's root, or the folder outside, has. */
static void list(const char *path) {
    DIR *dir = opendir(path);
    if (!dir)
        return;
    for (struct dirent *entry; (entry = readdir(dir));)
        if (strcmp(entry->d_name, "etc") == 0 || strcmp(entry->d_name, "proc") == 0 ||
            strcmp(entry->d_name, "outside") == 0) {
            char text[96];
            snprintf(text, sizeof(text), "LEAK: %.32s has %.32s", path, entry->d_name);
            show(text);
        }
    closedir(dir);
}

/* Through a descriptor that was opened before what it names was moved away. */
static void climb(void) {
    int dir = open("/m/d/below", O_RDONLY | O_DIRECTORY);
    if (dir < 0)
        return;
    read_at(dir, "../secret", O_RDONLY);
    read_at(dir, "../../secret", O_RDONLY);
    read_at(dir, "../../outside/secret", O_RDONLY);
    read_at(dir, "../../../etc/passwd", O_RDONLY);
    close(dir);
}

static void change(void) {
    struct stat st;
    if (stat("/m/d/etc/passwd", &st) == 0)
        show("LEAK: the host's /etc/passwd has a size");
    link("/m/d/secret", "/tmp/stolen");
    rename("/m/d/below/file", "/m/d/below/file");
    unlink("/m/d/new");
    int fd = open("/m/d/new", O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (fd >= 0)
        close(fd);
    unlink("/m/d/new");
}

int main(void) {
    for (;;) {
        for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
            read_at(AT_FDCWD, files[i], i % 2 ? O_RDONLY : O_RDONLY | O_NOFOLLOW);
        list("/m/d");
        list("/m/d/below");
        list("/m/d/..");
        climb();
        change();
    }
}
