/*
 * What analysis knows about a program: types, variables, functions and classes.
 *
 * Types form a lattice that inference only climbs:
 *
 *     nothing known -> int, float, str, list[T], C ... -> ANY
 *
 * A place that holds values (a variable, an element, a result) has a struct pa_value_type.  Two
 * different types that meet in one place make it ANY: a pointer to an object that carries its kind.
 * A type that is a pointer anyway may be None as well (`none`), which costs nothing.
 *
 * Containers are shared by reference, so that when two list types meet, they become one: their
 * elements have one place from then on (union-find, `link`).  What flows into ANY gets elements of
 * ANY itself, so that the runtime meets only containers of ANY behind one.
 *
 * A function is compiled once for each combination of argument types that it is called with (an
 * instance), up to PA_MAX_INSTANCES; the next combination widens the last.
 */
#ifndef PA_TRANSPILE_PROGRAM_H
#define PA_TRANSPILE_PROGRAM_H

#include "transpile/ast.h"

#define PA_MAX_INSTANCES 6
#define PA_MAX_PASSES    120
#define PA_MAX_FIELDS    31

enum pa_type_kind {
    PA_T_INT,
    PA_T_FLOAT,
    PA_T_BOOL,
    PA_T_STR,
    PA_T_LIST,     /* items[0] */
    PA_T_DICT,     /* items[0]: keys, items[1]: values */
    PA_T_SET,      /* items[0] */
    PA_T_TUPLE,    /* items */
    PA_T_RANGE,    /* a value of three integers */
    PA_T_FUNCTION, /* functions: one of these */
    PA_T_CLASS,    /* an instance of `class` or of what derives from it */
    PA_T_TYPE,     /* `class` itself */
    PA_T_BUILTIN,  /* `name`: a function of Python's own */
    PA_T_MODULE,   /* `name` */
    PA_T_ANY,
};

struct pa_type {
    enum pa_type_kind kind;
    struct pa_type *link; /* merged into that one */
    struct pa_value_type *items;
    uint32_t item_count;
    struct pa_class *class;
    struct pa_function **functions;
    uint32_t function_count;
    const char *name, *module; /* of a builtin: math's have a module */
    uint32_t address;          /* of its descriptor in the module, once there is one */
    bool dynamic;              /* its items are ANY for good */
};

/* A set of assignments of one local variable that reach the same uses.  `x = 1` and a later
 * `x = "a"` are two, unless some use may see either. */
struct pa_web {
    struct pa_web *link;
    struct pa_variable *variable;
    struct pa_web **operands; /* of a join: which webs meet here */
    uint32_t operand_count, operand_room;
    bool used, maybe_unset;
    struct pa_value_type type;
    int local, flag; /* of WebAssembly, -1: none yet */
    int frame;       /* slot in the frame of the collector, -1: none */
    struct pa_web *all;
};

enum pa_binding {
    PA_BOUND_NOT,
    PA_BOUND_VALUE,
    PA_BOUND_DEF,   /* once, by a def at the top of its block */
    PA_BOUND_CLASS, /* ... by a class */
    PA_BOUND_IMPORT,
};

struct pa_variable {
    const char *name;
    struct pa_scope *scope;
    struct pa_variable *next;
    uint32_t index; /* in its scope */
    uint32_t bindings;
    enum pa_binding binding;
    struct pa_node *definition; /* DEF, CLASS or IMPORT item */
    struct pa_function *function;
    struct pa_class *class;
    bool shared; /* seen by other functions: lives in memory, one type for all its life */
    bool hidden; /* of a comprehension */
    bool parameter;
    bool by_walrus;     /* := assigns it, in the middle of an expression */
    struct pa_web *web; /* if shared, or a parameter's first */
    uint32_t address;   /* of a shared variable of the module; a slot in the environment else */
    const char *module, *member; /* of an import */
};

struct pa_scope {
    struct pa_scope *parent; /* NULL: the module's */
    struct pa_variable *first, **last;
    uint32_t count;
    struct pa_instance_of *instance; /* whose variables these are */
    struct pa_node **globals;
    bool has_environment;
    uint32_t environment_slots;
};

struct pa_function {
    const char *name;
    struct pa_def *def;
    struct pa_scope *scope; /* around it */
    struct pa_class *class; /* of a method */
    struct pa_instance_of *first;
    uint32_t instance_count;
    uint32_t id;
    struct pa_type *type; /* of itself as a value */
    struct pa_function *next;
};

#define PA_KEY_MAX 120

struct pa_instance_of {
    struct pa_function *function; /* NULL: the module's code */
    struct pa_instance_of *next, *all;
    char key[PA_KEY_MAX];
    bool wide; /* takes whatever comes */
    struct pa_def *def;
    struct pa_node *body;
    struct pa_scope scope;
    struct pa_variable **params;
    struct pa_value_type result;
    bool bound, raises, frameless, visited, in_table;
    bool recursive; /* may come round to itself */
    bool counts;    /* takes the number of calls around it, as a last parameter */
    uint32_t index; /* among the functions of the module, once it is needed */
    bool indexed;
    bool called;          /* there are calls of it that are not inlined */
    uint32_t weight;      /* of its body, 0: not known yet (gen_inline.c) */
    struct pa_web **webs; /* its variables that are locals, once it is weighed */
    uint32_t web_count;
};

struct pa_field {
    const char *name;
    struct pa_value_type type;
    struct pa_class *owner;
    uint32_t index;
    bool certain; /* assigned at the top of the owner's __init__ */
};

/* Methods that the runtime calls through the class's record, in its order. */
enum pa_special {
    PA_SPECIAL_STR,
    PA_SPECIAL_REPR,
    PA_SPECIAL_EQ,
    PA_SPECIAL_HASH,
    PA_SPECIAL_LT,
    PA_SPECIALS,
};

struct pa_class {
    const char *name;
    struct pa_class *base, *next;
    struct pa_node *node; /* NULL: one of Python's own */
    struct pa_scope *scope;
    struct pa_field *fields;
    uint32_t field_count; /* without the base's */
    struct pa_function **methods;
    uint32_t method_count;
    struct pa_variable *attributes;
    struct pa_type *type, *itself;
    bool is_exception, instantiated;
    bool calls_super;                            /* its __init__ certainly runs its base's */
    struct pa_instance_of *special[PA_SPECIALS]; /* what the runtime calls */
    uint32_t id, address;
};

struct pa_program {
    struct pa_tree *tree;
    bool changed;
    struct pa_value_type *quiet; /* a place whose changes are nobody else's */
    struct pa_type *basic[PA_T_ANY + 1], *any_containers[PA_T_ANY + 1];
    struct pa_instance_of *module, *instances, **last_instance;
    struct pa_function *functions;
    struct pa_class *classes, **last_class;
    struct pa_web *webs; /* all there are */
    uint32_t function_count, class_count;
    unsigned depth;
    bool uses_input;
};

/* types.c */
struct pa_value_type pa_type_of(struct pa_program *program, enum pa_type_kind kind);
struct pa_value_type pa_type_none(void);
struct pa_value_type pa_type_new(struct pa_program *program, enum pa_type_kind kind,
                                 uint32_t items);
struct pa_value_type pa_type_list(struct pa_program *program, struct pa_value_type item);
/* Follows merges; NULL stays NULL. */
struct pa_type *pa_type_find(struct pa_type *type);
bool pa_type_is(struct pa_value_type type, enum pa_type_kind kind);
bool pa_type_is_unknown(struct pa_value_type type);
/* int or bool. */
bool pa_type_is_integral(struct pa_value_type type);
bool pa_type_is_number(struct pa_value_type type);
/* Its values are pointers to objects. */
bool pa_type_is_pointer(struct pa_value_type type);
/* Lets `type` into the place: the heart of inference. */
void pa_type_join(struct pa_program *program, struct pa_value_type *place,
                  struct pa_value_type type);
/* The same for a variable of the caller's: no reason for another pass. */
void pa_type_mix(struct pa_program *program, struct pa_value_type *local,
                 struct pa_value_type value);
/* Makes two types one if they are containers of a kind. */
void pa_type_force_any(struct pa_program *program, struct pa_value_type type);
struct pa_value_type pa_type_item(struct pa_value_type type, uint32_t item);
/* "list[int]", for messages. */
const char *pa_type_name(struct pa_program *program, struct pa_value_type type);
bool pa_class_derives(const struct pa_class *class, const struct pa_class *base);
/* A short text that tells apart what a function is compiled for. */
void pa_type_key(struct pa_value_type type, unsigned depth, char *out, size_t room);

/* scope.c: variables of one instance */
void pa_scope_build(struct pa_program *program, struct pa_instance_of *instance,
                    struct pa_scope *parent);
struct pa_variable *pa_scope_find(struct pa_scope *scope, const char *name);
struct pa_variable *pa_scope_lookup(struct pa_scope *scope, const char *name);

struct pa_web *pa_web_new(struct pa_program *program, struct pa_variable *variable);

/* flow.c: which assignments reach which uses */
void pa_flow_bind(struct pa_program *program, struct pa_instance_of *instance);
struct pa_web *pa_web_find(struct pa_web *web);

/* classes.c */
struct pa_class *pa_class_define(struct pa_program *program, struct pa_node *node,
                                 struct pa_scope *scope);
struct pa_class *pa_class_builtin(struct pa_program *program, const char *name);
struct pa_field *pa_class_field(struct pa_class *class, const char *name);
struct pa_function *pa_class_method(struct pa_class *class, const char *name);
struct pa_variable *pa_class_attribute(struct pa_class *class, const char *name);
uint32_t pa_class_field_slot(const struct pa_class *class, const struct pa_field *field);
uint32_t pa_class_size(const struct pa_class *class);

/* functions.c */
struct pa_function *pa_function_new(struct pa_program *program, struct pa_def *def,
                                    struct pa_scope *scope, struct pa_class *class);
/* The instance for arguments of these types, one for each parameter, made if there is none; NULL
 * while one of them is not known. */
struct pa_instance_of *pa_function_instance(struct pa_program *program,
                                            struct pa_function *function,
                                            const struct pa_value_type *args, size_t count);
/* Sets up variables, functions and classes of an instance whose body is there. */
void pa_instance_prepare(struct pa_program *program, struct pa_instance_of *instance,
                         struct pa_scope *parent);
struct pa_value_type pa_function_type(struct pa_program *program, struct pa_function *function);
/* Values known without evaluation: what a default may be. */
bool pa_is_constant(const struct pa_node *node);

/* infer.c: types for everything that can run. */
void pa_infer(struct pa_program *program);

#endif
