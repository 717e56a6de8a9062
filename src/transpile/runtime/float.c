/*
 * Floats to text and back, exactly.
 *
 * repr() gives the shortest digits that read back as the same float, the nearest of those (Steele
 * and White; David Gay's rules for ties).  Floats that have 15 digits or fewer are found by a
 * multiplication; the others take integers of any size.  Formats with a precision round the exact
 * value half to even.  Reading divides integers of any size.
 */
#include "transpile/runtime/rt.h"

#define LIMBS 140

struct big {
    uint32_t count;
    uint32_t limbs[LIMBS];
};

static void big_set(struct big *b, uint64_t value) {
    b->limbs[0] = (uint32_t)value;
    b->limbs[1] = (uint32_t)(value >> 32);
    b->count = b->limbs[1] ? 2 : b->limbs[0] ? 1 : 0;
}

static void big_multiply(struct big *b, uint32_t by) {
    uint64_t carry = 0;
    for (uint32_t i = 0; i < b->count; i++) {
        carry += (uint64_t)b->limbs[i] * by;
        b->limbs[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry) {
        if (b->count == LIMBS)
            rt_bail();
        b->limbs[b->count++] = (uint32_t)carry;
    }
}

static void big_power(struct big *b, uint32_t exponent) {
    for (; exponent >= 9; exponent -= 9)
        big_multiply(b, 1000000000);
    uint32_t rest = 1;
    while (exponent--)
        rest *= 10;
    big_multiply(b, rest);
}

static void big_shift(struct big *b, uint32_t by) {
    uint32_t limbs = by / 32, bits = by % 32;
    if (!b->count)
        return;
    if (b->count + limbs + 1 > LIMBS)
        rt_bail();
    uint32_t carry = 0;
    for (uint32_t i = 0; i < b->count && bits; i++) {
        uint32_t next = b->limbs[i] >> (32 - bits);
        b->limbs[i] = b->limbs[i] << bits | carry;
        carry = next;
    }
    if (carry)
        b->limbs[b->count++] = carry;
    if (limbs) {
        for (uint32_t i = b->count; i-- > 0;)
            b->limbs[i + limbs] = b->limbs[i];
        for (uint32_t i = 0; i < limbs; i++)
            b->limbs[i] = 0;
        b->count += limbs;
    }
}

static int32_t big_compare(const struct big *a, const struct big *b) {
    if (a->count != b->count)
        return a->count < b->count ? -1 : 1;
    for (uint32_t i = a->count; i-- > 0;)
        if (a->limbs[i] != b->limbs[i])
            return a->limbs[i] < b->limbs[i] ? -1 : 1;
    return 0;
}

/* a -= b, which is not larger. */
static void big_subtract(struct big *a, const struct big *b) {
    uint64_t borrow = 0;
    for (uint32_t i = 0; i < a->count; i++) {
        uint64_t d = (uint64_t)a->limbs[i] - (i < b->count ? b->limbs[i] : 0) - borrow;
        a->limbs[i] = (uint32_t)d;
        borrow = d >> 63;
    }
    while (a->count && !a->limbs[a->count - 1])
        a->count--;
}

static void big_add(struct big *a, const struct big *b) {
    uint64_t carry = 0;
    for (uint32_t i = 0; i < b->count || carry; i++) {
        if (i == LIMBS)
            rt_bail();
        if (i == a->count)
            a->limbs[a->count++] = 0;
        carry += (uint64_t)a->limbs[i] + (i < b->count ? b->limbs[i] : 0);
        a->limbs[i] = (uint32_t)carry;
        carry >>= 32;
    }
}

/* a / b, which is below 10; a becomes the rest. */
static uint32_t big_digit(struct big *a, const struct big *b) {
    uint32_t digit = 0;
    while (big_compare(a, b) >= 0) {
        big_subtract(a, b);
        digit++;
    }
    return digit;
}

/* value = fraction * 2^exponent */
static uint64_t take_apart(double value, int32_t *ret_exponent) {
    uint64_t bits = of_double(value);
    uint64_t fraction = bits & 0xfffffffffffffu;
    int32_t exponent = (int32_t)(bits >> 52 & 0x7ff);
    if (exponent)
        fraction |= (uint64_t)1 << 52;
    else
        exponent = 1;
    *ret_exponent = exponent - 1075;
    return fraction;
}

/* An estimate of where the decimal point is, at most one too small. */
static int32_t estimate(uint64_t fraction, int32_t exponent) {
    int32_t bits = 64 - __builtin_clzll(fraction) + exponent - 1;
    double log = bits * 0.30102999566398114;
    int32_t floor = (int32_t)log;
    if (log < floor)
        floor--;
    return floor + 1;
}

/* A positive value as a ratio num / den in [0.1, 1), times 10^k; returns k.  `low` and `high` are
 * half the distances to the neighbours, in the same measure, where they are asked for. */
static int32_t scale(uint64_t fraction, int32_t exponent, struct big *num, struct big *den,
                     struct big *low, struct big *high) {
    bool boundary = fraction == (uint64_t)1 << 52 && exponent > -1074;
    int32_t k = estimate(fraction, exponent);
    uint32_t extra = boundary ? 2 : 1;
    big_set(num, fraction);
    big_set(den, 1);
    big_set(low, 1);
    big_shift(num, extra);
    big_shift(den, extra);
    if (exponent >= 0) {
        big_shift(num, (uint32_t)exponent);
        big_shift(low, (uint32_t)exponent);
    } else {
        big_shift(den, (uint32_t)-exponent);
    }
    if (k >= 0) {
        big_power(den, (uint32_t)k);
    } else {
        big_power(num, (uint32_t)-k);
        big_power(low, (uint32_t)-k);
    }
    *high = *low;
    if (boundary)
        big_shift(high, 1);
    return k;
}

/* The shortest digits; returns how many.  value = 0.d1d2d3... * 10^exponent */
static uint32_t shortest(double value, char *out, int32_t *ret_exponent) {
    int32_t exponent;
    uint64_t fraction = take_apart(value, &exponent);
    bool even = (fraction & 1) == 0;
    struct big r, s, low, high, sum;
    int32_t k = scale(fraction, exponent, &r, &s, &low, &high);
    sum = r;
    big_add(&sum, &high);
    int32_t above = big_compare(&sum, &s);
    if (above > 0 || (above == 0 && even)) {
        big_multiply(&s, 10);
        k++;
    }
    *ret_exponent = k;
    uint32_t count = 0;
    for (;;) {
        big_multiply(&r, 10);
        big_multiply(&low, 10);
        big_multiply(&high, 10);
        uint32_t digit = big_digit(&r, &s);
        int32_t j = big_compare(&r, &low);
        sum = r;
        big_add(&sum, &high);
        int32_t j1 = big_compare(&sum, &s);
        bool up = false, done = true;
        if (j1 == 0 && even) {
            up = j > 0;
        } else if (j < 0 || (j == 0 && even)) {
            if (r.count && j1 > 0) {
                big_shift(&r, 1);
                int32_t half = big_compare(&r, &s);
                up = half > 0 || (half == 0 && (digit & 1));
            }
        } else if (j1 > 0) {
            up = true;
        } else {
            done = false;
        }
        out[count++] = (char)('0' + digit + up);
        if (!done)
            continue;
        /* A nine that went up makes the digit before it go up. */
        while (out[count - 1] > '9') {
            count--;
            if (!count) {
                out[count++] = '1';
                ++*ret_exponent;
            } else {
                out[count - 1]++;
            }
        }
        return count;
    }
}

static double power_of_ten(int32_t exponent) {
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    return powers[exponent];
}

/* A value that is some integer below 10^15 over a power of ten: both are exact floats, so that
 * their quotient is the float nearest to those digits. */
static uint32_t short_digits(double value, char *out, int32_t *ret_exponent) {
    if (value < 1e-5 || value >= 1e15)
        return 0;
    for (int32_t places = 0; places <= 15; places++) {
        double scaled = value * power_of_ten(places);
        if (scaled >= 1e15)
            return 0;
        double whole = __builtin_rint(scaled);
        if (whole / power_of_ten(places) != value)
            continue;
        char digits[20];
        uint64_t rest = (uint64_t)whole;
        uint32_t count = 0, n = 0;
        while (rest) {
            digits[count++] = (char)('0' + rest % 10);
            rest /= 10;
        }
        *ret_exponent = (int32_t)count - places;
        while (n < count) {
            out[n] = digits[count - 1 - n];
            n++;
        }
        while (n > 1 && out[n - 1] == '0')
            n--;
        return n;
    }
    return 0;
}

struct str *rt_float_special(double value) {
    if (value != value)
        return rt_str_ascii("nan");
    if (value == __builtin_inf())
        return rt_str_ascii("inf");
    if (value == -__builtin_inf())
        return rt_str_ascii("-inf");
    return NULL;
}

static void put_exponent(struct str *s, int32_t exponent) {
    rt_str_put(s, 'e');
    rt_str_put(s, exponent < 0 ? '-' : '+');
    if (exponent < 0)
        exponent = -exponent;
    if (exponent >= 100)
        rt_str_put(s, (uint8_t)('0' + exponent / 100));
    rt_str_put(s, (uint8_t)('0' + exponent / 10 % 10));
    rt_str_put(s, (uint8_t)('0' + exponent % 10));
}

/* Digits with the point after `point` of them, at least `places` after it. */
void rt_put_fixed(struct str *s, const char *digits, uint32_t count, int32_t point,
                  uint32_t places) {
    for (int32_t i = 0; i < point || i == 0; i++)
        rt_str_put(s, i < point && i < (int32_t)count ? (uint8_t)digits[i] : '0');
    if (!places && (int32_t)count <= point)
        return;
    uint32_t after = (int32_t)count > point ? (uint32_t)((int32_t)count - point) : 0;
    if (after < places)
        after = places;
    if (after)
        rt_str_put(s, '.');
    for (int32_t i = point; i < point + (int32_t)after; i++)
        rt_str_put(s, i >= 0 && i < (int32_t)count ? (uint8_t)digits[i] : '0');
}

void rt_put_scientific(struct str *s, const char *digits, uint32_t count, int32_t point) {
    rt_str_put(s, (uint8_t)digits[0]);
    if (count > 1)
        rt_str_put(s, '.');
    for (uint32_t i = 1; i < count; i++)
        rt_str_put(s, (uint8_t)digits[i]);
    put_exponent(s, point - 1);
}

struct str *rt_float_repr(double value) {
    char digits[32];
    int32_t point = 1;
    uint32_t count = 1;
    struct str *s = rt_float_special(value);
    if (s)
        return s;
    s = rt_str_room(24);
    if (of_double(value) >> 63)
        rt_str_put(s, '-');
    value = __builtin_fabs(value);
    if (value == 0)
        digits[0] = '0';
    else if (!(count = short_digits(value, digits, &point)))
        count = shortest(value, digits, &point);
    if (point > 16 || point < -3)
        rt_put_scientific(s, digits, count, point);
    else
        rt_put_fixed(s, digits, count, point, 1);
    return s;
}

/* `count` digits of a positive value, rounded half to even; or so many after the point. */
uint32_t rt_float_digits(double value, int32_t digits, bool significant, char *out,
                         int32_t *ret_exponent) {
    int32_t exponent;
    if (value == 0) {
        uint32_t n = significant ? (uint32_t)digits : (uint32_t)digits + 1;
        for (uint32_t i = 0; i < n; i++)
            out[i] = '0';
        *ret_exponent = 1;
        return n;
    }
    uint64_t fraction = take_apart(value, &exponent);
    struct big r, s, low, high;
    int32_t k = scale(fraction, exponent, &r, &s, &low, &high);
    if (big_compare(&r, &s) >= 0) {
        big_multiply(&s, 10);
        k++;
    }
    int32_t n = significant ? digits : k + digits;
    if (n < 0) {
        *ret_exponent = -digits;
        return 0;
    }
    for (int32_t i = 0; i < n; i++) {
        big_multiply(&r, 10);
        out[i] = (char)('0' + big_digit(&r, &s));
    }
    big_shift(&r, 1);
    int32_t half = big_compare(&r, &s);
    bool up = half > 0 || (half == 0 && n > 0 && ((out[n - 1] - '0') & 1));
    int32_t i = n;
    while (up && i > 0) {
        if (out[--i] != '9') {
            out[i]++;
            up = false;
        } else {
            out[i] = '0';
        }
    }
    if (up) { /* all nines, or no digit at all: a one before them */
        k++;
        if (!significant)
            n++;
        for (i = n; i-- > 1;)
            out[i] = out[i - 1];
        if (n > 0)
            out[0] = '1';
    }
    *ret_exponent = k;
    return (uint32_t)n;
}

/* Reading. */

static double ratio(struct big *num, struct big *den) {
    /* Shift until the quotient has 64 bits or so, divide bit by bit, round half to even. */
    int32_t shift = 0;
    int32_t bits =
        (int32_t)(num->count * 32 - (uint32_t)__builtin_clz(num->limbs[num->count - 1])) -
        (int32_t)(den->count * 32 - (uint32_t)__builtin_clz(den->limbs[den->count - 1]));
    shift = bits; /* 2^(shift-1) < num/den < 2^(shift+1) */
    int32_t lowest = -1074, want = 55;
    int32_t exponent = shift - want; /* of the quotient's last bit */
    if (exponent < lowest - 1)
        exponent = lowest - 1;
    if (exponent > 0)
        big_shift(den, (uint32_t)exponent);
    else
        big_shift(num, (uint32_t)-exponent);
    uint64_t quotient = 0;
    for (int32_t i = 57; i >= 0; i--) {
        struct big part = *den;
        if (part.count * 32 + (uint32_t)i > (num->count + 3) * 32)
            continue;
        big_shift(&part, (uint32_t)i);
        if (big_compare(num, &part) >= 0) {
            big_subtract(num, &part);
            quotient |= (uint64_t)1 << i;
        }
    }
    bool sticky = num->count != 0;
    if (!quotient)
        return 0;
    int32_t have = 64 - __builtin_clzll(quotient), drop = have - 53;
    if (exponent + drop < lowest)
        drop = lowest - exponent;
    if (drop > 0) {
        uint64_t rest = quotient & (((uint64_t)1 << drop) - 1), half = (uint64_t)1 << (drop - 1);
        quotient >>= drop;
        exponent += drop;
        if (rest > half || (rest == half && (sticky || (quotient & 1))))
            quotient++;
    }
    double value = (double)quotient;
    for (; exponent > 0; exponent -= 1)
        value *= 2;
    for (; exponent < 0; exponent += 1) {
        if (exponent < -1000 && value >= 4503599627370496.0) {
            value *= 0x1p-512;
            exponent += 511;
            continue;
        }
        value *= 0.5;
    }
    return value;
}

static bool is_space(uint8_t c) {
    return c == ' ' || (c >= 9 && c <= 13);
}

static bool is_word(const uint8_t *s, uint32_t size, const char *word) {
    uint32_t n = (uint32_t)__builtin_strlen(word);
    if (size != n)
        return false;
    for (uint32_t i = 0; i < n; i++)
        if ((s[i] | 0x20) != (uint8_t)word[i])
            return false;
    return true;
}

bool rt_float_parse(const uint8_t *s, uint32_t size, double *ret) {
    while (size && is_space(*s))
        s++, size--;
    while (size && is_space(s[size - 1]))
        size--;
    bool negative = size && *s == '-';
    if (size && (*s == '-' || *s == '+'))
        s++, size--;
    double value = 0;
    if (is_word(s, size, "inf") || is_word(s, size, "infinity")) {
        value = __builtin_inf();
    } else if (is_word(s, size, "nan")) {
        value = __builtin_nan("");
    } else {
        struct big num, den;
        uint64_t small = 0;
        int64_t exponent = 0;
        uint32_t digits = 0, seen = 0, i = 0;
        bool point = false;
        big_set(&num, 0);
        for (; i < size; i++) {
            if (s[i] == '.' && !point) {
                point = true;
                continue;
            }
            if (s[i] == '_')
                rt_bail();
            if (s[i] < '0' || s[i] > '9')
                break;
            seen++;
            exponent -= point;
            if (!digits && s[i] == '0')
                continue;
            if (++digits > 400)
                rt_bail();
            if (digits <= 18)
                small = small * 10 + (uint64_t)(s[i] - '0');
            struct big one;
            big_multiply(&num, 10);
            big_set(&one, (uint64_t)(s[i] - '0'));
            big_add(&num, &one);
        }
        if (!seen)
            return false;
        if (i < size && (s[i] | 0x20) == 'e') {
            int64_t e = 0;
            bool minus = ++i < size && s[i] == '-';
            if (i < size && (s[i] == '-' || s[i] == '+'))
                i++;
            if (i == size)
                return false;
            for (; i < size && s[i] >= '0' && s[i] <= '9'; i++)
                e = e > 100000 ? e : e * 10 + (s[i] - '0');
            exponent += minus ? -e : e;
        }
        if (i != size)
            return false;
        if (!digits) {
            value = 0;
        } else if (digits <= 15 && exponent >= -22 && exponent <= 22) {
            value = exponent < 0 ? (double)small / power_of_ten((int32_t)-exponent)
                                 : (double)small * power_of_ten((int32_t)exponent);
        } else if ((int64_t)digits + exponent > 310) {
            value = __builtin_inf();
        } else if ((int64_t)digits + exponent < -330) {
            value = 0;
        } else {
            big_set(&den, 1);
            if (exponent >= 0)
                big_power(&num, (uint32_t)exponent);
            else
                big_power(&den, (uint32_t)-exponent);
            value = ratio(&num, &den);
        }
    }
    *ret = negative ? -value : value;
    return true;
}

/* round(value, places): the decimal with so many places that is nearest to the exact value. */
RT_API double rt_round_to(double value, int64_t places) {
    char digits[400];
    int32_t point;
    if (value != value || __builtin_fabs(value) == __builtin_inf() || value == 0 || places > 300)
        return value;
    if (places < -300)
        return value < 0 ? -0.0 : 0.0;
    if (__builtin_fabs(value) >= 1e22 && places >= 0)
        return value;
    if (places > 22 + 17 || places < -22)
        rt_bail();
    uint32_t count = rt_float_digits(__builtin_fabs(value), (int32_t)places, false, digits, &point);
    struct big num, den, one;
    big_set(&num, 0);
    big_set(&den, 1);
    for (uint32_t i = 0; i < count; i++) {
        big_multiply(&num, 10);
        big_set(&one, (uint64_t)(digits[i] - '0'));
        big_add(&num, &one);
    }
    double rounded = 0;
    if (num.count) {
        if (places >= 0)
            big_power(&den, (uint32_t)places);
        else
            big_power(&num, (uint32_t)-places);
        rounded = ratio(&num, &den);
    }
    return value < 0 ? -rounded : rounded;
}
