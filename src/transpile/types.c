/* The lattice of types. */
#include "transpile/program.h"

#include "base/buf.h"

struct pa_type *pa_type_find(struct pa_type *type) {
    while (type && type->link)
        type = type->link;
    return type;
}

struct pa_value_type pa_type_new(struct pa_program *program, enum pa_type_kind kind,
                                 uint32_t items) {
    struct pa_type *type = pa_tree_alloc(program->tree, sizeof(*type));
    type->kind = kind;
    type->item_count = items;
    type->items = pa_tree_alloc(program->tree, (items ? items : 1) * sizeof(*type->items));
    return (struct pa_value_type){.type = type};
}

struct pa_value_type pa_type_of(struct pa_program *program, enum pa_type_kind kind) {
    if (!program->basic[kind])
        program->basic[kind] = pa_type_new(program, kind, 0).type;
    return (struct pa_value_type){.type = program->basic[kind]};
}

struct pa_value_type pa_type_none(void) {
    return (struct pa_value_type){.none = true};
}

struct pa_value_type pa_type_list(struct pa_program *program, struct pa_value_type item) {
    struct pa_value_type list = pa_type_new(program, PA_T_LIST, 1);
    pa_type_mix(program, &list.type->items[0], item);
    return list;
}

bool pa_type_is(struct pa_value_type type, enum pa_type_kind kind) {
    return type.type && pa_type_find(type.type)->kind == kind;
}

bool pa_type_is_unknown(struct pa_value_type type) {
    return !type.type && !type.none;
}

bool pa_type_is_integral(struct pa_value_type type) {
    return pa_type_is(type, PA_T_INT) || pa_type_is(type, PA_T_BOOL);
}

bool pa_type_is_number(struct pa_value_type type) {
    return pa_type_is_integral(type) || pa_type_is(type, PA_T_FLOAT);
}

bool pa_type_is_pointer(struct pa_value_type type) {
    if (!type.type)
        return false;
    switch (pa_type_find(type.type)->kind) {
    case PA_T_INT:
    case PA_T_FLOAT:
    case PA_T_BOOL:
    case PA_T_TYPE:
    case PA_T_BUILTIN:
    case PA_T_MODULE:
        return false;
    default:
        return true;
    }
}

struct pa_value_type pa_type_item(struct pa_value_type type, uint32_t item) {
    struct pa_type *found = pa_type_find(type.type);
    return item < found->item_count ? found->items[item] : (struct pa_value_type){0};
}

bool pa_class_derives(const struct pa_class *class, const struct pa_class *base) {
    for (; class; class = class->base)
        if (class == base)
            return true;
    return false;
}

static struct pa_class *common_base(struct pa_class *a, struct pa_class *b) {
    while (a && !pa_class_derives(b, a))
        a = a->base;
    return a;
}

static void set_place(struct pa_program *program, struct pa_value_type *place, struct pa_type *type,
                      bool none) {
    if ((place->type != type || place->none != none) && place != program->quiet)
        program->changed = true;
    place->type = type;
    place->none = none;
}

void pa_type_force_any(struct pa_program *program, struct pa_value_type value) {
    struct pa_type *type = pa_type_find(value.type);
    if (!type || type->dynamic)
        return;
    if (type->kind == PA_T_FUNCTION || type->kind == PA_T_TYPE || type->kind == PA_T_BUILTIN ||
        type->kind == PA_T_MODULE || type->kind == PA_T_RANGE)
        pa_refuse(program->tree, NULL, "a %s meets values of other types",
                  pa_type_name(program, value));
    if (type->kind != PA_T_LIST && type->kind != PA_T_DICT && type->kind != PA_T_SET &&
        type->kind != PA_T_TUPLE)
        return;
    type->dynamic = true;
    program->changed = true;
    for (uint32_t i = 0; i < type->item_count; i++)
        pa_type_join(program, &type->items[i], pa_type_of(program, PA_T_ANY));
}

/* Everything that came to this place goes behind a pointer to any object. */
static void make_any(struct pa_program *program, struct pa_value_type *place, struct pa_type *other,
                     bool none) {
    struct pa_type *was = place->type;
    set_place(program, place, pa_type_of(program, PA_T_ANY).type, none);
    pa_type_force_any(program, (struct pa_value_type){.type = was});
    pa_type_force_any(program, (struct pa_value_type){.type = other});
}

static void merge_functions(struct pa_program *program, struct pa_type *into,
                            const struct pa_type *from) {
    for (uint32_t i = 0; i < from->function_count; i++) {
        bool there = false;
        for (uint32_t k = 0; k < into->function_count; k++)
            there |= into->functions[k] == from->functions[i];
        if (there)
            continue;
        struct pa_function **more =
            pa_tree_alloc(program->tree, (into->function_count + 1) * sizeof(*more));
        if (into->function_count)
            memcpy(more, into->functions, into->function_count * sizeof(*more));
        more[into->function_count++] = from->functions[i];
        into->functions = more;
        program->changed = true;
    }
}

/* Two container types of one kind and size become one. */
static void unify(struct pa_program *program, struct pa_type *a, struct pa_type *b) {
    if (a == b)
        return;
    program->changed = true;
    if (b->dynamic && !a->dynamic)
        pa_type_force_any(program, (struct pa_value_type){.type = a});
    else if (a->dynamic && !b->dynamic)
        pa_type_force_any(program, (struct pa_value_type){.type = b});
    a = pa_type_find(a);
    b = pa_type_find(b);
    if (a == b)
        return;
    b->link = a;
    if (++program->depth > 200)
        pa_refuse(program->tree, NULL, "a type contains itself");
    for (uint32_t i = 0; i < a->item_count; i++) {
        struct pa_value_type theirs = b->items[i];
        pa_type_join(program, &a->items[i], theirs);
    }
    program->depth--;
}

static bool is_container(const struct pa_type *type) {
    return type->kind == PA_T_LIST || type->kind == PA_T_DICT || type->kind == PA_T_SET ||
           type->kind == PA_T_TUPLE;
}

/* A value of `type` in a place of another type. */
static void join_types(struct pa_program *program, struct pa_value_type *place,
                       struct pa_type *type, bool none) {
    struct pa_type *here = place->type;
    if (is_container(here) && here->kind == type->kind && here->item_count == type->item_count) {
        unify(program, here, type);
        set_place(program, place, pa_type_find(here), none);
    } else if (here->kind == PA_T_CLASS && type->kind == PA_T_CLASS &&
               common_base(here->class, type->class)) {
        set_place(program, place, common_base(here->class, type->class)->type, none);
    } else if (here->kind == PA_T_FUNCTION && type->kind == PA_T_FUNCTION) {
        struct pa_value_type both = pa_type_new(program, PA_T_FUNCTION, 0);
        bool changed = program->changed;
        merge_functions(program, both.type, here);
        uint32_t before = both.type->function_count;
        merge_functions(program, both.type, type);
        program->changed = changed;
        if (both.type->function_count != before)
            set_place(program, place, both.type, none);
        else
            set_place(program, place, here, none);
    } else if (here->kind == PA_T_BUILTIN && type->kind == PA_T_BUILTIN &&
               pa_streq(here->name, type->name)) {
        set_place(program, place, here, none);
    } else if (here->kind == type->kind && !is_container(here) && here->kind != PA_T_CLASS &&
               here->kind != PA_T_BUILTIN && here->kind != PA_T_TYPE && here->kind != PA_T_MODULE) {
        set_place(program, place, here, none);
    } else {
        make_any(program, place, type, none);
    }
}

void pa_type_join(struct pa_program *program, struct pa_value_type *place,
                  struct pa_value_type value) {
    struct pa_type *here = pa_type_find(place->type), *type = pa_type_find(value.type);
    bool none = place->none || value.none;
    place->type = here;
    if (!type && !here) {
        set_place(program, place, NULL, none);
        return;
    }
    if (!type || !here || type == here)
        set_place(program, place, here ? here : type, none);
    else
        join_types(program, place, type, none);
    /* None needs a pointer to be the null of. */
    if (place->none && place->type && !pa_type_is_pointer(*place))
        make_any(program, place, NULL, true);
}

void pa_type_mix(struct pa_program *program, struct pa_value_type *local,
                 struct pa_value_type value) {
    struct pa_value_type *outer = program->quiet;
    program->quiet = local;
    pa_type_join(program, local, value);
    program->quiet = outer;
}

const char *pa_type_name(struct pa_program *program, struct pa_value_type value) {
    static const char *const names[] = {
        [PA_T_INT] = "int",           [PA_T_FLOAT] = "float",   [PA_T_BOOL] = "bool",
        [PA_T_STR] = "str",           [PA_T_LIST] = "list",     [PA_T_DICT] = "dict",
        [PA_T_SET] = "set",           [PA_T_TUPLE] = "tuple",   [PA_T_RANGE] = "range",
        [PA_T_FUNCTION] = "function", [PA_T_CLASS] = "object",  [PA_T_TYPE] = "class",
        [PA_T_BUILTIN] = "builtin",   [PA_T_MODULE] = "module", [PA_T_ANY] = "mixture of types",
    };
    struct pa_type *type = pa_type_find(value.type);
    (void)program;
    if (!type)
        return value.none ? "NoneType" : "value that is never there";
    return type->kind == PA_T_CLASS || type->kind == PA_T_TYPE ? type->class->name
                                                               : names[type->kind];
}

void pa_type_key(struct pa_value_type value, unsigned depth, char *out, size_t room) {
    static const char letters[] = "ifbsLDSTRFCYBMA";
    struct pa_type *type = pa_type_find(value.type);
    char text[PA_KEY_MAX];
    size_t used = (size_t)snprintf(text, sizeof(text), "%c%s", type ? letters[type->kind] : '?',
                                   value.none ? "n" : "");
    if (type && type->kind == PA_T_CLASS)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%u", type->class->id);
    if (type && type->kind == PA_T_FUNCTION)
        for (uint32_t i = 0; i < type->function_count && used + 12 < sizeof(text); i++)
            used +=
                (size_t)snprintf(text + used, sizeof(text) - used, "%u_", type->functions[i]->id);
    if (type && type->kind == PA_T_TUPLE)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%u", type->item_count);
    if (type && type->name)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%.20s", type->name);
    text[PA_MIN(used, sizeof(text) - 1)] = 0;
    size_t have = strlen(out);
    if (have + strlen(text) + 2 < room)
        snprintf(out + have, room - have, "%s", text);
    if (!type || !depth)
        return;
    for (uint32_t i = 0; i < type->item_count && i < 4; i++)
        if (is_container(type))
            pa_type_key(type->items[i], depth - 1, out, room);
}
