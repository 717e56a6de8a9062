#include "transpile/methods.h"

#include <math.h>

static const struct pa_method methods[] = {
    {PA_T_STR, "upper", "", 's', false, "rt_str_upper"},
    {PA_T_STR, "lower", "", 's', false, "rt_str_lower"},
    {PA_T_STR, "casefold", "", 's', false, "rt_str_lower"},
    {PA_T_STR, "title", "", 's', false, "rt_str_title"},
    {PA_T_STR, "capitalize", "", 's', false, "rt_str_capitalize"},
    {PA_T_STR, "swapcase", "", 's', false, "rt_str_swapcase"},
    {PA_T_STR, "strip", "", 's', false, "rt_str_strip"},
    {PA_T_STR, "lstrip", "", 's', false, "rt_str_lstrip"},
    {PA_T_STR, "rstrip", "", 's', false, "rt_str_rstrip"},
    {PA_T_STR, "strip", "s", 's', false, "rt_str_strip_of"},
    {PA_T_STR, "lstrip", "s", 's', false, "rt_str_lstrip_of"},
    {PA_T_STR, "rstrip", "s", 's', false, "rt_str_rstrip_of"},
    {PA_T_STR, "split", "", 'w', false, "rt_str_split_space"},
    {PA_T_STR, "split", "s", 'w', true, "rt_str_split"},
    {PA_T_STR, "split", "si", 'w', true, "rt_str_split_most"},
    {PA_T_STR, "rsplit", "si", 'w', true, "rt_str_rsplit_most"},
    {PA_T_STR, "splitlines", "", 'w', false, "rt_str_splitlines"},
    {PA_T_STR, "join", "J", 's', false, "rt_str_join"},
    {PA_T_STR, "replace", "ss", 's', false, "rt_str_replace"},
    {PA_T_STR, "replace", "ssi", 's', false, "rt_str_replace_most"},
    {PA_T_STR, "startswith", "s", 'b', false, "rt_str_startswith"},
    {PA_T_STR, "endswith", "s", 'b', false, "rt_str_endswith"},
    {PA_T_STR, "find", "s", 'i', false, "rt_str_find"},
    {PA_T_STR, "find", "si", 'i', false, "rt_str_find_from"},
    {PA_T_STR, "rfind", "s", 'i', false, "rt_str_rfind"},
    {PA_T_STR, "index", "s", 'i', true, "rt_str_index"},
    {PA_T_STR, "count", "s", 'i', false, "rt_str_count"},
    {PA_T_STR, "isdigit", "", 'b', false, "rt_str_isdigit"},
    {PA_T_STR, "isdecimal", "", 'b', false, "rt_str_isdigit"},
    {PA_T_STR, "isnumeric", "", 'b', false, "rt_str_isdigit"},
    {PA_T_STR, "isalpha", "", 'b', false, "rt_str_isalpha"},
    {PA_T_STR, "isalnum", "", 'b', false, "rt_str_isalnum"},
    {PA_T_STR, "isspace", "", 'b', false, "rt_str_isspace"},
    {PA_T_STR, "isupper", "", 'b', false, "rt_str_isupper"},
    {PA_T_STR, "islower", "", 'b', false, "rt_str_islower"},
    {PA_T_STR, "zfill", "i", 's', false, "rt_str_zfill"},
    {PA_T_STR, "center", "i", 's', false, "rt_str_center"},
    {PA_T_STR, "ljust", "i", 's', false, "rt_str_ljust"},
    {PA_T_STR, "rjust", "i", 's', false, "rt_str_rjust"},
    {PA_T_STR, "center", "is", 's', false, "rt_str_center_with"},
    {PA_T_STR, "ljust", "is", 's', false, "rt_str_ljust_with"},
    {PA_T_STR, "rjust", "is", 's', false, "rt_str_rjust_with"},
    {PA_T_STR, "partition", "s", 't', true, "rt_str_partition"},
    {PA_T_STR, "rpartition", "s", 't', true, "rt_str_rpartition"},
    {PA_T_STR, "removeprefix", "s", 's', false, "rt_str_removeprefix"},
    {PA_T_STR, "removesuffix", "s", 's', false, "rt_str_removesuffix"},

    {PA_T_LIST, "append", "x", 'n', false, "rt_list_append"},
    {PA_T_LIST, "extend", "L", 'n', false, "rt_list_extend"},
    {PA_T_LIST, "insert", "ix", 'n', false, "rt_list_insert"},
    {PA_T_LIST, "pop", "", 'x', true, "rt_list_pop"},
    {PA_T_LIST, "pop", "i", 'x', true, "rt_list_pop_at"},
    {PA_T_LIST, "remove", "y", 'n', true, "rt_list_remove"},
    {PA_T_LIST, "index", "y", 'i', true, "rt_list_index"},
    {PA_T_LIST, "count", "y", 'i', true, "rt_list_count"},
    {PA_T_LIST, "reverse", "", 'n', false, "rt_list_reverse"},
    {PA_T_LIST, "clear", "", 'n', false, "rt_list_clear"},
    {PA_T_LIST, "copy", "", 'S', false, "rt_list_copy"},

    {PA_T_DICT, "get", "qv", 'v', true, "rt_dict_get_or"},
    {PA_T_DICT, "pop", "q", 'v', true, "rt_dict_pop"},
    {PA_T_DICT, "pop", "qv", 'v', true, "rt_dict_pop_or"},
    {PA_T_DICT, "popitem", "", 'p', true, "rt_dict_popitem"},
    {PA_T_DICT, "setdefault", "kv", 'v', true, "rt_dict_setdefault"},
    {PA_T_DICT, "update", "S", 'n', true, "rt_dict_update"},
    {PA_T_DICT, "clear", "", 'n', false, "rt_dict_clear"},
    {PA_T_DICT, "copy", "", 'S', false, "rt_dict_copy"},

    {PA_T_SET, "add", "x", 'n', true, "rt_set_add"},
    {PA_T_SET, "remove", "y", 'n', true, "rt_set_remove"},
    {PA_T_SET, "discard", "y", 'n', true, "rt_set_discard"},
    {PA_T_SET, "pop", "", 'x', true, "rt_set_pop"},
    {PA_T_SET, "clear", "", 'n', false, "rt_set_clear"},
    {PA_T_SET, "copy", "", 'S', false, "rt_set_copy"},
    {PA_T_SET, "update", "L", 'n', true, "rt_set_update"},
    {PA_T_SET, "union", "S", 'S', true, "rt_set_union"},
    {PA_T_SET, "intersection", "S", 'S', true, "rt_set_intersection"},
    {PA_T_SET, "difference", "S", 'S', true, "rt_set_difference"},
    {PA_T_SET, "symmetric_difference", "S", 'S', true, "rt_set_symmetric"},
    {PA_T_SET, "issubset", "S", 'b', true, "rt_set_issubset"},
    {PA_T_SET, "issuperset", "S", 'b', true, "rt_set_issuperset"},
    {PA_T_SET, "isdisjoint", "S", 'b', true, "rt_set_isdisjoint"},
};

/* The C library behind them is the one that the sandbox's interpreters have. */
static const struct pa_method functions[] = {
    {PA_T_MODULE, "sqrt", "f", 'f', true, "rt_math_sqrt"},
    {PA_T_MODULE, "floor", "f", 'i', true, "rt_math_floor"},
    {PA_T_MODULE, "ceil", "f", 'i', true, "rt_math_ceil"},
    {PA_T_MODULE, "trunc", "f", 'i', true, "rt_math_trunc"},
    {PA_T_MODULE, "fabs", "f", 'f', false, "rt_math_fabs"},
    {PA_T_MODULE, "gcd", "ii", 'i', false, "rt_math_gcd"},
    {PA_T_MODULE, "lcm", "ii", 'i', false, "rt_math_lcm"},
    {PA_T_MODULE, "isqrt", "i", 'i', true, "rt_math_isqrt"},
    {PA_T_MODULE, "factorial", "i", 'i', true, "rt_math_factorial"},
    {PA_T_MODULE, "comb", "ii", 'i', true, "rt_math_comb"},
    {PA_T_MODULE, "perm", "ii", 'i', true, "rt_math_perm"},
    {PA_T_MODULE, "isnan", "f", 'b', false, "rt_math_isnan"},
    {PA_T_MODULE, "isinf", "f", 'b', false, "rt_math_isinf"},
    {PA_T_MODULE, "isfinite", "f", 'b', false, "rt_math_isfinite"},
    {PA_T_MODULE, "copysign", "ff", 'f', false, "rt_math_copysign"},
    {PA_T_MODULE, "sin", "f", 'f', false, "rt_math_sin"},
    {PA_T_MODULE, "cos", "f", 'f', false, "rt_math_cos"},
    {PA_T_MODULE, "tan", "f", 'f', false, "rt_math_tan"},
    {PA_T_MODULE, "asin", "f", 'f', false, "rt_math_asin"},
    {PA_T_MODULE, "acos", "f", 'f', false, "rt_math_acos"},
    {PA_T_MODULE, "atan", "f", 'f', false, "rt_math_atan"},
    {PA_T_MODULE, "atan2", "ff", 'f', false, "rt_math_atan2"},
    {PA_T_MODULE, "exp", "f", 'f', false, "rt_math_exp"},
    {PA_T_MODULE, "log", "f", 'f', false, "rt_math_log"},
    {PA_T_MODULE, "log", "ff", 'f', false, "rt_math_log_of"},
    {PA_T_MODULE, "log2", "f", 'f', false, "rt_math_log2"},
    {PA_T_MODULE, "log10", "f", 'f', false, "rt_math_log10"},
    {PA_T_MODULE, "pow", "ff", 'f', false, "rt_math_pow"},
    {PA_T_MODULE, "radians", "f", 'f', false, "rt_math_radians"},
    {PA_T_MODULE, "degrees", "f", 'f', false, "rt_math_degrees"},
};

const struct pa_method *pa_method_find(enum pa_type_kind receiver, const char *name, size_t args,
                                       bool *ret_known) {
    const struct pa_method *found = NULL;
    *ret_known = false;
    for (size_t i = 0; i < PA_ARRAY_LEN(methods); i++) {
        if (methods[i].receiver != receiver || !pa_streq(methods[i].name, name))
            continue;
        *ret_known = true;
        if (strlen(methods[i].args) == args)
            found = &methods[i];
    }
    return found;
}

const struct pa_method *pa_module_function(const char *module, const char *name, size_t args) {
    if (!pa_streq(module, "math"))
        return NULL;
    for (size_t i = 0; i < PA_ARRAY_LEN(functions); i++)
        if (pa_streq(functions[i].name, name) && strlen(functions[i].args) == args)
            return &functions[i];
    return NULL;
}

bool pa_module_constant(const char *module, const char *name, double *ret_value) {
    static const struct {
        const char *name;
        double value;
    } constants[] = {{"pi", M_PI}, {"e", M_E}, {"tau", 2 * M_PI}, {"inf", INFINITY}, {"nan", NAN}};
    if (!pa_streq(module, "math"))
        return false;
    for (size_t i = 0; i < PA_ARRAY_LEN(constants); i++)
        if (pa_streq(constants[i].name, name)) {
            *ret_value = constants[i].value;
            return true;
        }
    return false;
}
