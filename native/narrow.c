/* names.narrowed_alone of masking/detect/names.py for ASCII values: what of a name that the tagger found is one.

   Written out by hand for what its patterns mean of ASCII text; every test of the two together draws values for that. */
#include "scan.h"

#define FIGURES_MAX 8
#define TAIL_MIN 5
#define TAIL_MAX 40
#define FILE_ENDING_MAX 5
#define KNOWN 15 /* flags of the gazetteer: given name, surname, place, country */

static int alnum(unsigned char c)
{
    return is_letter(c) || is_digit(c);
}

static int wordly(unsigned char c)
{
    return alnum(c) || c == '_';
}

/* Where the regular expressions' $ holds. */
static int at_end(const unsigned char *s, Py_ssize_t n, Py_ssize_t i)
{
    return i == n || (i == n - 1 && s[i] == '\n');
}

/* _WORDED at *i*: where its match ends, -1: it does not begin here. */
static Py_ssize_t worded_at(const unsigned char *s, Py_ssize_t n, Py_ssize_t i)
{
    if (i >= n || !is_letter(s[i]))
        return -1;
    if (i == 0 || !alnum(s[i - 1])) {
        Py_ssize_t at = i, word;
        while (at + 1 < n && is_letter(s[at]) && s[at + 1] == '.')
            at += 2;
        for (word = at; at < n && is_letter(s[at]); at++)
            ;
        if (at - word >= 2 && (at == n || !wordly(s[at]))) {
            while (at + 1 < n && (s[at] == '\'' || s[at] == '.' || s[at] == '-') && is_letter(s[at + 1]))
                for (at += 2; at < n && is_letter(s[at]); at++)
                    ;
            return at;
        }
    }
    if (i + 1 < n && s[i + 1] == '.' && ((i + 2 < n && is_letter(s[i + 2])) || (i + 3 < n && s[i + 2] == ' ' && is_letter(s[i + 3]))))
        return i + 2;
    return -1;
}

/* The first match of _WORDED from *from* on: where it begins, -1: there is none; *end*: where it ends. */
static Py_ssize_t worded(const unsigned char *s, Py_ssize_t n, Py_ssize_t from, Py_ssize_t *end)
{
    for (Py_ssize_t i = from; i < n; i++)
        if ((*end = worded_at(s, n, i)) >= 0)
            return i;
    return -1;
}

/* Of the tail's pieces that are none of a code: a house number. */
static int is_house_number(const unsigned char *s, Py_ssize_t n, Py_ssize_t i)
{
    Py_ssize_t at = i;
    while (at < n && at - i < 6 && is_digit(s[at]))
        at++;
    if (at == i)
        return 0;
    for (int more = at < n && is_letter(s[at]); more >= 0; more--) {
        Py_ssize_t next = at + more;
        if (at_end(s, n, next) || s[next] == ' ' || s[next] == ',' || s[next] == '-')
            return 1;
    }
    return 0;
}

/* [A-Z]{1,2}\d[A-Z\d]? ?(?:\d[A-Z]{2})?$ */
static int is_postcode(const unsigned char *s, Py_ssize_t n, Py_ssize_t i)
{
    for (int first = 2; first > 0; first--) {
        Py_ssize_t at = i + first;
        if (at >= n || !is_upper(s[i]) || (first == 2 && !is_upper(s[i + 1])) || !is_digit(s[at]))
            continue;
        at++;
        for (int more = at < n && (is_upper(s[at]) || is_digit(s[at])); more >= 0; more--)
            for (int space = at + more < n && s[at + more] == ' '; space >= 0; space--) {
                Py_ssize_t last = at + more + space;
                if (at_end(s, n, last)
                    || (last + 2 < n && is_digit(s[last]) && is_upper(s[last + 1]) && is_upper(s[last + 2]) && at_end(s, n, last + 3)))
                    return 1;
            }
    }
    return 0;
}

/* [A-Z]\d[A-Z] ?\d[A-Z]\d$ */
static int is_canadian(const unsigned char *s, Py_ssize_t n, Py_ssize_t i)
{
    if (i + 2 >= n || !is_upper(s[i]) || !is_digit(s[i + 1]) || !is_upper(s[i + 2]))
        return 0;
    i += 3;
    i += i < n && s[i] == ' ';
    return i + 2 < n && is_digit(s[i]) && is_upper(s[i + 1]) && is_digit(s[i + 2]) && at_end(s, n, i + 3);
}

/* Whether _CODE_TAIL is found. */
static int has_code_tail(const unsigned char *s, Py_ssize_t n)
{
    Py_ssize_t end = n && s[n - 1] == '\n' ? n - 1 : n, at = end;
    int digits = 0;
    /* Backwards: all behind *at* is of the tail's characters. */
    for (; at > 0 && end - at <= TAIL_MAX; at--) {
        unsigned char before = s[at - 1];
        if (digits && end - at >= TAIL_MIN && (before == ' ' || before == ',' || before == '.') && !is_house_number(s, n, at)
            && !is_postcode(s, n, at) && !is_canadian(s, n, at))
            return 1;
        if (!wordly(before) && before != '.' && before != '-')
            return 0;
        digits = digits || is_digit(before);
    }
    return 0;
}

typedef struct {
    int upper, lower, title, space, line, letters_only; /* upper, lower: there are some; title: str.istitle */
} Look;

static Look look_at(const unsigned char *s, Py_ssize_t n)
{
    Look look = {.title = 1, .letters_only = n > 0};
    int cased = 0;
    for (Py_ssize_t i = 0; i < n; i++) {
        if (is_upper(s[i])) {
            look.upper = 1;
            look.title = look.title && !cased;
            cased = 1;
        } else if (is_lower(s[i])) {
            look.lower = 1;
            look.title = look.title && cased;
            cased = 1;
        } else {
            cased = 0;
            look.letters_only = 0;
            look.space = look.space || s[i] == ' ';
            look.line = look.line || s[i] == '\n';
        }
    }
    look.title = look.title && (look.upper || look.lower);
    return look;
}

/* Whether the capital at *i*, which a small letter stands before, is one that a name has inside. */
static int is_inner_capital(const unsigned char *s, Py_ssize_t i)
{
    static const char *const first[] = {"Mc", "Mac", "De", "Di", "Du", "La", "Le", "Van", "Fitz"};
    for (size_t k = 0; k < sizeof first / sizeof *first; k++)
        if ((size_t)i == strlen(first[k]) && memcmp(s, first[k], (size_t)i) == 0)
            return 1;
    return i >= 3 && s[i - 2] == 'M' && s[i - 1] == 'c' && (s[i - 3] == '-' || s[i - 3] == '\'');
}

/* names._is_identifier */
static int is_identifier(const unsigned char *s, Py_ssize_t n, const Look *look)
{
    if (look->space || look->line || look->title)
        return 0;
    for (Py_ssize_t i = 1; i < n; i++) {
        if (is_upper(s[i]) && is_lower(s[i - 1]) && !is_inner_capital(s, i))
            return 1;
        if (i >= 3 && is_lower(s[i]) && is_lower(s[i - 1]) && is_upper(s[i - 2]) && is_upper(s[i - 3]))
            return 1;
    }
    Py_ssize_t at = n;
    while (at > 0 && is_lower(s[at - 1]))
        at--;
    return n - at >= 1 && n - at <= FILE_ENDING_MAX && at >= 2 && s[at - 1] == '.' && wordly(s[at - 2]);
}

/* names._is_listing */
static int is_listing(const Scanner *self, const unsigned char *s, const unsigned char *low, Py_ssize_t n, const Look *look)
{
    if (look->letters_only || n > self->line_max)
        return 0;
    if (look->line && look->lower && !look->upper)
        return 1;
    for (Py_ssize_t i = 0; i + 2 < n; i++)
        if (s[i] == ' ' && s[i + 1] == '-' && (i == 0 || is_lower(s[i - 1]))
            && (is_letter(s[i + 2]) || (s[i + 2] == '-' && i + 3 < n && is_letter(s[i + 3]))))
            return 1;
    for (Py_ssize_t i = 0, word; i < n; i++) {
        for (word = i; i < n && is_letter(s[i]); i++)
            ;
        if (i > word && !words_hold(self, &self->no_names, low + word, i - word))
            return 0;
    }
    return 1;
}

/* 1: the part *start* … *end* of the value is a name (*doubtful*: unless it alone is in capitals); 0: nothing of it is. */
int narrow_alone(const Scanner *self, const unsigned char *s, const unsigned char *low, Py_ssize_t n, int after_alnum, int before_alnum,
                 Py_ssize_t *start, Py_ssize_t *end, int *doubtful)
{
    Look look = look_at(s, n);
    *start = 0, *end = n, *doubtful = 0;
    if (!look.letters_only || n < 2) {
        Py_ssize_t stop, first = worded(s, n, 0, &stop);
        if (first < 0)
            return 0;
        if (first > FIGURES_MAX || after_alnum)
            *start = first;
        s += *start, low += *start, n -= *start;
        if (before_alnum || has_code_tail(s, n)) {
            Py_ssize_t last = 0;
            for (Py_ssize_t from = 0; worded(s, n, from, &stop) >= 0; from = stop)
                last = stop;
            n = last;
        }
        *end = *start + n;
        look = look_at(s, n);
    }
    if (n <= 0 || is_identifier(s, n, &look) || is_listing(self, s, low, n, &look))
        return 0;
    *doubtful = !look.space && !look.line && look.upper && !look.lower && !look.title
                && !(tagger_flags(self->tagger, low, (size_t)n) & KNOWN);
    return 1;
}
