/*
 * Feeds a fuzz target every file of one folder, where libFuzzer is not linked: `make test` replays
 * the corpus this way, also with gcc and under its sanitizers.
 *
 *     replay_NAME FOLDER
 *
 * An empty or missing folder is an error: a test that fed nothing has tested nothing.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Hands over an allocation of the exact size, so that reading past it is seen by a sanitizer. */
static int feed(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        return -1;
    }
    int result = -1;
    uint8_t *data = NULL;
    if (fseek(file, 0, SEEK_END) == 0) {
        long size = ftell(file);
        rewind(file);
        data = size >= 0 ? malloc((size_t)size + (size == 0)) : NULL;
        if (data && fread(data, 1, (size_t)size, file) == (size_t)size) {
            LLVMFuzzerTestOneInput(data, (size_t)size);
            result = 0;
        }
    }
    if (result < 0)
        fprintf(stderr, "%s: cannot be read\n", path);
    free(data);
    fclose(file);
    return result;
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    struct dirent **entries;
    int count = scandir(argv[1], &entries, NULL, alphasort);
    if (count < 0) {
        perror(argv[1]);
        return 1;
    }
    int fed = 0, failed = 0;
    for (int i = 0; i < count; i++) {
        char path[4096];
        if (entries[i]->d_name[0] != '.') {
            snprintf(path, sizeof(path), "%s/%s", argv[1], entries[i]->d_name);
            fed++;
            failed += feed(path) < 0;
        }
        free(entries[i]);
    }
    free(entries);
    printf("%d inputs\n", fed);
    return fed > 0 && failed == 0 ? 0 : 1;
}
