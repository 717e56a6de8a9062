/*
 * Arguments, environment, standard input, clocks, devices, exit statuses: `world TOPIC
 * [ARGUMENT...]`.
 */
#include "check.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static void echo(int argc, char **argv) {
    for (int i = 2; i < argc; i++)
        printf("[%s]\n", argv[i]);
    for (char **variable = environ; variable && *variable; variable++)
        printf("{%s}\n", *variable);
}

static void input(void) {
    char bytes[5];
    size_t total = 0;
    unsigned sum = 0;
    for (ssize_t n; (n = read(STDIN_FILENO, bytes, sizeof(bytes))) > 0; total += (size_t)n)
        for (ssize_t i = 0; i < n; i++)
            sum += (unsigned char)bytes[i];
    CHECK(read(STDIN_FILENO, bytes, 1) == 0);
    printf("%zu bytes, sum %u\n", total, sum);
}

static long long milliseconds(clockid_t clock) {
    struct timespec now;
    CHECK(clock_gettime(clock, &now) == 0);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void clocks(void) {
    long long before = milliseconds(CLOCK_MONOTONIC);
    struct timespec nap = {.tv_nsec = 30000000};
    CHECK(nanosleep(&nap, NULL) == 0);
    long long slept = milliseconds(CLOCK_MONOTONIC) - before;
    CHECK(slept >= 30 && slept < 5000);
    struct timespec wake;
    CHECK(clock_gettime(CLOCK_REALTIME, &wake) == 0);
    CHECK(wake.tv_sec > 1600000000);
    wake.tv_nsec += 20000000;
    wake.tv_sec += wake.tv_nsec / 1000000000;
    wake.tv_nsec %= 1000000000;
    CHECK(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &wake, NULL) == 0);
    struct timespec resolution;
    CHECK(clock_getres(CLOCK_MONOTONIC, &resolution) == 0 && resolution.tv_nsec > 0);
    struct pollfd polled = {.fd = STDOUT_FILENO, .events = POLLOUT};
    CHECK(poll(&polled, 1, 1000) == 1 && (polled.revents & POLLOUT));
}

static void devices(void) {
    unsigned char bytes[32] = {1}, more[32] = {0};
    int fd = open("/dev/zero", O_RDONLY);
    CHECK(read(fd, bytes, sizeof(bytes)) == sizeof(bytes) && !memcmp(bytes, more, sizeof(bytes)));
    close(fd);
    fd = open("/dev/null", O_RDWR);
    CHECK(write(fd, bytes, sizeof(bytes)) == sizeof(bytes) && read(fd, bytes, 1) == 0);
    close(fd);
    fd = open("/dev/full", O_WRONLY);
    FAILS(ENOSPC, write(fd, bytes, 1));
    close(fd);
    fd = open("/dev/urandom", O_RDONLY);
    CHECK(read(fd, bytes, sizeof(bytes)) == sizeof(bytes) && memcmp(bytes, more, sizeof(bytes)));
    close(fd);
    CHECK(getentropy(more, sizeof(more)) == 0 && memcmp(bytes, more, sizeof(bytes)));
    fd = open("/dev/stdout", O_WRONLY);
    CHECK(write(fd, "by name\n", 8) == 8);
    close(fd);
    CHECK(open("/dev/new", O_WRONLY | O_CREAT, 0644) == -1);
    CHECK(open("/etc/passwd", O_RDONLY) == -1);
    CHECK(open("/proc/self/environ", O_RDONLY) == -1);
}

/* Fills a file until there is no more room; how much there was is the answer. */
static void disk(void) {
    static char block[65536];
    long long total = 0;
    int fd = open("/tmp/large", O_WRONLY | O_CREAT, 0644);
    ssize_t n;
    while ((n = write(fd, block, sizeof(block))) > 0)
        total += n;
    CHECK(n == -1);
    FAILS(ENOSPC, write(fd, block, sizeof(block)));
    close(fd);
    CHECK(unlink("/tmp/large") == 0); /* gives it all back */
    fd = open("/workspace/other", O_WRONLY | O_CREAT, 0644);
    CHECK(write(fd, block, sizeof(block)) == sizeof(block));
    printf("%lld bytes\n", total);
}

static void file_count(void) {
    char name[32];
    int count = 0;
    for (int fd;; count++) {
        snprintf(name, sizeof(name), "/tmp/%d", count);
        if ((fd = open(name, O_WRONLY | O_CREAT, 0644)) < 0)
            break;
        close(fd);
    }
    FAILS(ENOSPC, mkdir("/tmp/one-more", 0755));
    printf("%d files\n", count);
}

static void open_files(void) {
    int count = 0;
    while (open("/dev/null", O_RDONLY) >= 0)
        count++;
    FAILS(EMFILE, open("/dev/null", O_RDONLY));
    printf("%d descriptors\n", count);
}

int main(int argc, char **argv) {
    const char *topic = argc > 1 ? argv[1] : "";
    if (!strcmp(topic, "echo"))
        echo(argc, argv);
    else if (!strcmp(topic, "input"))
        input();
    else if (!strcmp(topic, "clocks"))
        clocks();
    else if (!strcmp(topic, "devices"))
        devices();
    else if (!strcmp(topic, "disk"))
        disk();
    else if (!strcmp(topic, "file-count"))
        file_count();
    else if (!strcmp(topic, "open-files"))
        open_files();
    else if (!strcmp(topic, "exit"))
        exit(atoi(argv[2]));
    else if (!strcmp(topic, "abort"))
        abort();
    else
        return 99;
    return failures != 0;
}
