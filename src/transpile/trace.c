/*
 * What a traceback shows of each place where a program can raise.
 *
 * The runtime remembers the numbers of the places that an exception comes past, and prints for each
 *
 *       File "example.py", line 3, in f
 *         return g(x) + 1
 *                ~^^^
 *
 * of which all below the first line is made here, once, when everything is generated: it is
 * constant, and code that is not in the runtime need not be compiled by anyone.
 *
 * What is shown are the lines of the instruction that raised, dedented, with carets below it unless
 * it is all that is there; of an operator, a call or an element the part that says what was done is
 * marked `^`, its operands `~`.  The rules are those of CPython 3.13 to 3.15 (Lib/traceback.py),
 * byte for byte, down to what they do with lines in which nothing stands.
 */
#include "transpile/gen.h"

#include "base/utf8.h"

struct g_place {
    struct pa_place at;
    struct pa_anchor anchor;
    const char *function;
};

/* Characters that take two columns: East Asian Width W and F of Unicode 17. */
static const struct {
    uint32_t first, last;
} wide[] = {
    {0x1100, 0x115f},   {0x231a, 0x231b},   {0x2329, 0x232a},   {0x23e9, 0x23ec},
    {0x23f0, 0x23f0},   {0x23f3, 0x23f3},   {0x25fd, 0x25fe},   {0x2614, 0x2615},
    {0x2630, 0x2637},   {0x2648, 0x2653},   {0x267f, 0x267f},   {0x268a, 0x268f},
    {0x2693, 0x2693},   {0x26a1, 0x26a1},   {0x26aa, 0x26ab},   {0x26bd, 0x26be},
    {0x26c4, 0x26c5},   {0x26ce, 0x26ce},   {0x26d4, 0x26d4},   {0x26ea, 0x26ea},
    {0x26f2, 0x26f3},   {0x26f5, 0x26f5},   {0x26fa, 0x26fa},   {0x26fd, 0x26fd},
    {0x2705, 0x2705},   {0x270a, 0x270b},   {0x2728, 0x2728},   {0x274c, 0x274c},
    {0x274e, 0x274e},   {0x2753, 0x2755},   {0x2757, 0x2757},   {0x2795, 0x2797},
    {0x27b0, 0x27b0},   {0x27bf, 0x27bf},   {0x2b1b, 0x2b1c},   {0x2b50, 0x2b50},
    {0x2b55, 0x2b55},   {0x2e80, 0x2e99},   {0x2e9b, 0x2ef3},   {0x2f00, 0x2fd5},
    {0x2ff0, 0x303e},   {0x3041, 0x3096},   {0x3099, 0x30ff},   {0x3105, 0x312f},
    {0x3131, 0x318e},   {0x3190, 0x31e5},   {0x31ef, 0x321e},   {0x3220, 0x3247},
    {0x3250, 0xa48c},   {0xa490, 0xa4c6},   {0xa960, 0xa97c},   {0xac00, 0xd7a3},
    {0xf900, 0xfaff},   {0xfe10, 0xfe19},   {0xfe30, 0xfe52},   {0xfe54, 0xfe66},
    {0xfe68, 0xfe6b},   {0xff01, 0xff60},   {0xffe0, 0xffe6},   {0x16fe0, 0x16fe4},
    {0x16ff0, 0x16ff6}, {0x17000, 0x18cd5}, {0x18cff, 0x18d1e}, {0x18d80, 0x18df2},
    {0x1aff0, 0x1aff3}, {0x1aff5, 0x1affb}, {0x1affd, 0x1affe}, {0x1b000, 0x1b122},
    {0x1b132, 0x1b132}, {0x1b150, 0x1b152}, {0x1b155, 0x1b155}, {0x1b164, 0x1b167},
    {0x1b170, 0x1b2fb}, {0x1d300, 0x1d356}, {0x1d360, 0x1d376}, {0x1f004, 0x1f004},
    {0x1f0cf, 0x1f0cf}, {0x1f18e, 0x1f18e}, {0x1f191, 0x1f19a}, {0x1f200, 0x1f202},
    {0x1f210, 0x1f23b}, {0x1f240, 0x1f248}, {0x1f250, 0x1f251}, {0x1f260, 0x1f265},
    {0x1f300, 0x1f320}, {0x1f32d, 0x1f335}, {0x1f337, 0x1f37c}, {0x1f37e, 0x1f393},
    {0x1f3a0, 0x1f3ca}, {0x1f3cf, 0x1f3d3}, {0x1f3e0, 0x1f3f0}, {0x1f3f4, 0x1f3f4},
    {0x1f3f8, 0x1f43e}, {0x1f440, 0x1f440}, {0x1f442, 0x1f4fc}, {0x1f4ff, 0x1f53d},
    {0x1f54b, 0x1f54e}, {0x1f550, 0x1f567}, {0x1f57a, 0x1f57a}, {0x1f595, 0x1f596},
    {0x1f5a4, 0x1f5a4}, {0x1f5fb, 0x1f64f}, {0x1f680, 0x1f6c5}, {0x1f6cc, 0x1f6cc},
    {0x1f6d0, 0x1f6d2}, {0x1f6d5, 0x1f6d8}, {0x1f6dc, 0x1f6df}, {0x1f6eb, 0x1f6ec},
    {0x1f6f4, 0x1f6fc}, {0x1f7e0, 0x1f7eb}, {0x1f7f0, 0x1f7f0}, {0x1f90c, 0x1f93a},
    {0x1f93c, 0x1f945}, {0x1f947, 0x1f9ff}, {0x1fa70, 0x1fa7c}, {0x1fa80, 0x1fa8a},
    {0x1fa8e, 0x1fac6}, {0x1fac8, 0x1fac8}, {0x1facd, 0x1fadc}, {0x1fadf, 0x1faea},
    {0x1faef, 0x1faf8}, {0x20000, 0x2fffd}, {0x30000, 0x3fffd},
};

static size_t columns_of(uint32_t c) {
    size_t low = 0, high = PA_ARRAY_LEN(wide);
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (c > wide[middle].last)
            low = middle + 1;
        else
            high = middle;
    }
    return low < PA_ARRAY_LEN(wide) && c >= wide[low].first ? 2 : 1;
}

/* Columns of the screen that the first `size` bytes of a text take. */
static size_t width(const char *text, size_t size) {
    size_t columns = 0;
    for (size_t i = 0; i < size;) {
        size_t n = pa_utf8_sequence((const uint8_t *)text + i, size - i);
        uint32_t c = (uint8_t)text[i];
        if (n > 1) {
            c &= 0xffu >> (n + 1);
            for (size_t k = 1; k < n; k++)
                c = c << 6 | ((uint8_t)text[i + k] & 0x3f);
        }
        columns += c < 0x80 ? 1 : columns_of(c);
        i += n ? n : 1;
    }
    return columns;
}

/* Lines, as many as there are: of the source, or made. */
struct line {
    const char *text;
    size_t size;
};

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\v';
}

static size_t indent_of(struct line line) {
    size_t n = 0;
    while (n < line.size && is_space(line.text[n]))
        n++;
    return n;
}

/* Takes away what all lines begin with, if it is nothing but spaces and tabs, and empties lines
 * with nothing else.  How much that is. */
static size_t dedent(struct line *lines, size_t count) {
    const struct line *first = NULL;
    size_t margin = 0;
    for (size_t i = 0; i < count; i++) {
        size_t indent = indent_of(lines[i]), same = 0;
        if (indent == lines[i].size) {
            lines[i].size = 0;
            continue;
        }
        if (!first) {
            first = &lines[i];
            margin = indent;
        }
        while (same < margin && same < indent && lines[i].text[same] == first->text[same])
            same++;
        margin = same;
    }
    for (size_t i = 0; i < count; i++)
        if (lines[i].size) {
            lines[i].text += margin;
            lines[i].size -= margin;
        }
    return margin;
}

/* A place as it is shown: its lines, and where in them what is. */
struct view {
    struct line *lines;
    size_t count;
    size_t start, end;        /* bytes, in the first line and in the last */
    size_t left_line, left;   /* the anchor's, in bytes */
    size_t right_line, right; /* exclusive */
    bool anchored, carets;
};

static size_t less(uint32_t column, size_t margin) {
    return column > margin ? column - margin : 0;
}

static void look(const struct g_gen *g, const struct g_place *place, struct view *v) {
    v->count = place->at.end_line - place->at.line + 1;
    v->lines = pa_tree_alloc(g->tree, v->count * sizeof(*v->lines));
    for (size_t i = 0; i < v->count; i++) {
        uint32_t number = place->at.line + (uint32_t)i;
        const char *text = g->tree->source + g->line_starts[number - 1];
        size_t size = g->line_starts[number] - g->line_starts[number - 1];
        while (size && (text[size - 1] == '\n' || text[size - 1] == '\r'))
            size--;
        v->lines[i] = (struct line){text, size};
    }
    size_t margin = dedent(v->lines, v->count);
    struct line last = v->lines[v->count - 1];
    v->start = PA_MIN(less(place->at.column, margin), v->lines[0].size);
    v->end = PA_MIN(less(place->at.end_column, margin), last.size);
    v->anchored = place->anchor.kind != PA_ANCHOR_NONE;
    if (!v->anchored)
        return;
    v->left_line = place->anchor.line - place->at.line;
    v->left = less(place->anchor.column, margin);
    v->right_line = place->anchor.length ? v->left_line : v->count - 1;
    v->right = place->anchor.length ? v->left + place->anchor.length : v->end;
}

static bool is_name_byte(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (uint8_t)c >= 0x80;
}

/* The statement is `return f(...)` or `name = f(...)` and the call is all of it: then nothing needs
 * to be pointed at. */
static bool is_whole_statement(const struct g_place *place, const struct view *v) {
    struct line before = {v->lines[0].text, v->start}, after = v->lines[v->count - 1];
    size_t parentheses = 0, name = 0;
    if (place->anchor.kind != PA_ANCHOR_CALL && place->anchor.kind != PA_ANCHOR_CALL_OF_NAME)
        return false;
    after.text += v->end;
    after.size -= v->end;
    while (before.size &&
           (is_space(before.text[before.size - 1]) || before.text[before.size - 1] == '('))
        parentheses += before.text[--before.size] == '(';
    while (name < before.size && is_name_byte(before.text[name]))
        name++;
    if (name == before.size) {
        if (place->anchor.kind != PA_ANCHOR_CALL_OF_NAME || name != 6 ||
            memcmp(before.text, "return", 6) != 0)
            return false;
    } else {
        struct line sign = {before.text + name, before.size - name};
        size_t spaces = indent_of(sign);
        if (!name || sign.size != spaces + 1 || sign.text[spaces] != '=')
            return false;
    }
    for (;;) {
        size_t spaces = indent_of(after);
        after.text += spaces;
        after.size -= spaces;
        if (!after.size || *after.text == '#' || *after.text == ';')
            return !parentheses;
        if (*after.text != ')' || !parentheses--)
            return false;
        after.text++;
        after.size--;
    }
}

static bool wants_carets(const struct g_place *place, const struct view *v) {
    struct line last = v->lines[v->count - 1];
    if (is_whole_statement(place, v))
        return false;
    if (v->anchored || indent_of((struct line){v->lines[0].text, v->start}) < v->start)
        return true;
    struct line after = {last.text + v->end, last.size - v->end};
    return indent_of(after) < after.size;
}

/* The carets below a line; in the tree's memory. */
static struct line carets_below(const struct g_gen *g, const struct view *v, size_t at) {
    struct line line = v->lines[at];
    size_t count = width(line.text, at == v->count - 1 ? v->end : line.size);
    size_t from = indent_of(line);
    size_t left = v->anchored ? width(v->lines[v->left_line].text, v->left) : 0;
    size_t right = v->anchored ? width(v->lines[v->right_line].text, v->right) : 0;
    char *text = pa_tree_alloc(g->tree, count + 1);
    if (at == 0)
        from = PA_MAX(from, width(line.text, v->start));
    for (size_t i = 0; i < count; i++) {
        bool inside = v->anchored && (at > v->left_line || (at == v->left_line && i >= left)) &&
                      (at < v->right_line || (at == v->right_line && i < right));
        text[i] = i < from ? ' ' : v->anchored && !inside ? '~' : '^';
    }
    return (struct line){text, count};
}

static bool is_near(size_t line, size_t other) {
    return line + 1 >= other && line <= other + 1;
}

/* First, last, and what is around the anchor's ends; what is between them is counted. */
static bool is_shown(const struct view *v, size_t line) {
    return line == 0 || line == v->count - 1 ||
           (v->anchored && (is_near(line, v->left_line) || is_near(line, v->right_line)));
}

static void put_lines(struct line *lines, size_t count, struct pa_buf *out) {
    dedent(lines, count);
    for (size_t i = 0; i < count; i++) {
        pa_buf_append_text(out, "    ");
        pa_buf_append(out, lines[i].text, lines[i].size);
        pa_buf_append(out, "\n", 1);
    }
}

static void put_place(const struct g_gen *g, const struct g_place *place, struct pa_buf *out) {
    struct view v = {0};
    look(g, place, &v);
    if (!v.lines[0].size && v.count == 1)
        return;
    v.carets = wants_carets(place, &v);
    struct line shown[64]; /* at most 8 lines are significant, 7 between two of them */
    size_t count = 0, skipped = 0;
    for (size_t i = 0; i < v.count; i++) {
        if (!is_shown(&v, i)) {
            skipped++;
            continue;
        }
        if (skipped > 1) {
            char *text = pa_tree_alloc(g->tree, 40);
            int n = snprintf(text, 40, "...<%zu lines>...", skipped);
            shown[count++] = (struct line){text, (size_t)n};
        }
        for (size_t k = skipped == 1 ? i - 1 : i; k <= i; k++) {
            shown[count++] = v.lines[k];
            if (v.carets)
                shown[count++] = carets_below(g, &v, k);
        }
        skipped = 0;
    }
    put_lines(shown, count, out);
}

/* While generating. */

/* A method's call over several lines is where the method's name is. */
static struct pa_place place_of(const struct pa_node *node) {
    struct pa_place place = node->place;
    if (node->kind == PA_N_CALL && node->a->kind == PA_N_ATTRIBUTE &&
        node->a->place.end_line != place.line) {
        place.line = node->a->place.end_line;
        place.column = node->a->place.end_column - (uint32_t)strlen(node->a->str);
    }
    return place;
}

uint32_t g_place(struct g_fn *f, const struct pa_node *node) {
    struct g_gen *g = f->g;
    struct g_place place = {place_of(node), node->anchor, "<module>"};
    if (f->inner)
        place.function = f->inner->name;
    else if (f->in->function)
        place.function = f->in->function->name;
    size_t count = g->places.size / sizeof(place);
    const struct g_place *last = (const struct g_place *)(const void *)g->places.data;
    if (count && memcmp(last + count - 1, &place, sizeof(place)) == 0)
        return (uint32_t)count - 1;
    pa_buf_append(&g->places, &place, sizeof(place));
    return (uint32_t)count;
}

/* At the end. */

uint32_t g_places(struct g_gen *g) {
    const struct g_place *places = (const struct g_place *)(const void *)g->places.data;
    size_t count = g->places.size / sizeof(*places);
    uint32_t(*table)[4] = pa_tree_alloc(g->tree, (count + 1) * sizeof(*table));
    struct pa_buf text = PA_BUF_INIT(1u << 20);
    for (size_t i = 0; i < count; i++) {
        pa_buf_clear(&text);
        put_place(g, &places[i], &text);
        table[i][0] = places[i].at.line;
        table[i][1] = g_string(g, places[i].function, strlen(places[i].function));
        table[i][2] = g_data(g, text.data, text.size);
        table[i][3] = (uint32_t)text.size;
    }
    pa_buf_done(&text);
    return g_data(g, table, count * sizeof(*table));
}
