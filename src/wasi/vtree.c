/*
 * Fixed directory trees; see the header.  They have a dozen nodes, so children are searched one by
 * one, and a child's cookie is its index: nothing is ever removed.
 */
#include "wasi/vtree.h"
#include "base/macros.h"

void vtree_init(struct vtree *tree, uint64_t dev) {
    *tree = (struct vtree){.dev = dev, .last_ino = 1};
    tree->root.ino = 1;
    tree->root.parent = &tree->root;
}

/* The tree is as deep as the configuration made it. */
static void free_children(struct vtree_node *node) {
    for (size_t i = 0; i < node->child_count; i++) {
        free_children(node->children[i]);
        free(node->children[i]->name);
        free(node->children[i]);
    }
    free(node->children);
}

void vtree_done(struct vtree *tree) {
    free_children(&tree->root);
    *tree = (struct vtree){0};
}

struct vtree_node *vtree_child(const struct vtree_node *node, const struct pa_component *name) {
    for (size_t i = 0; i < node->child_count; i++)
        if (pa_component_is(name, node->children[i]->name))
            return node->children[i];
    return NULL;
}

static struct vtree_node *add_child(struct vtree *tree, struct vtree_node *parent,
                                    const struct pa_component *name) {
    struct vtree_node *node = pa_xcalloc(1, sizeof *node);
    node->name = pa_xasprintf("%.*s", (int)name->size, name->text);
    node->parent = parent;
    node->ino = ++tree->last_ino;
    struct vtree_node **children = pa_xcalloc(parent->child_count + 1, sizeof(struct vtree_node *));
    for (size_t i = 0; i < parent->child_count; i++)
        children[i] = parent->children[i];
    children[parent->child_count++] = node;
    free(parent->children);
    parent->children = children;
    return node;
}

wasi_errno vtree_add(struct vtree *tree, const char *path, void *leaf) {
    struct pa_component name;
    const char *rest = path;
    bool plain = false;
    while (pa_path_next(&rest, &name)) {
        plain = !pa_component_is(&name, ".") && !pa_component_is(&name, "..");
        if (!plain || name.size > PA_NAME_MAX)
            return WASI_EINVAL;
    }
    if (!plain)
        return WASI_EINVAL;
    struct vtree_node *node = &tree->root;
    for (rest = path; pa_path_next(&rest, &name);) {
        struct vtree_node *child = vtree_child(node, &name);
        node = child ? child : add_child(tree, node, &name);
    }
    if (node->leaf)
        return WASI_EEXIST;
    node->leaf = leaf;
    return WASI_ESUCCESS;
}

wasi_errno vtree_walk(struct vtree_node *limit, struct vtree_node *from, const char *path,
                      struct vtree_spot *ret) {
    struct vtree_spot spot = {.node = from, .rest = path};
    while (!spot.node->leaf && pa_path_next(&spot.rest, &spot.name)) {
        spot.slash = spot.name.slash;
        if (pa_component_is(&spot.name, "."))
            continue;
        if (pa_component_is(&spot.name, "..")) {
            if (spot.node == limit)
                return WASI_ENOTCAPABLE;
            spot.node = spot.node->parent;
            continue;
        }
        if (spot.name.size > PA_NAME_MAX)
            return WASI_ENAMETOOLONG;
        spot.node = vtree_child(spot.node, &spot.name);
        if (!spot.node && !spot.name.last)
            return WASI_ENOENT;
        if (!spot.node)
            break;
    }
    *ret = spot;
    return WASI_ESUCCESS;
}

wasi_errno vtree_refuse(const struct vtree_spot *spot, enum vtree_deed deed) {
    bool is_dir = spot->node && !spot->node->leaf;
    if (deed == VTREE_CREATE)
        return spot->node ? WASI_EEXIST : WASI_EROFS;
    if (!spot->node)
        return WASI_ENOENT;
    switch (deed) {
    case VTREE_RMDIR:
        return is_dir ? WASI_EROFS : WASI_ENOTDIR;
    case VTREE_UNLINK:
        return is_dir ? WASI_EISDIR : WASI_EROFS;
    case VTREE_READLINK:
        return WASI_EINVAL;
    case VTREE_LINK:
        return is_dir ? WASI_EPERM : WASI_EROFS;
    default:
        return WASI_EROFS;
    }
}

wasi_errno vtree_open(struct vtree *tree, const struct pa_file_ops *ops,
                      const struct vtree_spot *spot, const struct pa_open *how,
                      struct pa_file **ret) {
    bool creates = how->oflags & WASI_O_CREAT;
    if (creates && (how->oflags & WASI_O_DIRECTORY))
        return WASI_EINVAL;
    if (!spot->node)
        return creates ? WASI_EROFS : WASI_ENOENT;
    if (creates && (how->oflags & WASI_O_EXCL))
        return WASI_EEXIST;
    if (how->write || creates || (how->oflags & WASI_O_TRUNC))
        return WASI_EISDIR;
    struct vtree_file *file = calloc(1, sizeof *file);
    if (!file)
        return WASI_ENOMEM;
    file->head = (struct pa_file){.ops = ops,
                                  .type = WASI_FILETYPE_DIRECTORY,
                                  .fdflags = how->fdflags,
                                  .readable = how->read};
    file->tree = tree;
    file->node = spot->node;
    *ret = &file->head;
    return WASI_ESUCCESS;
}

void vtree_stat_node(const struct vtree *tree, const struct vtree_node *node,
                     enum wasi_filetype type, struct pa_stat *ret) {
    struct pa_stat stat = {.dev = tree->dev, .ino = node->ino, .type = type, .nlink = 1};
    if (type == WASI_FILETYPE_DIRECTORY) {
        stat.nlink = 2;
        for (size_t i = 0; i < node->child_count; i++)
            stat.nlink += !node->children[i]->leaf;
    }
    *ret = stat;
}

void vtree_close(struct pa_file *file) {
    free(file);
}

wasi_errno vtree_stat(struct pa_file *head, struct pa_stat *ret) {
    const struct vtree_file *file = vtree_file_of(head);
    vtree_stat_node(file->tree, file->node, WASI_FILETYPE_DIRECTORY, ret);
    return WASI_ESUCCESS;
}

wasi_errno vtree_set_times(struct pa_file *file, const struct pa_times *times) {
    return WASI_EROFS;
}

wasi_errno vtree_set_fdflags(struct pa_file *file, uint32_t fdflags) {
    file->fdflags = fdflags;
    return WASI_ESUCCESS;
}

wasi_errno vtree_sync(struct pa_file *file, bool data_only) {
    return WASI_ESUCCESS;
}

wasi_errno vtree_readdir(struct pa_file *head, uint64_t cookie, vtree_look_fn *look,
                         pa_dirent_fn *each, void *context) {
    const struct vtree_node *node = vtree_file_of(head)->node;
    if (!pa_list_dots(cookie, node->ino, node->parent->ino, each, context))
        return WASI_ESUCCESS;
    uint64_t from = cookie > PA_COOKIE_FIRST ? cookie - PA_COOKIE_FIRST : 0;
    for (uint64_t i = from; i < node->child_count; i++) {
        const struct vtree_node *child = node->children[i];
        struct pa_dirent entry = {.next = i + 1 + PA_COOKIE_FIRST,
                                  .ino = child->ino,
                                  .type = WASI_FILETYPE_DIRECTORY,
                                  .name = child->name,
                                  .name_size = strlen(child->name)};
        if (child->leaf)
            look(child, &entry);
        if (!each(context, &entry))
            break;
    }
    return WASI_ESUCCESS;
}
