/*
 * Finding packs: in folders, by name, by alias, by the ending of a script's name.
 *
 * A folder of packs decides which code stands for a language, so one found beside the program
 * counts only if it belongs to whom the program belongs to, or to us, or root, and others cannot
 * write it: a program that was put into /tmp must not take /tmp/languages for its own.
 */
#include "lang/lang_internal.h"

#include "base/io.h"
#include "config/nearest.h"
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_PACKS 256

/* --- where --- */

static bool is_own(const char *path, const struct stat *program) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode) && !(st.st_mode & S_IWOTH) &&
           (st.st_uid == program->st_uid || st.st_uid == geteuid() || st.st_uid == 0);
}

static char *own_folder(void) {
    /* From bin, from libexec/polyagent, from a build folder. */
    static const char *const places[] = {"../share/polyagent/languages",
                                         "../../share/polyagent/languages", "../languages"};
    char self[4096];
    struct stat program;
    ssize_t size = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (size > 0 && stat("/proc/self/exe", &program) == 0) {
        self[size] = 0;
        *strrchr(self, '/') = 0;
        for (size_t i = 0; i < PA_ARRAY_LEN(places); i++) {
            PA_CLEANUP(pa_freep) char *path = pa_path_join(self, places[i]);
            char *real = is_own(path, &program) ? realpath(path, NULL) : NULL;
            if (real)
                return real;
        }
    }
    return pa_xstrdup(PA_DATADIR "/languages");
}

char **pa_pack_folders(void) {
    char **folders = NULL;
    const char *named = getenv("POLYAGENT_LANGUAGES");
    for (const char *at = named ? named : ""; *at;) {
        size_t size = strcspn(at, ":");
        if (size)
            pa_strv_add(&folders, pa_xasprintf("%.*s", (int)size, at));
        at += size + (at[size] == ':');
    }
    PA_CLEANUP(pa_freep) char *own = own_folder();
    if (!folders || access(own, F_OK) == 0)
        pa_strv_add(&folders, pa_steal(&own));
    return folders;
}

/* --- loading --- */

static bool taken(const struct pa_packs *packs, const char *name) {
    for (size_t i = 0; i < packs->count; i++)
        if (pa_streq(packs->packs[i].name, name))
            return true;
    for (size_t i = 0; i < packs->fault_count; i++)
        if (pa_streq(packs->faults[i].name, name))
            return true;
    return false;
}

static void add_faults(struct pa_packs *packs, const char *name, char **text) {
    packs->faults[packs->fault_count++] = (struct pa_pack_faults){pa_xstrdup(name), text};
}

static void load_one(struct pa_packs *packs, const char *folder, const char *name) {
    PA_CLEANUP(pa_freep) char *path = pa_xasprintf("%s/%s/manifest.yaml", folder, name);
    PA_CLEANUP(pa_buf_done) struct pa_buf text = PA_BUF_INIT(PA_MANIFEST_MAX_BYTES);
    struct pa_error err;
    char **faults = NULL;
    if (access(path, F_OK) < 0 || taken(packs, name))
        return;
    if (pa_read_file(path, &text, &err) < 0) {
        pa_strv_add(&faults, pa_xstrdup(err.message));
        add_faults(packs, name, faults);
    } else if (pa_pack_parse(path, pa_buf_text(&text), text.size, &packs->packs[packs->count],
                             &faults, &err) < 0) {
        add_faults(packs, name, faults);
    } else {
        packs->count++;
    }
}

static int load_folder(struct pa_packs *packs, const char *folder, struct pa_error *err) {
    struct dirent **entries;
    int count = scandir(folder, &entries, NULL, alphasort);
    if (count < 0)
        return pa_fail_errno(err, errno, "cannot read the folder of languages %s", folder);
    for (int i = 0; i < count; i++) {
        if (entries[i]->d_name[0] != '.' && packs->count + packs->fault_count < MAX_PACKS)
            load_one(packs, folder, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return 0;
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct pa_pack *)a)->name, ((const struct pa_pack *)b)->name);
}

int pa_packs_load(const char *const *folders, struct pa_packs **ret, struct pa_error *err) {
    char **own = folders ? NULL : pa_pack_folders();
    struct pa_packs *packs = pa_xcalloc(1, sizeof(*packs));
    packs->packs = pa_xcalloc(MAX_PACKS, sizeof(*packs->packs));
    packs->faults = pa_xcalloc(MAX_PACKS, sizeof(*packs->faults));
    int result = 0;
    for (const char *const *at = folders ? folders : (const char *const *)own; *at && !result; at++)
        result = load_folder(packs, *at, err);
    pa_strv_free(own);
    if (result < 0) {
        pa_packs_free(packs);
        return -1;
    }
    qsort(packs->packs, packs->count, sizeof(*packs->packs), by_name);
    *ret = packs;
    return 0;
}

struct pa_packs *pa_packs_free(struct pa_packs *packs) {
    if (!packs)
        return NULL;
    for (size_t i = 0; i < packs->count; i++)
        pa_pack_done(&packs->packs[i]);
    for (size_t i = 0; i < packs->fault_count; i++) {
        free(packs->faults[i].name);
        pa_strv_free(packs->faults[i].text);
    }
    free(packs->packs);
    free(packs->faults);
    free(packs);
    return NULL;
}

/* --- finding --- */

static const struct pa_pack *fail_find(const struct pa_packs *packs, const char *name,
                                       struct pa_error *err) {
    struct pa_nearest nearest = {.word = name};
    PA_CLEANUP(pa_buf_done) struct pa_buf known = PA_BUF_INIT(2048);
    for (size_t i = 0; i < packs->count; i++) {
        const struct pa_pack *pack = &packs->packs[i];
        pa_buf_printf(&known, "%s%s", i ? ", " : "", pack->name);
        pa_nearest_offer(&nearest, pack->name, i);
        for (char **alias = pack->aliases; *alias; alias++)
            pa_nearest_offer(&nearest, *alias, i);
    }
    if (nearest.found)
        pa_fail(err, PA_ERR_NOT_FOUND, "there is no language '%.64s'; did you mean %s?", name,
                packs->packs[nearest.index].name);
    else
        pa_fail(err, PA_ERR_NOT_FOUND, "there is no language '%.64s'; there %s%s", name,
                packs->count ? "are " : "is none", pa_buf_text(&known));
    return NULL;
}

const struct pa_pack *pa_packs_find(const struct pa_packs *packs, const char *name,
                                    struct pa_error *err) {
    for (size_t i = 0; i < packs->count; i++)
        if (pa_streq(packs->packs[i].name, name))
            return &packs->packs[i];
    for (size_t i = 0; i < packs->fault_count; i++) {
        if (!pa_streq(packs->faults[i].name, name))
            continue;
        pa_fail(err, PA_ERR_FAILED_PRECONDITION, "%s", packs->faults[i].text[0]);
        return NULL;
    }
    for (size_t i = 0; i < packs->count; i++)
        for (char **alias = packs->packs[i].aliases; *alias; alias++)
            if (pa_streq(*alias, name))
                return &packs->packs[i];
    return fail_find(packs, name, err);
}

const struct pa_pack *pa_pack_for_file(const struct pa_packs *packs, const char *path) {
    size_t size = strlen(path);
    for (size_t i = 0; i < packs->count; i++)
        for (char **ending = packs->packs[i].file_extensions; *ending; ending++) {
            size_t length = strlen(*ending);
            if (size > length && pa_streq(path + size - length, *ending))
                return &packs->packs[i];
        }
    return NULL;
}
