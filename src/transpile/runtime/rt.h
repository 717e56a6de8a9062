/*
 * The runtime of compiled Python: C for wasm32, linked into every module as far as it is used
 * (transpile/link.h).  Generated code knows the layouts below by their offsets.
 *
 * An object begins with a word whose lowest byte is its kind.  Objects are never moved.  Lists,
 * dicts, sets and tuples carry a descriptor: what their slots hold.  A slot is 64 bits: an integer,
 * a float's bits, or a pointer in the lower half.
 *
 * An error is raised by setting rt_exc and returning anything; the generated code looks.  What this
 * runtime does not do as Python does, it does not do at all: rt_bail() ends the program, and an
 * interpreter takes over.
 */
#ifndef RT_H
#define RT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RT_API __attribute__((visibility("default"), used))

enum kind {
    STR = 1,
    LIST,
    DICT,
    SET,
    TUPLE,
    OBJECT,
    INT,
    FLOAT,
    BOOL,
    RANGE,
    CLOSURE,
    ENVIRONMENT,
    BYTES, /* of strings, and tables of containers: no object of Python's */
};

#define KIND(object)  (*(const uint32_t *)(object)&0xff)
#define STATIC_OBJECT 0x100 /* in the data of the module: never collected */

/* Descriptors: enum pa_type_kind of the transpiler. */
enum desc_kind {
    D_INT,
    D_FLOAT,
    D_BOOL,
    D_STR,
    D_LIST,
    D_DICT,
    D_SET,
    D_TUPLE,
    D_RANGE,
    D_FUNCTION,
    D_CLASS,
    D_TYPE,
    D_BUILTIN,
    D_MODULE,
    D_ANY,
};

struct desc {
    uint8_t kind, count;
    uint16_t zero;
    const struct desc *items[]; /* of D_CLASS: the class's record */
};

typedef uint64_t slot;

struct str {
    uint32_t tag, hash; /* 0: not computed */
    uint32_t size, chars;
    const uint8_t *bytes;
    struct bytes *buffer; /* that the bytes are in; NULL: in the data of the module */
};

struct bytes {
    uint32_t tag;
    uint32_t used, room;
    uint32_t zero;
    uint8_t bytes[];
};

/* Elements are slots; those of a list of bools are bytes, 0 or 1: an eighth of the memory to fill,
 * to walk through and to fault in.  rt_list_get and rt_list_put know the difference. */
struct list {
    uint32_t tag;
    const struct desc *desc;
    uint32_t count, room;
    union {
        slot *slots;
        uint8_t *bytes;
    };
    uint32_t shift; /* an element has 1 << shift bytes: 3, or 0 */
};

struct entry {
    slot key, value;
    uint32_t hash;
    uint32_t live;
};

struct dict {
    uint32_t tag;
    const struct desc *desc;
    uint32_t count; /* of live entries */
    uint32_t used;  /* entries, live or not */
    struct entry *entries;
    uint32_t room;
    uint32_t *index; /* entry + 1; 0: free */
    uint32_t mask;
    uint32_t changes; /* of its keys, so far: a loop over it sees them */
};

struct set_entry {
    slot key;
    int64_t hash;
    uint64_t state; /* 0: free, 1: live, 2: removed */
};

struct set {
    uint32_t tag;
    const struct desc *desc;
    uint32_t count, fill;
    struct set_entry *table;
    uint32_t mask;
};

struct tuple {
    uint32_t tag;
    const struct desc *desc;
    uint32_t count, zero;
    slot slots[];
};

/* A variable environment is a tuple with the environment around it in place of the count. */
struct environment {
    uint32_t tag;
    const struct desc *desc;
    struct environment *outer;
    uint32_t zero;
    slot slots[];
};

struct class {
    const struct class *base;
    struct str *name;
    uint32_t field_count;
    const struct desc *fields;
    uint32_t id;
    uint32_t specials[5]; /* numbers in the table: str repr eq hash lt */
    uint32_t is_exception;
};
enum special {
    SPECIAL_STR,
    SPECIAL_REPR,
    SPECIAL_EQ,
    SPECIAL_HASH,
    SPECIAL_LT
};

struct object {
    uint32_t tag;
    const struct class *class;
    uint32_t present; /* fields that are set, by bit */
    struct history *history;
    slot fields[]; /* of exceptions the first is the message */
};

/* Of an exception that was caught, or raised while another one was handled; NULL for others. */
struct history {
    uint32_t tag; /* BYTES */
    uint32_t count;
    struct object *context, *cause;
    uint32_t hides_context;
    uint32_t places[]; /* that it came past, from the innermost */
};

struct box {
    uint32_t tag, zero;
    union {
        int64_t i;
        double f;
    };
};

struct range {
    uint32_t tag, zero;
    int64_t start, stop, step;
};

struct closure {
    uint32_t tag, function;
    struct environment *environment;
};

/* Operators, as the transpiler numbers them. */
enum op {
    OP_ADD,
    OP_SUB,
    OP_MUL,
    OP_DIV,
    OP_FLOORDIV,
    OP_MOD,
    OP_POW,
    OP_AND,
    OP_OR,
    OP_XOR,
    OP_SHL,
    OP_SHR,
    OP_EQ,
    OP_NE,
    OP_LT,
    OP_LE,
    OP_GT,
    OP_GE,
};

/* Classes that the runtime raises, in the order in which the module gives them. */
enum raised {
    ZERO_DIVISION,
    INDEX_ERROR,
    KEY_ERROR,
    VALUE_ERROR,
    TYPE_ERROR,
    ASSERTION_ERROR,
    OVERFLOW_ERROR,
    EOF_ERROR,
    EXCEPTION,
    ATTRIBUTE_ERROR,
    RUNTIME_ERROR,
};

/* core.c */
extern struct object *rt_exc, *rt_handling;
extern uint32_t rt_sp, rt_sp_end, rt_depth, rt_no_gc, rt_gc_wanted;
_Noreturn void rt_bail(void);
void rt_error(enum raised class, const char *text);
void rt_error_str(enum raised class, struct str *text);
void rt_write(const uint8_t *bytes, uint32_t size);

/* memory.c */
void *rt_new(uint32_t size, enum kind kind);
struct bytes *rt_bytes(uint32_t room);
void rt_memory_start(uint32_t heap, const uint32_t *roots, uint32_t frames);

/* str.c */
struct str *rt_str_of(const uint8_t *bytes, uint32_t size, uint32_t chars);
struct str *rt_str_ascii(const char *text);
struct str *rt_str_room(uint32_t size); /* to be filled by rt_str_fill */
void rt_str_fill(struct str *s, const struct str *more);
void rt_str_put(struct str *s, uint8_t byte);
uint32_t rt_str_hash(struct str *s);
int32_t rt_str_compare(const struct str *a, const struct str *b);
bool rt_str_equal(const struct str *a, const struct str *b);
struct str *rt_str_add(struct str *a, struct str *b);
struct str *rt_str_of_int(int64_t value);
struct str *rt_str_slice(struct str *s, int64_t low, int64_t high, int64_t step, uint32_t there);
struct str *rt_str_at(struct str *s, int64_t index);
struct str *rt_str_repeat(struct str *s, int64_t count);
struct str *rt_str_repr(const struct str *s);
struct list *rt_str_list(struct str *s);
int64_t rt_str_find(const struct str *s, const struct str *what);
struct str *rt_chr(int64_t code);
uint32_t rt_utf8_length(uint8_t first);
uint32_t rt_utf8_decode(const uint8_t *s);

/* float.c */
struct str *rt_float_repr(double value);
bool rt_float_parse(const uint8_t *s, uint32_t size, double *ret);
/* `digits` of value, rounded half to even from its exact value: after the point, or significant. */
uint32_t rt_float_digits(double value, int32_t digits, bool significant, char *out,
                         int32_t *ret_exponent);

/* value.c */
uint64_t rt_hash(slot value, const struct desc *desc);
bool rt_equal(slot a, slot b, const struct desc *desc);
bool rt_order(slot a, slot b, const struct desc *desc, enum op op);
struct str *rt_repr(slot value, const struct desc *desc);
struct str *rt_str(slot value, const struct desc *desc);
bool rt_is_instance(const void *object, const struct class *class);
extern const struct desc rt_desc_any, rt_desc_int, rt_desc_float, rt_desc_bool, rt_desc_str,
    rt_desc_range, rt_desc_function;

/* any.c */
void *rt_box_int(int64_t value);
void *rt_box_float(double value);
void *rt_box_bool(int32_t value);
/* What a slot holds, as an object; NULL is None. */
void *rt_boxed(slot value, const struct desc *desc);
double rt_number(const void *object);
bool rt_truth(const void *object);

/* containers */
struct list *rt_list_new(const struct desc *desc, uint32_t room);
void rt_list_append(struct list *l, slot value);
struct list *rt_list_copy(struct list *l);
struct dict *rt_dict_new(const struct desc *desc);
void rt_dict_set(struct dict *d, slot key, slot value);
slot *rt_dict_find(struct dict *d, slot key);
struct set *rt_set_new(const struct desc *desc);
void rt_set_add(struct set *s, slot key);
bool rt_set_has(struct set *s, slot key);
void rt_set_iterate(struct set *s);
struct tuple *rt_tuple_new(const struct desc *desc);

/* numbers */
int64_t rt_mul(int64_t a, int64_t b);
int64_t rt_floordiv(int64_t a, int64_t b);
int64_t rt_mod(int64_t a, int64_t b);
int64_t rt_pow(int64_t a, int64_t b);
double rt_truediv(int64_t a, int64_t b);
double rt_float_mod(double a, double b);
double rt_float_floordiv(double a, double b);
double rt_float_pow(double a, double b);
int64_t rt_shl(int64_t a, int64_t b);
int64_t rt_shr(int64_t a, int64_t b);
bool rt_compare_mixed(slot a, slot b, int32_t first_is_float, enum op op);
int64_t rt_int_of_float(double value);

static inline slot of_pointer(const void *p) {
    return (uint32_t)(uintptr_t)p;
}
static inline void *to_pointer(slot s) {
    return (void *)(uintptr_t)(uint32_t)s;
}
static inline bool is_number(const void *o) {
    return o && KIND(o) >= INT && KIND(o) <= BOOL;
}

static inline double to_double(slot s) {
    union {
        slot s;
        double f;
    } u = {.s = s};
    return u.f;
}
static inline slot of_double(double f) {
    union {
        slot s;
        double f;
    } u = {.f = f};
    return u.s;
}

static inline slot rt_list_get(const struct list *l, uint32_t at) {
    return l->shift ? l->slots[at] : l->bytes[at];
}
static inline void rt_list_put(struct list *l, uint32_t at, slot value) {
    if (l->shift)
        l->slots[at] = value;
    else
        l->bytes[at] = (uint8_t)value;
}

/* clang makes these single instructions. */
#define copy(to, from, size) __builtin_memcpy(to, from, size)
#define move(to, from, size) __builtin_memmove(to, from, size)
#define zero_fill(to, size)  __builtin_memset(to, 0, size)

#endif
