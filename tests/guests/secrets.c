/*
 * Looks for secrets that other runs have planted, then plants its own.
 *
 *     secrets PREFIX NUMBER        a secret is PREFIX "#" NUMBER ";"
 *
 * Prints "own N", how often its own was found (it comes in the environment), "other NUMBER" for
 * each one of another run, "file NAME" for each file that is there already, and "random ...".
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static unsigned long own, own_found;

static void look(const char *bytes, size_t size, const char *prefix) {
    size_t length = strlen(prefix);
    for (size_t i = 0; i + length + 2 < size; i++) {
        if (bytes[i] != prefix[0] || memcmp(bytes + i, prefix, length) != 0 ||
            bytes[i + length] != '#')
            continue;
        unsigned long number = 0;
        size_t at = i + length + 1;
        while (at < size && bytes[at] >= '0' && bytes[at] <= '9')
            number = number * 10 + (unsigned long)(bytes[at++] - '0');
        if (at >= size || bytes[at] != ';' || at == i + length + 1)
            continue;
        if (number == own)
            own_found++;
        else
            printf("other %lu\n", number);
    }
}

static void list(const char *path) {
    DIR *dir = opendir(path);
    if (!dir)
        return;
    for (struct dirent *entry; (entry = readdir(dir));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            printf("file %s/%s\n", path, entry->d_name);
    closedir(dir);
}

static void plant(const char *path, const char *secret) {
    FILE *file = fopen(path, "w");
    if (!file)
        return;
    fputs(secret, file);
    fclose(file);
}

int main(int argc, char **argv) {
    if (argc != 3 || !getenv("OWN"))
        return 1;
    own = strtoul(argv[2], NULL, 10);
    /* The whole memory, and 16 MiB that nothing has touched.  Nothing is at address 0. */
    __builtin_wasm_memory_grow(0, 256);
    look((const char *)(uintptr_t)1, __builtin_wasm_memory_size(0) * 65536 - 1, argv[1]);
    list("/tmp");
    list("/workspace");

    char secret[128];
    int size = snprintf(secret, sizeof(secret), "%s#%lu;", argv[1], own);
    char *many = malloc((size_t)size << 16);
    for (size_t i = 0; many && i < 65536; i++)
        memcpy(many + i * (size_t)size, secret, (size_t)size);
    plant("/tmp/planted", secret);
    plant("/workspace/planted", secret);
    uint64_t random[2];
    getentropy(random, sizeof(random));
    printf("own %lu\nrandom %016llx%016llx\n%s\n", own_found, (unsigned long long)random[0],
           (unsigned long long)random[1], secret);
    return !many;
}
