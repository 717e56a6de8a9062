/*
 * Counts the words of a file in a mounted folder and prints the most frequent ones.
 *
 *     polyagent run --dir DATA::/data wordcount.wasm -- /data/poem.txt
 *
 * Plain C: nothing here knows that it runs as WebAssembly.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_WORDS 4096
#define MAX_WORD  64
#define SHOWN     5

struct word {
    char text[MAX_WORD];
    int count;
};

static int by_count_then_text(const void *a, const void *b) {
    const struct word *x = a, *y = b;
    return x->count != y->count ? y->count - x->count : strcmp(x->text, y->text);
}

static struct word *find_or_add(struct word *words, size_t *count, const char *text) {
    for (size_t i = 0; i < *count; i++)
        if (strcmp(words[i].text, text) == 0)
            return &words[i];
    if (*count == MAX_WORDS)
        return NULL;
    struct word *word = &words[(*count)++];
    snprintf(word->text, sizeof(word->text), "%s", text);
    return word;
}

/* The next run of letters, in lower case, cut to MAX_WORD - 1; 0 at the end of the file. */
static int next_word(FILE *file, char out[MAX_WORD]) {
    int c;
    size_t n = 0;
    while ((c = fgetc(file)) != EOF && !isalpha(c))
        ;
    for (; c != EOF && isalpha(c); c = fgetc(file))
        if (n < MAX_WORD - 1)
            out[n++] = (char)tolower(c);
    out[n] = 0;
    return n > 0;
}

int main(int argc, char **argv) {
    static struct word words[MAX_WORDS];
    size_t count = 0;
    int total = 0;
    if (argc != 2) {
        fprintf(stderr, "usage: wordcount FILE\n");
        return 2;
    }
    FILE *file = fopen(argv[1], "r");
    if (!file) {
        fprintf(stderr, "wordcount: %s: %s\n", argv[1], strerror(errno));
        return 1;
    }
    char text[MAX_WORD];
    while (next_word(file, text)) {
        struct word *word = find_or_add(words, &count, text);
        if (word)
            word->count++;
        total++;
    }
    fclose(file);

    qsort(words, count, sizeof(words[0]), by_count_then_text);
    printf("%d words, %zu different\n", total, count);
    for (size_t i = 0; i < count && i < SHOWN; i++)
        printf("%4d %s\n", words[i].count, words[i].text);
    return 0;
}
