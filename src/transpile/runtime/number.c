/* Integers of 64 bits, whose overflow is the interpreter's affair, and arithmetic of floats. */
#include "transpile/runtime/rt.h"

double fmod(double, double);
double pow(double, double);
double sin(double);
double cos(double);
double tan(double);
double asin(double);
double acos(double);
double atan(double);
double atan2(double, double);
double exp(double);
double log(double);
double log2(double);
double log10(double);

/* Whether a * b needs more than 64 bits.  (The compiler's own test takes a product of 128.) */
static bool overflows(int64_t a, int64_t b, int64_t *ret) {
    uint64_t x = a < 0 ? 0 - (uint64_t)a : (uint64_t)a, y = b < 0 ? 0 - (uint64_t)b : (uint64_t)b;
    *ret = (int64_t)((uint64_t)a * (uint64_t)b);
    if (!x || !y || __builtin_clzll(x) + __builtin_clzll(y) >= 65)
        return false;
    return y > INT64_MAX / x;
}

RT_API int64_t rt_mul(int64_t a, int64_t b) {
    int64_t r;
    if (overflows(a, b, &r))
        rt_bail();
    return r;
}

RT_API int64_t rt_floordiv(int64_t a, int64_t b) {
    if (b == 0) {
        rt_error(ZERO_DIVISION, "division by zero");
        return 0;
    }
    if (b == -1) {
        if (a == INT64_MIN)
            rt_bail();
        return -a;
    }
    int64_t q = a / b;
    return q - ((a % b != 0) & ((a < 0) != (b < 0)));
}

RT_API int64_t rt_mod(int64_t a, int64_t b) {
    if (b == 0) {
        rt_error(ZERO_DIVISION, "division by zero");
        return 0;
    }
    if (b == -1)
        return 0;
    int64_t r = a % b;
    return r && ((r < 0) != (b < 0)) ? r + b : r;
}

/* a / b, correctly rounded: exact where both are floats without loss. */
RT_API double rt_truediv(int64_t a, int64_t b) {
    const int64_t exact = (int64_t)1 << 53;
    if (b == 0) {
        rt_error(ZERO_DIVISION, "division by zero");
        return 0;
    }
    if (a < -exact || a > exact || b < -exact || b > exact)
        rt_bail();
    return (double)a / (double)b;
}

RT_API int64_t rt_pow(int64_t a, int64_t b) {
    int64_t r = 1;
    if (b < 0)
        rt_bail(); /* a float */
    while (b) {
        if ((b & 1) && overflows(r, a, &r))
            rt_bail();
        b >>= 1;
        if (b && overflows(a, a, &a))
            rt_bail();
    }
    return r;
}

static uint64_t mul_mod(uint64_t a, uint64_t b, uint64_t m) {
    if (m <= 0xffffffffu)
        return a * b % m;
    uint64_t r = 0;
    for (; b; b >>= 1) {
        if (b & 1)
            r = (r + a) % m;
        a = (a + a) % m;
    }
    return r;
}

RT_API int64_t rt_pow_mod(int64_t a, int64_t b, int64_t m) {
    if (b < 0 || m <= 0)
        rt_bail();
    uint64_t base = (uint64_t)rt_mod(a, m), r = 1 % (uint64_t)m;
    for (; b; b >>= 1) {
        if (b & 1)
            r = mul_mod(r, base, (uint64_t)m);
        base = mul_mod(base, base, (uint64_t)m);
    }
    return (int64_t)r;
}

RT_API int64_t rt_shl(int64_t a, int64_t b) {
    if (b < 0) {
        rt_error(VALUE_ERROR, "negative shift count");
        return 0;
    }
    if (a == 0)
        return 0;
    if (b >= 63 || (int64_t)((uint64_t)a << b) >> b != a)
        rt_bail();
    return (int64_t)((uint64_t)a << b);
}

RT_API int64_t rt_shr(int64_t a, int64_t b) {
    if (b < 0) {
        rt_error(VALUE_ERROR, "negative shift count");
        return 0;
    }
    return a >> (b > 63 ? 63 : b);
}

RT_API int64_t rt_abs(int64_t a) {
    if (a == INT64_MIN)
        rt_bail();
    return a < 0 ? -a : a;
}

RT_API int64_t rt_hash_int(int64_t a) {
    const uint64_t prime = ((uint64_t)1 << 61) - 1;
    uint64_t u = a < 0 ? 0 - (uint64_t)a : (uint64_t)a;
    int64_t h = (int64_t)(u % prime);
    h = a < 0 ? -h : h;
    return h == -1 ? -2 : h;
}

RT_API int64_t rt_int_of_float(double value) {
    if (!(value > -9223372036854775808.0 && value < 9223372036854775808.0))
        rt_bail();
    return (int64_t)value;
}

/* Floats. */

/* What a * b lacks to be exact (Dekker; neither factor is so large or small that it matters). */
static double lost_product(double a, double b, double product) {
    const double split = 134217729.0;
    double a1 = a * split, b1 = b * split;
    a1 = a1 - (a1 - a);
    b1 = b1 - (b1 - b);
    double a2 = a - a1, b2 = b - b1;
    return ((a1 * b1 - product) + a1 * b2 + a2 * b1) + a2 * b2;
}

static double ulp_of(double value) {
    return to_double((of_double(value) & 0x7ff0000000000000u) - ((uint64_t)52 << 52));
}

static bool is_moderate(double x) {
    return x > 1e-120 && x < 1e120;
}

/*
 * x ** 2 and x ** 0.5 without pow(), where both must agree: pow() is within 0.53 units of the last
 * place of the true value, so where the nearest float is within 0.46 of it, pow() gives that one.
 */
RT_API double rt_square(double x) {
    double r = x * x;
    if (is_moderate(r) && __builtin_fabs(lost_product(x, x, r)) < 0.46 * ulp_of(r))
        return r;
    return rt_float_pow(x, 2.0);
}

static bool square_root(double x, double *ret) {
    double r = __builtin_sqrt(x);
    if (!is_moderate(x))
        return false;
    double rest = (x - r * r) - lost_product(r, r, r * r);
    *ret = r;
    return __builtin_fabs(rest / (2 * r)) < 0.46 * ulp_of(r);
}

RT_API double rt_float_mod(double a, double b) {
    if (b == 0) {
        rt_error(ZERO_DIVISION, "division by zero");
        return 0;
    }
    double r = fmod(a, b);
    if (r) {
        if ((b < 0) != (r < 0))
            r += b;
    } else {
        r = __builtin_copysign(0.0, b);
    }
    return r;
}

RT_API double rt_float_floordiv(double a, double b) {
    if (b == 0) {
        rt_error(ZERO_DIVISION, "division by zero");
        return 0;
    }
    double r = fmod(a, b), div = (a - r) / b;
    if (r && (b < 0) != (r < 0))
        div -= 1.0;
    if (!div)
        return __builtin_copysign(0.0, a / b);
    double floor = __builtin_floor(div);
    if (div - floor > 0.5)
        floor += 1.0;
    return floor;
}

/* The C library's pow is the one that the sandbox's interpreters have. */
RT_API double rt_float_pow(double a, double b) {
    if (a == 0 || a != a || b != b || __builtin_fabs(a) == __builtin_inf() ||
        __builtin_fabs(b) == __builtin_inf()) {
        if (b == 0 || (a == 0 && b > 0))
            return b == 0 ? 1.0 : pow(a, b);
        rt_bail();
    }
    if (a < 0 && b != __builtin_floor(b))
        rt_bail(); /* complex */
    double r;
    if (b == 0.5 && square_root(a, &r))
        return r;
    r = pow(a, b);
    if (__builtin_fabs(r) == __builtin_inf())
        rt_bail();
    return r;
}

RT_API bool rt_compare_mixed(slot a, slot b, int32_t first_is_float, enum op op) {
    int64_t i = (int64_t)(first_is_float ? b : a);
    double f = to_double(first_is_float ? a : b);
    int32_t order; /* of the integer against the float */
    if (f != f)
        return op == OP_NE;
    if (f >= 9223372036854775808.0)
        order = -1;
    else if (f < -9223372036854775808.0)
        order = 1;
    else {
        int64_t whole = (int64_t)f;
        double rest = f - (double)whole;
        order = i < whole ? -1 : i > whole ? 1 : rest > 0 ? -1 : rest < 0 ? 1 : 0;
    }
    if (first_is_float)
        order = -order;
    switch (op) {
    case OP_EQ:
        return order == 0;
    case OP_NE:
        return order != 0;
    case OP_LT:
        return order < 0;
    case OP_LE:
        return order <= 0;
    case OP_GT:
        return order > 0;
    default:
        return order >= 0;
    }
}

RT_API int64_t rt_round(double value) {
    return rt_int_of_float(__builtin_rint(value));
}

RT_API int64_t rt_round_int(int64_t value, int64_t places) {
    if (places >= 0)
        return value;
    rt_bail();
}

/* sum() of numbers, which are floats with Neumaier's compensation once there was one. */
RT_API void *rt_sum(const struct list *l, const struct box *start) {
    bool is_float = KIND(start) == FLOAT;
    int64_t whole = is_float ? 0 : start->i;
    double sum = is_float ? start->f : 0, rest = 0;
    for (uint32_t i = 0; i < l->count; i++) {
        const struct box *box = to_pointer(l->slots[i]);
        uint32_t kind = box ? KIND(box) : 0;
        if (kind != FLOAT && kind != INT && kind != BOOL)
            rt_bail();
        /* How floats are added to larger ints depends on the C of the interpreter's build. */
        int64_t plain = kind == FLOAT ? whole : box->i;
        if ((is_float || kind == FLOAT) && plain != (int32_t)plain)
            rt_bail();
        if (!is_float) {
            is_float = kind == FLOAT;
            if (is_float)
                sum = (double)whole + box->f;
            else if (__builtin_add_overflow(whole, box->i, &whole))
                rt_bail();
            continue;
        }
        double value = kind == FLOAT ? box->f : (double)box->i, total = sum + value;
        if (__builtin_fabs(sum) >= __builtin_fabs(value))
            rest += (sum - total) + value;
        else
            rest += (value - total) + sum;
        sum = total;
    }
    if (!is_float)
        return rt_box_int(whole);
    /* The compensation is left out where it is not a number. */
    bool matters = rest && __builtin_fabs(rest) != __builtin_inf() && rest == rest;
    return rt_box_float(matters ? sum + rest : sum);
}

/* math: what is outside of a function's domain is left to the interpreter, with its message. */

static double in_domain(double r) {
    if (r != r || __builtin_fabs(r) == __builtin_inf())
        rt_bail();
    return r;
}

RT_API double rt_math_sqrt(double x) {
    if (!(x >= 0))
        rt_bail();
    return __builtin_sqrt(x);
}
RT_API int64_t rt_math_floor(double x) {
    return rt_int_of_float(__builtin_floor(x));
}
RT_API int64_t rt_math_ceil(double x) {
    return rt_int_of_float(__builtin_ceil(x));
}
RT_API int64_t rt_math_trunc(double x) {
    return rt_int_of_float(x);
}
RT_API double rt_math_fabs(double x) {
    return __builtin_fabs(x);
}
RT_API double rt_math_copysign(double x, double y) {
    return __builtin_copysign(x, y);
}
RT_API bool rt_math_isnan(double x) {
    return x != x;
}
RT_API bool rt_math_isinf(double x) {
    return __builtin_fabs(x) == __builtin_inf();
}
RT_API bool rt_math_isfinite(double x) {
    return x - x == 0;
}
RT_API double rt_math_radians(double x) {
    return x * (3.14159265358979323846 / 180.0);
}
RT_API double rt_math_degrees(double x) {
    return x * (180.0 / 3.14159265358979323846);
}
RT_API double rt_math_sin(double x) {
    return in_domain(sin(x));
}
RT_API double rt_math_cos(double x) {
    return in_domain(cos(x));
}
RT_API double rt_math_tan(double x) {
    return in_domain(tan(x));
}
RT_API double rt_math_asin(double x) {
    return in_domain(asin(x));
}
RT_API double rt_math_acos(double x) {
    return in_domain(acos(x));
}
RT_API double rt_math_atan(double x) {
    return in_domain(atan(x));
}
RT_API double rt_math_atan2(double y, double x) {
    if (y != y || x != x || __builtin_fabs(x) == __builtin_inf() ||
        __builtin_fabs(y) == __builtin_inf())
        rt_bail();
    return atan2(y, x);
}
RT_API double rt_math_exp(double x) {
    return in_domain(exp(x));
}
RT_API double rt_math_log(double x) {
    return in_domain(log(x));
}
RT_API double rt_math_log_of(double x, double base) {
    return in_domain(log(x) / in_domain(log(base)));
}
RT_API double rt_math_log2(double x) {
    return in_domain(log2(x));
}
RT_API double rt_math_log10(double x) {
    return in_domain(log10(x));
}
RT_API double rt_math_pow(double x, double y) {
    return rt_float_pow(x, y);
}

RT_API int64_t rt_math_gcd(int64_t a, int64_t b) {
    a = rt_abs(a);
    b = rt_abs(b);
    while (b) {
        int64_t r = a % b;
        a = b;
        b = r;
    }
    return a;
}
RT_API int64_t rt_math_lcm(int64_t a, int64_t b) {
    return a && b ? rt_abs(rt_mul(a / rt_math_gcd(a, b), b)) : 0;
}
RT_API int64_t rt_math_isqrt(int64_t x) {
    if (x < 0)
        rt_bail();
    int64_t r = (int64_t)__builtin_sqrt((double)x);
    while (r > 3037000499 || r * r > x)
        r--;
    while (r < 3037000499 && (r + 1) * (r + 1) <= x)
        r++;
    return r;
}
RT_API int64_t rt_math_factorial(int64_t n) {
    int64_t r = 1;
    if (n < 0)
        rt_bail();
    for (int64_t i = 2; i <= n; i++)
        r = rt_mul(r, i);
    return r;
}
RT_API int64_t rt_math_comb(int64_t n, int64_t k) {
    int64_t r = 1;
    if (n < 0 || k < 0)
        rt_bail();
    if (k > n)
        return 0;
    k = k > n - k ? n - k : k;
    for (int64_t i = 1; i <= k; i++) {
        int64_t g = rt_math_gcd(r, i);
        r = rt_mul(r / g, (n - k + i) / (i / g));
    }
    return r;
}
RT_API int64_t rt_math_perm(int64_t n, int64_t k) {
    int64_t r = 1;
    if (n < 0 || k < 0)
        rt_bail();
    for (int64_t i = 0; i < k; i++)
        r = i >= n ? 0 : rt_mul(r, n - i);
    return r;
}

/* Ranges. */

RT_API int64_t rt_range_count(int64_t start, int64_t stop, int64_t step) {
    if (step == 0) {
        rt_error(VALUE_ERROR, "range() arg 3 must not be zero");
        return 0;
    }
    if (step > 0 ? start >= stop : start <= stop)
        return 0;
    uint64_t distance =
        step > 0 ? (uint64_t)stop - (uint64_t)start : (uint64_t)start - (uint64_t)stop;
    uint64_t by = step > 0 ? (uint64_t)step : 0 - (uint64_t)step;
    uint64_t count = (distance - 1) / by + 1;
    if (count > INT64_MAX)
        rt_bail();
    return (int64_t)count;
}

RT_API struct range *rt_range_new(int64_t start, int64_t stop, int64_t step) {
    struct range *r = rt_new(sizeof(*r), RANGE);
    rt_range_count(start, stop, step);
    r->start = start;
    r->stop = stop;
    r->step = step;
    return r;
}

RT_API int64_t rt_range_len(const struct range *r) {
    return rt_range_count(r->start, r->stop, r->step);
}

RT_API int64_t rt_range_at(const struct range *r, int64_t index) {
    int64_t count = rt_range_len(r);
    if (index < 0)
        index += count;
    if (index < 0 || index >= count) {
        rt_error(INDEX_ERROR, "range object index out of range");
        return 0;
    }
    return r->start + index * r->step;
}

RT_API bool rt_range_has(const struct range *r, int64_t value) {
    if (r->step > 0 ? value < r->start || value >= r->stop : value > r->start || value <= r->stop)
        return false;
    return (value - r->start) % r->step == 0;
}
