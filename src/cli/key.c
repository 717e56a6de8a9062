/* polyagent key: makes API keys for a server. */
#include "cli/cli.h"

#include "base/digest.h"
#include <ctype.h>
#include <sys/random.h>

#define KEY_BYTES 32
#define NAME_MOST 63 /* as the keys file has it (server/callers.h) */

static const char usage[] =
    "Usage: polyagent key new NAME\n\n"
    "Makes an API key and prints it once, on standard output. On standard error comes the entry for\n"
    "the keys file (server.api_keys_file), which has the key's digest and not the key:\n\n"
    "  echo keys: >keys.yaml\n"
    "  polyagent key new ci >ci.key 2>>keys.yaml\n";

static bool is_name(const char *text) {
    for (const char *at = text; *at; at++)
        if (!isalnum((unsigned char)*at) && !strchr("._-@", *at))
            return false;
    return *text && *text != '-' && strlen(text) <= NAME_MOST;
}

/* "pa_" and 43 characters of base64url (RFC 4648, 5). */
static void make_key(char key[64]) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned char bytes[KEY_BYTES + 1] = {0};
    ssize_t got = getrandom(bytes, KEY_BYTES, 0);
    PA_ASSERT(got == KEY_BYTES); /* whole, for up to 256 bytes: getrandom(2) */
    size_t size = (size_t)snprintf(key, 64, "pa_");
    for (size_t bit = 0; bit < 8 * KEY_BYTES; bit += 6) {
        unsigned pair = (unsigned)bytes[bit / 8] << 8 | bytes[bit / 8 + 1];
        key[size++] = digits[pair >> (10 - bit % 8) & 63];
    }
    key[size] = 0;
}

int pa_command_key(int argc, char **argv) {
    for (int i = 1; i < argc; i++)
        if (pa_streq(argv[i], "--help") || pa_streq(argv[i], "-h")) {
            fputs(usage, stdout);
            return 0;
        }
    if (argc != 3 || !pa_streq(argv[1], "new"))
        return pa_report_usage("key", "write: polyagent key new NAME");
    if (!is_name(argv[2]))
        return pa_report_usage(
            "key",
            "'%s' is no name for a key: up to %d letters, digits, '.', '_', '-' and '@', and "
            "no '-' first",
            argv[2], NAME_MOST);
    char key[64], digest[PA_DIGEST_TEXT];
    make_key(key);
    pa_digest(key, strlen(key), digest);
    printf("%s\n", key);
    fprintf(stderr, "  - name: %s\n    sha256: %s\n", argv[2], digest);
    return 0;
}
