/*
 * The inside of code generation: what its files share.
 *
 *     emit.c          instructions, locals, labels, constants
 *     gen_value.c     representations, conversions, descriptors, variables
 *     gen_expr.c      expressions
 *     gen_element.c   elements, slices, attributes
 *     gen_text.c      texts of values
 *     gen_operate.c   operators
 *     gen_compare.c   comparisons
 *     gen_open.c      what a loop is over
 *     gen_iterate.c   loops
 *     gen_fold.c      what goes through all items once
 *     gen_call.c      calls of what the program defines
 *     gen_builtin.c   calls of Python's own functions
 *     gen_method.c    ... and of its methods and modules
 *     gen_assign.c    assignments
 *     gen_raise.c     raise, try, and what they do to tracebacks
 *     gen_stmt.c      other statements
 *     gen.c           functions
 *     gen_module.c    the module around them
 *     lines.c         which line code comes from; DWARF
 *     trace.c         what tracebacks show of places
 *     link.c          the runtime's functions that are used
 *
 * Values: an int is an i64, a float an f64, everything else an i32: a bool, or a pointer to an
 * object (0: None).  In containers each takes a slot of 64 bits.
 *
 * Exceptions: a call that may raise is followed by a look at the word `rt_exc`; where it is set,
 * the place is added to the traceback and control goes to the handler around, or out of the
 * function.
 *
 * Memory: the runtime collects garbage only when generated code calls it, at the end of a loop's
 * body.  What it must find then is in the frame: each pointer variable is kept in a slot there as
 * well as in its local.  Where a pointer is only on the stack of operands while a function of the
 * program is called (`pending`), collection is off for that call.
 */
#ifndef PA_TRANSPILE_GEN_H
#define PA_TRANSPILE_GEN_H

#include "base/buf.h"
#include "transpile/infer.h"
#include "transpile/link.h"
#include "transpile/methods.h"

enum g_type {
    G_I32 = 0x7f,
    G_I64 = 0x7e,
    G_F64 = 0x7c,
    G_VOID = 0x40
};

struct g_label {
    unsigned depth;
};

/* What a return, a break or an exception passes on its way out of a try. */
struct g_try {
    struct g_try *outer;
    struct g_label handler; /* where exceptions go */
    struct g_label finally; /* where everything goes, if `has_finally` */
    bool has_finally;
    struct g_handler *handlers; /* in force at the try */
    uint32_t pending, value;    /* locals: what to do after finally; the value to return */
    struct g_loop *loop;        /* the loop around the try */
};

/* An `except` or `finally` whose statements are being generated: what is raised in it has the
 * exception that it handles as its context. */
struct g_handler {
    struct g_handler *outer;
    uint32_t caught, before; /* locals: what is handled in it; around it */
    bool finally;
};

struct g_loop {
    struct g_loop *outer;
    struct g_label exit, next;
    struct g_try *tries; /* in force at the loop */
    struct g_handler *handlers;
};

struct g_range {
    int64_t low, high;
};

/* What is known of a local variable (gen_facts.c): the range of an int; or of a list, in which
 * locals its elements' address (i32) and their number (i64) are, and that there are `low` of them.
 */
struct g_fact {
    uint32_t local;
    bool view;
    uint32_t elements, count;
    struct pa_web *web; /* NULL: a temporary */
    int64_t low, high;
};

struct g_facts {
    bool nowhere; /* this point is not reached */
    uint32_t count;
    struct g_fact fact[24];
};

enum g_opens {
    G_OPENS_BLOCK,
    G_OPENS_LOOP,
    G_OPENS_IF
};

/* A block that is open: what holds where it ends, and if it is an `if` without its else so far. */
struct g_control {
    enum g_opens opens;
    struct g_facts end, otherwise;
};

struct g_view_locals {
    struct g_view_locals *next;
    uint32_t local, elements, count;
};

/* A call whose function is generated where it stands. */
struct g_inline {
    struct g_inline *outer;
    struct pa_instance_of *in;
    struct g_label exit;
    uint32_t value; /* local: the result */
};

/* What is a function of its own to Python, and is generated where it stands: a generator expression
 * whose items go into something, the body of a class. */
struct g_inner {
    struct g_inner *outer;
    const char *name;
    const struct pa_node *used; /* where that happens, in the function around */
};

#define G_WHERE 7

struct g_gen;

/* From `offset` in a function's code on, up to the next: what comes from this place. */
struct g_line {
    uint32_t offset, line, column; /* as in struct pa_place */
    bool statement;                /* one begins here */
};

/* One function while it is generated. */
struct g_fn {
    struct g_gen *g;
    struct pa_instance_of *in;    /* whose code is being generated: also an inlined one's */
    struct pa_instance_of *whole; /* that it becomes part of */
    struct g_inline *inlined;     /* calls around that are inlined */
    uint32_t inlined_nodes;
    struct pa_infer infer; /* to ask inference again */
    struct pa_buf code;
    struct pa_buf own_calls; /* u32: where code names a function of the program */
    struct pa_buf lines;     /* struct g_line: where what comes from */
    struct pa_node *at;      /* what is being generated now */
    struct g_inner *inner;   /* around it */
    uint8_t *locals;         /* types, parameters first */
    uint32_t local_count, local_room, param_count;
    uint32_t *free_locals; /* temporaries to be used again */
    uint32_t free_count, free_room;
    unsigned depth, pending;
    struct g_label raise; /* out of the function, an exception is set */
    bool raised;          /* something goes there */
    uint32_t loops;       /* that are open here */
    struct g_facts facts; /* that hold here */
    struct g_open_loop *open_loop;
    struct pa_web *grows; /* is being assigned a value that is not smaller */
    struct g_view_locals *views;
    struct g_try *tries;
    struct g_loop *loop;
    bool frames; /* pointers are kept in a frame */
    uint32_t frame_local, frame_slots;
    uint32_t env_local, depth_local;
    uint32_t gc_points, calls;
    struct g_handler *handler;
    struct pa_node *unordered; /* the order of its items makes no difference */
};

struct g_body {
    struct pa_buf code; /* with its locals */
    struct pa_buf own_calls, lines;
    uint32_t type, line; /* line: where it is defined */
    uint32_t start;      /* where it is in the code section */
    bool reached;        /* from the module's code, or by the runtime */
    char name[96];
};

/* One call in the program. */
struct g_edge {
    struct pa_instance_of *from, *to;
    struct pa_place place;
};

struct g_gen {
    struct pa_program *program;
    struct pa_tree *tree;
    struct g_link link;
    struct pa_buf data; /* after the runtime's */
    uint32_t data_base, memory_bytes;
    uint32_t where[G_WHERE];    /* what rt_start is told */
    uint32_t *work, work_count; /* bodies to be looked at */
    struct pa_buf places;       /* of the source, for tracebacks: struct g_place */
    uint32_t *line_starts;      /* offsets of the source's lines, and its end */
    struct g_body *bodies;
    uint32_t body_count, body_room;
    struct pa_buf types; /* encoded, one after the other */
    uint32_t type_count;
    char (*type_keys)[64];
    struct pa_instance_of *table[256]; /* functions the runtime calls */
    uint32_t table_count;
    struct pa_instance_of **queue; /* instances by their index */
    uint32_t queue_room;
    struct g_edge *edges; /* who calls whom */
    uint32_t edge_count, edge_room;
    uint32_t global_base, global_end;
    struct pa_buf roots; /* addresses of the module's variables that are pointers */
    const char *filename;
    struct g_fn fn;            /* that is being generated */
    struct g_control *control; /* of fn, by depth */
    uint32_t control_room;
    bool relied;   /* a loop did more than this round relied on */
    bool cautious; /* nothing is relied on any more */
    struct g_string *strings;
    uint32_t string_count;
};

/* emit.c */
void g_op(struct g_fn *f, uint8_t op);
void g_u32(struct g_fn *f, uint32_t value); /* LEB128 */
void g_i32(struct g_fn *f, int32_t value);
void g_i64(struct g_fn *f, int64_t value);
void g_f64(struct g_fn *f, double value);
void g_get(struct g_fn *f, uint32_t local);
void g_set(struct g_fn *f, uint32_t local);
void g_tee(struct g_fn *f, uint32_t local);
void g_load(struct g_fn *f, enum g_type type, uint32_t offset);
void g_store(struct g_fn *f, enum g_type type, uint32_t offset);
/* A temporary; g_free_local gives it back. */
uint32_t g_local(struct g_fn *f, enum g_type type);
void g_free_local(struct g_fn *f, uint32_t local);
/* One that is 0 when the function begins. */
uint32_t g_local_of_zero(struct g_fn *f);
struct g_label g_block(struct g_fn *f);
struct g_label g_loop_start(struct g_fn *f);
struct g_label g_loop_start_keeping(struct g_fn *f); /* the facts that hold: for g_loop_of */
void g_if(struct g_fn *f, enum g_type result);
void g_else(struct g_fn *f);
void g_end(struct g_fn *f);
void g_br(struct g_fn *f, struct g_label label);
void g_br_if(struct g_fn *f, struct g_label label);
void g_rt(struct g_fn *f, const char *symbol); /* a function of the runtime */
void g_call(struct g_fn *f, uint32_t function);
void g_leb(struct pa_buf *buf, uint64_t value);
void g_sleb(struct pa_buf *buf, int64_t value);
uint32_t g_type_index(struct g_gen *g, const uint8_t *params, uint32_t count, const uint8_t *result,
                      uint32_t result_count);

/* lines.c: where in the source code comes from */
/* A statement begins; the place is what it comes from until the next one. */
void g_line_statement(struct g_fn *f, struct pa_node *at);
/* An instruction that may trap comes next: a call. */
void g_line_call(struct g_fn *f);
/* DWARF for the module's own functions, which end at `end` in the code section: custom sections. */
void g_dwarf(const struct g_gen *g, uint32_t end, struct pa_buf *module);

/* trace.c: what tracebacks show */
/* The number of the place of a node that may raise. */
uint32_t g_place(struct g_fn *f, const struct pa_node *node);
/* The table of places, once all functions are generated: its address. */
uint32_t g_places(struct g_gen *g);

/* gen_value.c */
/* Constants in memory: their address, a multiple of 8. */
uint32_t g_data(struct g_gen *g, const void *bytes, size_t size);
enum g_type g_repr(struct pa_value_type type);
bool g_is_none(struct pa_value_type type); /* None, or nothing ever */
/* The value on the stack becomes one of another type. */
void g_convert(struct g_fn *f, struct pa_value_type from, struct pa_value_type to,
               struct pa_node *at);
void g_to_slot(struct g_fn *f, struct pa_value_type type);
void g_from_slot(struct g_fn *f, struct pa_value_type type);
void g_load_slot(struct g_fn *f, struct pa_value_type type, uint32_t offset);
void g_store_slot(struct g_fn *f, struct pa_value_type type, uint32_t offset);
/* An element of a list of `item`s: its bytes, as a shift; at an address and `at` elements on. */
uint32_t g_element_shift(struct pa_value_type item);
void g_load_element(struct g_fn *f, struct pa_value_type item, uint32_t at);
void g_store_element(struct g_fn *f, struct pa_value_type item, uint32_t at);
uint32_t g_descriptor(struct g_gen *g, struct pa_value_type type);
uint32_t g_class_record(struct g_gen *g, struct pa_class *class);
uint32_t g_string(struct g_gen *g, const char *text, size_t size);
/* A temporary that the collector knows, if it is a pointer. */
struct g_temp {
    uint32_t local;
    int frame;
    struct pa_value_type type;
    bool ranged; /* an int in this range */
    struct g_range range;
};
struct g_temp g_temp_set(struct g_fn *f, struct pa_value_type type);
struct g_temp g_temp_new(struct g_fn *f, struct pa_value_type type);
void g_temp_put(struct g_fn *f, struct g_temp temp);
void g_temp_free(struct g_fn *f, struct g_temp temp);
void g_variable_get(struct g_fn *f, struct pa_node *name);
/* To a variable that is a local. */
void g_web_set(struct g_fn *f, struct pa_web *web);
void g_variable_set(struct g_fn *f, struct pa_node *name, struct pa_value_type from);
void g_environment(struct g_fn *f, struct pa_scope *scope); /* pointer to the scope's variables */
void g_need_object(struct g_fn *f, struct pa_value_type type, struct pa_node *at);
/* What compiled code does not do: the interpreter must. */
void g_bail(struct g_fn *f);
/* The end of a loop's body that began when f->calls was `since`. */
void g_safepoint(struct g_fn *f, uint32_t since);

/* gen_expr.c */
void g_expression(struct g_fn *f, struct pa_node *node);
void g_expression_as(struct g_fn *f, struct pa_node *node, struct pa_value_type type);
/* As a condition, i32. */
void g_condition(struct g_fn *f, struct pa_node *node);
void g_truth(struct g_fn *f, struct pa_value_type type, struct pa_node *at);
void g_index_of(struct g_fn *f, struct pa_node *node); /* an int for an index */
/* The address of an element of a list, `node` being list[index], less as many elements as it
 * returns; calls `raise` where there is none. */
uint32_t g_list_place(struct g_fn *f, struct pa_node *node, const char *raise);
void g_fstring(struct g_fn *f, struct pa_node *node);
void g_to_str(struct g_fn *f, struct pa_value_type type, bool repr, struct pa_node *at);
void g_tuple_new(struct g_fn *f, struct pa_value_type type, const struct g_temp *items);

/* gen_text.c has g_fstring and g_to_str; gen_element.c */
void g_index(struct g_fn *f, struct pa_node *node);
void g_slice(struct g_fn *f, struct pa_node *node);
void g_attribute(struct g_fn *f, struct pa_node *node);

/* gen_operate.c */
/* Both operands to `type`: the second is on top. */
void g_convert_both(struct g_fn *f, struct pa_node *node, struct pa_value_type a,
                    struct pa_value_type b, struct pa_value_type type);
void g_binary(struct g_fn *f, struct pa_node *node, enum pa_op op, struct pa_value_type a,
              struct pa_value_type b, struct pa_value_type result);

/* gen_compare.c */
void g_compare(struct g_fn *f, struct pa_node *node);

/* gen_iterate.c */
typedef void g_each_fn(struct g_fn *f, void *context);
/* Runs `body` for each item, which is on the stack when it begins. */
void g_each(struct g_fn *f, struct pa_node *node, g_each_fn *body, void *context,
            struct g_label *ret_exit);
struct pa_value_type g_item_type(struct g_fn *f, struct pa_node *node);
void g_for(struct g_fn *f, struct pa_node *node);
void g_comprehension(struct g_fn *f, struct pa_node *node);
/* Anything that gives items as a list of `list`'s type. */
void g_list_of(struct g_fn *f, struct pa_node *node, struct pa_value_type list);

/* gen_call.c */
void g_call_node(struct g_fn *f, struct pa_node *node);
void g_apply(struct g_fn *f, struct pa_node *function, const struct g_temp *args, size_t count,
             struct pa_value_type result);
/* A method that the language calls; the operands are in temporaries. */
void g_special(struct g_fn *f, struct pa_node *node, const char *name, const struct g_temp *args,
               size_t count, struct pa_value_type result);
void g_construct_plain(struct g_fn *f, struct pa_node *node, struct pa_class *class);
void g_closure(struct g_fn *f, struct pa_function *function);
uint32_t g_instance_index(struct g_gen *g, struct pa_instance_of *in);

/* gen_facts.c */
void g_facts_begin_block(struct g_fn *f, struct g_control *control, enum g_opens opens);
void g_facts_otherwise(struct g_fn *f, struct g_control *control);
void g_facts_end_block(struct g_fn *f, struct g_control *control);
void g_facts_branch(struct g_fn *f, struct g_control *control, bool always);
/* What is generated next is not reached from here. */
void g_facts_nowhere(struct g_fn *f);
/* Begins the loop that `node` stands for, which goes through the `lists` (temporaries). */
struct g_label g_loop_of(struct g_fn *f, struct pa_node *node, const struct g_temp *lists,
                         uint32_t count);
void g_forget_local(struct g_fn *f, uint32_t local);
void g_forget(struct g_fn *f, struct pa_web *web); /* is assigned */
void g_forget_views(struct g_fn *f);               /* something is called that may resize lists */
bool g_keeps_lists(const char *symbol);
/* The view of the list in a local, made here if there is none; NULL: there can be none. */
struct g_fact *g_view(struct g_fn *f, uint32_t local, struct pa_web *web);
struct g_fact *g_view_there(struct g_fn *f, uint32_t local);
struct pa_web *g_viewable(struct g_fn *f, const struct pa_node *node);
/* Between what an int is for certain, at this point. */
struct g_range g_range(struct g_fn *f, const struct pa_node *node);
/* a + b, a - b or a * b is an int of 64 bits. */
bool g_fits(enum pa_op op, struct g_range a, struct g_range b);
void g_know(struct g_fn *f, struct pa_web *web, struct g_range range);
void g_know_name(struct g_fn *f, const struct pa_node *name, struct g_range range);
void g_assume(struct g_fn *f, struct pa_node *condition, bool holds);

/* gen_inline.c */
/* Generates a call's function in place of the call, if that is worth it: the result is on the
 * stack, as in->result. */
bool g_inline(struct g_fn *f, struct pa_node *at, struct pa_instance_of *in,
              const struct g_temp *args);
/* The inlined function's result is on the stack: it returns. */
void g_inline_return(struct g_fn *f);

/* gen_fold.c */
void g_min_max(struct g_fn *f, struct pa_node *node, bool max);
void g_sum(struct g_fn *f, struct pa_node *node);
void g_any_all(struct g_fn *f, struct pa_node *node, bool any);
void g_sorted(struct g_fn *f, struct pa_node *node);
/* list.sort() */
void g_sort_list(struct g_fn *f, struct pa_node *node, struct g_temp list);

/* gen_builtin.c, gen_method.c */
void g_builtin(struct g_fn *f, struct pa_node *node, const char *name);
void g_method(struct g_fn *f, struct pa_node *node);
void g_module_call(struct g_fn *f, struct pa_node *node, const char *module, const char *name);

/* gen_raise.c */
/* After a call that may raise. */
void g_check(struct g_fn *f, const struct pa_node *at);
/* Out of handlers, up to `until` or NULL: what they handle is handled no longer. */
void g_leave_handlers(struct g_fn *f, struct g_handler *until);
/* rt_handling becomes what is in a local. */
void g_set_handling(struct g_fn *f, uint32_t local);
/* An exception goes on its way without passing a place. */
void g_pass_on(struct g_fn *f);
/* An exception is set for certain. */
void g_raised(struct g_fn *f, const struct pa_node *at);
void g_raise(struct g_fn *f, struct pa_node *node);
void g_assert(struct g_fn *f, struct pa_node *node);
void g_try_statement(struct g_fn *f, struct pa_node *node);

/* gen_stmt.c */
void g_statement(struct g_fn *f, struct pa_node *node);
/* What is to be done after a finally. */
enum g_pending {
    G_PENDING_NOTHING,
    G_PENDING_RAISE,
    G_PENDING_RETURN,
    G_PENDING_BREAK,
    G_PENDING_CONTINUE
};
/* The result is in a local: what is to be done finally on the way out is done, then it returns. */
void g_leave_function(struct g_fn *f, uint32_t value);
void g_leave_loop(struct g_fn *f, enum g_pending how);
void g_block_of(struct g_fn *f, struct pa_node *node);
/* gen_assign.c */
void g_assign(struct g_fn *f, struct pa_node *target, struct pa_value_type from);
void g_assignment(struct g_fn *f, struct pa_node *node);
void g_augmented(struct g_fn *f, struct pa_node *node);
void g_return(struct g_fn *f);

/* gen_module.c */
void g_assemble(struct g_gen *g, struct pa_buf *module);
/* The module of the runtime alone, for programs whose runtime is outside.  `g` is zeroed memory but
 * for its tree, which may be empty. */
void g_runtime_module(struct g_gen *g, struct pa_buf *module);

/* wat.c: the program's functions as text, once the module is assembled. */
void g_wat(struct g_gen *g, struct pa_buf *out);

/* gen.c */
/* Locals, then what f->code holds, then `code`: a function's body as it stands in the module. */
void g_finish_body(struct g_fn *f, struct pa_buf *code, struct g_body *ret);
/* `g` is zeroed memory; g_done also after a refusal. */
void g_generate(struct pa_program *program, const char *filename, bool runtime_outside,
                struct pa_buf *module, struct g_gen *g);
void g_done(struct g_gen *g);
uint32_t g_table_entry(struct g_gen *g, struct pa_instance_of *in);
void g_edge_add(struct g_fn *f, struct pa_instance_of *to, const struct pa_node *at);

#endif
