/*
 * Listing host directories, and the numbers that stand for host inodes in deterministic mode.
 *
 * Cookies.  0 and 1 are "." and "..", which we make up (a file system may give them anywhere, and
 * ".." of a mount's root must not show the host's); 2 is the kernel's beginning, and any other
 * cookie is the kernel's own d_off plus 2.  The kernel keeps d_off meaningful while entries come
 * and go, and takes any number a guest makes up.
 *
 * The entries are read through a descriptor of the listing's own: a fresh one whenever a listing
 * starts anew, and one per process, because a fork shares the position of what was open before.
 *
 * In deterministic mode the order on disk must not show.  The directory is read whole when a
 * listing starts at its beginning, sorted by name, and kept with the handle: cookies are then
 * indexes into it.  More than LISTING_MAX entries are EOVERFLOW: they could not be sorted in
 * bounded memory.
 */
#include "wasi/hostfs.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define LISTING_MAX 65536
#define NUMBERS_MAX (1u << 20) /* host inodes one mount can number */

struct listed {
    char *name;
    ino_t ino;
    enum wasi_filetype type;
};

struct hostfs_listing {
    struct listed *entries;
    size_t count, room;
};

/* --- numbers: open addressing by (dev, ino); the table doubles when half full --- */

struct numbered {
    dev_t dev;
    ino_t ino;
    uint64_t number; /* 0: forgotten, or with `used` false never there */
    bool used;
};

struct hostfs_numbers {
    struct numbered *slots;
    size_t room, count;
    uint64_t last;
};

static struct numbered *numbers_slot(struct numbered *slots, size_t room, dev_t dev, ino_t ino) {
    uint64_t hash = ((uint64_t)ino * 0x9e3779b97f4a7c15u) ^ ((uint64_t)dev * 0xc2b2ae3d27d4eb4fu);
    size_t at = (size_t)(hash ^ hash >> 29) & (room - 1);
    while (slots[at].used && (slots[at].dev != dev || slots[at].ino != ino))
        at = (at + 1) & (room - 1);
    return &slots[at];
}

static wasi_errno numbers_grow(struct hostfs_numbers *numbers) {
    size_t room = numbers->room ? numbers->room * 2 : 64;
    if (room / 2 > NUMBERS_MAX)
        return WASI_EOVERFLOW;
    struct numbered *slots = calloc(room, sizeof *slots);
    if (!slots)
        return WASI_ENOMEM;
    for (size_t i = 0; i < numbers->room; i++) {
        const struct numbered *old = &numbers->slots[i];
        if (old->used)
            *numbers_slot(slots, room, old->dev, old->ino) = *old;
    }
    free(numbers->slots);
    numbers->slots = slots;
    numbers->room = room;
    return WASI_ESUCCESS;
}

wasi_errno hostfs_number(struct hostfs_mount *mount, dev_t dev, ino_t ino, uint64_t *ret) {
    if (!mount->numbers)
        mount->numbers = pa_xcalloc(1, sizeof *mount->numbers);
    struct hostfs_numbers *numbers = mount->numbers;
    if (numbers->count >= numbers->room / 2) {
        wasi_errno errnum = numbers_grow(numbers);
        if (errnum)
            return errnum;
    }
    struct numbered *slot = numbers_slot(numbers->slots, numbers->room, dev, ino);
    if (!slot->used) {
        *slot = (struct numbered){.dev = dev, .ino = ino, .used = true};
        numbers->count++;
    }
    if (slot->number == 0)
        slot->number = ++numbers->last;
    *ret = slot->number;
    return WASI_ESUCCESS;
}

void hostfs_forget(struct hostfs_mount *mount, dev_t dev, ino_t ino) {
    struct hostfs_numbers *numbers = mount->numbers;
    if (numbers && numbers->room > 0)
        numbers_slot(numbers->slots, numbers->room, dev, ino)->number = 0;
}

void hostfs_numbers_free(struct hostfs_numbers *numbers) {
    if (!numbers)
        return;
    free(numbers->slots);
    free(numbers);
}

/* --- reading --- */

/* A readable descriptor of the directory that this process alone positions. */
static wasi_errno open_list_fd(struct hostfs_file *dir, bool anew) {
    if (dir->list_fd >= 0 && !anew && dir->list_pid == getpid())
        return WASI_ESUCCESS;
    pa_closep(&dir->list_fd);
    dir->list_fd = -1;
    dir->list_pid = getpid();
    return hostfs_openat2(dir->fd, ".", O_RDONLY | O_DIRECTORY, 0, &dir->list_fd);
}

static enum wasi_filetype type_of(int dir_fd, const struct dirent64 *entry) {
    struct stat st;
    if (entry->d_type != DT_UNKNOWN)
        return hostfs_type_of(DTTOIF(entry->d_type));
    if (fstatat(dir_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW))
        return WASI_FILETYPE_UNKNOWN;
    return hostfs_type_of(st.st_mode);
}

static bool is_dots(const char *name) {
    return pa_streq(name, ".") || pa_streq(name, "..");
}

/* The host inode of ".."; of a mount's root, its own. */
static void parent_of(const struct hostfs_file *dir, dev_t *ret_dev, ino_t *ret_ino) {
    struct stat st;
    bool is_root = dir->dev == dir->mount->root_dev && dir->ino == dir->mount->root_ino;
    bool known = !is_root && fstatat(dir->fd, "..", &st, AT_SYMLINK_NOFOLLOW) == 0;
    *ret_dev = known ? st.st_dev : dir->dev;
    *ret_ino = known ? st.st_ino : dir->ino;
}

/* Called per entry but "." and ".."; false ends the reading. */
typedef bool entry_fn(void *context, int dir_fd, const struct dirent64 *entry);

static wasi_errno read_entries(int dir_fd, uint64_t position, entry_fn *each, void *context) {
    /* More than the entries of a usual listing, and little to copy when the guest wants few. */
    _Alignas(struct dirent64) char buf[16 * 1024];
    if (position > INT64_MAX || lseek(dir_fd, (off_t)position, SEEK_SET) < 0)
        return WASI_EINVAL;
    for (;;) {
        ssize_t size = getdents64(dir_fd, buf, sizeof buf);
        if (size < 0 && errno != ENOENT) /* ENOENT: the directory was removed; it has no entries */
            return pa_errno_to_wasi(errno);
        if (size <= 0)
            return WASI_ESUCCESS;
        for (ssize_t at = 0; at < size;) {
            const struct dirent64 *entry = (const void *)(buf + at);
            at += entry->d_reclen;
            if (!is_dots(entry->d_name) && !each(context, dir_fd, entry))
                return WASI_ESUCCESS;
        }
    }
}

struct pass_on {
    pa_dirent_fn *each;
    void *context;
};

static bool pass_entry(void *context, int dir_fd, const struct dirent64 *entry) {
    const struct pass_on *pass = context;
    struct pa_dirent dirent = {.next = (uint64_t)entry->d_off + PA_COOKIE_FIRST,
                               .ino = entry->d_ino,
                               .type = type_of(dir_fd, entry),
                               .name = entry->d_name,
                               .name_size = strlen(entry->d_name)};
    return pass->each(pass->context, &dirent);
}

static wasi_errno list_as_is(struct hostfs_file *dir, uint64_t cookie, pa_dirent_fn *each,
                             void *context) {
    dev_t parent_dev;
    ino_t parent_ino;
    parent_of(dir, &parent_dev, &parent_ino);
    if (!pa_list_dots(cookie, dir->ino, parent_ino, each, context))
        return WASI_ESUCCESS;
    wasi_errno errnum = open_list_fd(dir, cookie == PA_COOKIE_DOT);
    if (errnum)
        return errnum;
    struct pass_on pass = {each, context};
    uint64_t position = cookie > PA_COOKIE_FIRST ? cookie - PA_COOKIE_FIRST : 0;
    return read_entries(dir->list_fd, position, pass_entry, &pass);
}

/* --- the deterministic listing --- */

void hostfs_listing_free(struct hostfs_listing *listing) {
    if (!listing)
        return;
    for (size_t i = 0; i < listing->count; i++)
        free(listing->entries[i].name);
    free(listing->entries);
    free(listing);
}

struct collecting {
    struct hostfs_listing *listing;
    wasi_errno errnum;
};

static bool collect_entry(void *context, int dir_fd, const struct dirent64 *entry) {
    struct collecting *collecting = context;
    struct hostfs_listing *listing = collecting->listing;
    if (listing->count == LISTING_MAX) {
        collecting->errnum = WASI_EOVERFLOW;
        return false;
    }
    if (listing->count == listing->room) {
        size_t room = listing->room ? listing->room * 2 : 64;
        struct listed *entries = reallocarray(listing->entries, room, sizeof *entries);
        if (!entries) {
            collecting->errnum = WASI_ENOMEM;
            return false;
        }
        listing->entries = entries;
        listing->room = room;
    }
    struct listed listed = {
        .name = strdup(entry->d_name), .ino = entry->d_ino, .type = type_of(dir_fd, entry)};
    if (!listed.name) {
        collecting->errnum = WASI_ENOMEM;
        return false;
    }
    listing->entries[listing->count++] = listed;
    return true;
}

static int compare_names(const void *a, const void *b) {
    return strcmp(((const struct listed *)a)->name, ((const struct listed *)b)->name);
}

static wasi_errno make_listing(struct hostfs_file *dir) {
    wasi_errno errnum = open_list_fd(dir, true);
    if (errnum)
        return errnum;
    struct collecting collecting = {.listing = pa_xcalloc(1, sizeof *collecting.listing)};
    errnum = read_entries(dir->list_fd, 0, collect_entry, &collecting);
    pa_closep(&dir->list_fd);
    dir->list_fd = -1;
    if (!errnum)
        errnum = collecting.errnum;
    if (errnum) {
        hostfs_listing_free(collecting.listing);
        return errnum;
    }
    struct hostfs_listing *listing = collecting.listing;
    if (listing->count > 0)
        qsort(listing->entries, listing->count, sizeof *listing->entries, compare_names);
    hostfs_listing_free(dir->listing);
    dir->listing = listing;
    return WASI_ESUCCESS;
}

static wasi_errno list_sorted(struct hostfs_file *dir, uint64_t cookie, pa_dirent_fn *each,
                              void *context) {
    dev_t parent_dev;
    ino_t parent_ino;
    uint64_t parent_number, number;
    parent_of(dir, &parent_dev, &parent_ino);
    wasi_errno errnum = hostfs_number(dir->mount, parent_dev, parent_ino, &parent_number);
    if (!errnum && (cookie == PA_COOKIE_DOT || !dir->listing))
        errnum = make_listing(dir);
    if (errnum || !pa_list_dots(cookie, dir->number, parent_number, each, context))
        return errnum;
    const struct hostfs_listing *listing = dir->listing;
    uint64_t from = cookie > PA_COOKIE_FIRST ? cookie - PA_COOKIE_FIRST : 0;
    for (uint64_t i = from; i < listing->count; i++) {
        const struct listed *entry = &listing->entries[i];
        errnum = hostfs_number(dir->mount, dir->dev, entry->ino, &number);
        if (errnum)
            return errnum;
        struct pa_dirent dirent = {.next = i + 1 + PA_COOKIE_FIRST,
                                   .ino = number,
                                   .type = entry->type,
                                   .name = entry->name,
                                   .name_size = strlen(entry->name)};
        if (!each(context, &dirent))
            break;
    }
    return WASI_ESUCCESS;
}

wasi_errno hostfs_readdir(struct pa_file *head, uint64_t cookie, pa_dirent_fn *each,
                          void *context) {
    struct hostfs_file *dir = hostfs_file_of(head);
    if (dir->mount->world->deterministic)
        return list_sorted(dir, cookie, each, context);
    return list_as_is(dir, cookie, each, context);
}
