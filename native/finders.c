/* Rules over the whole text of which a part is done here. */
#include "scan.h"

#include <string.h>

/* ------------------------------------------------------------------ names: masking/detect/names.py */

typedef struct {
    Scan *scan;
    Py_ssize_t left, right; /* of the line looked at last */
    int code, sign;         /* is it source code, does it begin with a sign */
} Judged;

static int bits_at(Scan *scan, Py_ssize_t i)
{
    return class_at((Letters *)scan->self->letters, &scan->folded, i);
}

static int truth(PyObject *answer)
{
    int is = answer == NULL ? -1 : PyObject_IsTrue(answer);
    Py_XDECREF(answer);
    return is;
}

static int worded(Scan *scan, Py_ssize_t i)
{
    int bits = class_at((Letters *)scan->self->letters, &scan->folded, i);
    return bits < 0 ? -1 : (bits & WORDLY) != 0;
}

static int spaced(Scan *scan, Py_ssize_t i)
{
    int bits = class_at((Letters *)scan->self->letters, &scan->folded, i);
    return bits < 0 ? -1 : (bits & SPACE) != 0;
}

/* Where the white space that begins at *i* ends; -1: an error is set. */
static Py_ssize_t skip_space(Scan *scan, Py_ssize_t i, Py_ssize_t right)
{
    int is = 0;
    while (i < right && (is = spaced(scan, i)) > 0)
        i++;
    return is < 0 ? -1 : i;
}

/* Where the run of word characters (and of *more*) that begins at *i* ends. */
static Py_ssize_t skip_words(Scan *scan, Py_ssize_t i, Py_ssize_t right, const char *more)
{
    for (; i < right; i++) {
        int is = worded(scan, i);
        if (is < 0)
            return -1;
        if (!is && (scan->low[i] == 0 || strchr(more, scan->low[i]) == NULL))
            break;
    }
    return i;
}

/* Where the white space that ends at *i* begins. */
static Py_ssize_t back_space(Scan *scan, Py_ssize_t left, Py_ssize_t i)
{
    int is = 0;
    while (i > left && (is = spaced(scan, i - 1)) > 0)
        i--;
    return is < 0 ? -1 : i;
}

/* A call that a line ends with: ``[\w\])]\([^)]{0,80}\)?\s*[:{,]?\s*$`` from the bracket at *i* on. */
static int ends_in_call(Scan *scan, Py_ssize_t left, Py_ssize_t i, Py_ssize_t right, Py_ssize_t tail)
{
    const unsigned char *low = scan->low;
    int is = i > left ? worded(scan, i - 1) : 0;
    if (is < 0)
        return -1;
    if (!is && !(i > left && (low[i - 1] == ']' || low[i - 1] == ')')))
        return 0;
    const unsigned char *close = memchr(low + i + 1, ')', (size_t)(right - i - 1));
    if (close == NULL)
        return tail - (i + 1) <= 80;
    Py_ssize_t at = close - low;
    return at - (i + 1) <= 80 && at + 1 >= tail;
}

/* ``^\s*\w[\w.]*(?:: [\w\[\]|. ]+)? [+|-]?= `` and ``^\s*["'\w]+\s*[:=]\s*\w+\(`` */
static int begins_as_assignment(Scan *scan, Py_ssize_t left, Py_ssize_t right)
{
    const unsigned char *low = scan->low;
    Py_ssize_t first = skip_space(scan, left, right), i, j, m;
    if (first < 0 || first >= right)
        return first < 0 ? -1 : 0;
    int is = worded(scan, first);
    if (is < 0)
        return -1;
    if (is) {
        if ((j = skip_words(scan, first, right, ".")) < 0)
            return -1;
        if (j + 2 < right && low[j] == ' ') {
            i = j + 1 + (low[j + 1] == '+' || low[j + 1] == '|' || low[j + 1] == '-');
            if (i + 1 < right && low[i] == '=' && low[i + 1] == ' ')
                return 1;
        }
        if (j + 2 < right && low[j] == ':' && low[j + 1] == ' ') {
            if ((m = skip_words(scan, j + 2, right, "[]|. ")) < 0)
                return -1;
            if (m > j + 3 && m + 1 < right && low[m] == '=' && low[m + 1] == ' '
                && (low[m - 1] == ' ' || (low[m - 1] == '|' && m > j + 4 && low[m - 2] == ' ')))
                return 1;
            if (m > j + 3 && m + 2 < right && (low[m] == '+' || low[m] == '-') && low[m + 1] == '=' && low[m + 2] == ' '
                && low[m - 1] == ' ')
                return 1;
        }
    }
    if ((i = skip_words(scan, first, right, "\"'")) < 0)
        return -1;
    if (i == first || (i = skip_space(scan, i, right)) < 0)
        return i < 0 ? -1 : 0;
    if (i >= right || (low[i] != ':' && low[i] != '='))
        return 0;
    if ((i = skip_space(scan, i + 1, right)) < 0 || (j = skip_words(scan, i, right, "")) < 0)
        return -1;
    return j > i && j < right && low[j] == '(';
}

/* What names._CODE_INSIDE seeks in a line. */
static int is_code_inside(Scan *scan, Py_ssize_t left, Py_ssize_t right)
{
    const unsigned char *low = scan->low;
    Py_ssize_t end = back_space(scan, left, right), tail = end;
    if (end < 0)
        return -1;
    if (end > left) {
        unsigned char last = low[end - 1];
        if (last == ';' || last == '{' || last == '}' || last == '\\')
            return 1;
        if (last == ':' || last == ',')
            if ((tail = back_space(scan, left, end - 1)) < 0)
                return -1;
    }
    for (Py_ssize_t i = left; i < right; i++) {
        unsigned char c = low[i], next = i + 1 < right ? low[i + 1] : 0;
        int is = 0;
        switch (c) {
        case '=': is = next == '=' || next == '>'; break;
        case '!': is = next == '='; break;
        case '&': is = next == '&'; break;
        case '|': is = next == '|'; break;
        case '-': is = next == '>'; break;
        case ':': is = next == ':'; break;
        case '#':
            if (next == ' ' && i >= left + 2 && (is = spaced(scan, i - 1)) > 0)
                is = spaced(scan, i - 2);
            break;
        case '[':
            if (i > left && i + 1 < right && (is = worded(scan, i - 1)) > 0)
                is = worded(scan, i + 1);
            break;
        case '(': {
            if ((is = ends_in_call(scan, left, i, right, tail)))
                break;
            Py_ssize_t k = i;
            while (k > left && (is = worded(scan, k - 1)) > 0)
                k--;
            if (is >= 0)
                is = k < i && k >= left + 2 && low[k - 1] == '.' ? worded(scan, k - 2) : 0;
            break;
        }
        default: break;
        }
        if (is)
            return is;
    }
    return begins_as_assignment(scan, left, right);
}

/* Whether a line may be source code at all: 0 no, 1 ask Python, 2 by its beginning it is none, see what is inside. */
static int may_be_code(Scan *scan, Py_ssize_t left, Py_ssize_t right)
{
    const Scanner *self = scan->self;
    const Text *text = &scan->folded;
    Py_ssize_t i = left;
    for (; i < right; i++) {
        int bits = class_at((Letters *)self->letters, text, i);
        if (bits < 0)
            return -1;
        if (!(bits & SPACE))
            break;
    }
    Py_UCS4 first = i < right ? char_at(text, i) : 0;
    if (first == '#' || first == '@' || first == '/' || first == '*' || first == '.')
        return 1;
    if (first >= 'a' && first <= 'z') {
        Py_ssize_t stop = i;
        while (stop < right && text->plain[stop] >= 'a' && text->plain[stop] <= 'z')
            stop++;
        if (words_hold(self, &self->code_starts, text->plain + i, stop - i))
            return 1;
    }
    for (i = left; i < right; i++)
        if (self->code_sign[scan->low[i]] || (scan->low[i] == ':' && i + 1 < right && scan->low[i + 1] == ':'))
            return 2;
    return 0;
}

static int judge(Judged *judged, Py_ssize_t start, Py_ssize_t end)
{
    Scan *scan = judged->scan;
    Py_ssize_t n = scan->folded.length, most = scan->self->line_max;
    Py_ssize_t left = start > most ? start - most : 0, right = n - end < most ? n : end + most;
    for (Py_ssize_t i = start - 1; i >= left; i--)
        if (scan->low[i] == '\n') {
            left = i + 1;
            break;
        }
    for (Py_ssize_t i = end; i < right; i++)
        if (scan->low[i] == '\n') {
            right = i;
            break;
        }
    judged->left = left, judged->right = right;
    Py_ssize_t first = skip_space(scan, left, right);
    int bits = first < 0 ? -1 : first < right ? class_of((Letters *)scan->self->letters, char_at(&scan->folded, first)) : WORDLY;
    if (bits < 0)
        return -1;
    judged->sign = first < right && (!(bits & WORDLY) || char_at(&scan->folded, first) == '_') && scan->low[first] != '@';
    if (judged->sign && scan->low[first] == '#' && first + 1 < right) {
        if ((bits = class_of((Letters *)scan->self->letters, char_at(&scan->folded, first + 1))) < 0)
            return -1;
        judged->sign = !(bits & WORDLY);
    }
    judged->code = may_be_code(scan, left, right);
    if (judged->code == 2) {
        judged->code = is_code_inside(scan, left, right);
    } else if (judged->code == 1) {
        PyObject *line = PyUnicode_Substring(scan->folded.object, left, right);
        judged->code = line == NULL ? -1 : truth(PyObject_CallFunctionObjArgs(scan->self->judge, line, NULL));
        Py_XDECREF(line);
    }
    return judged->code < 0 ? -1 : 0;
}

static int ask_of(Scan *scan, Py_ssize_t start, Py_ssize_t end, const char *method)
{
    PyObject *value = PyUnicode_Substring(scan->folded.object, start, end);
    int is = value == NULL ? -1 : truth(PyObject_CallMethod(value, method, NULL));
    Py_XDECREF(value);
    return is;
}

static int no_name(Scan *scan, Py_ssize_t start, Py_ssize_t end)
{
    /* The words that are none are short. */
    Py_ssize_t left = start, right = end;
    while (left < right && scan->low[left] == '.')
        left++;
    while (right > left && scan->low[right - 1] == '.')
        right--;
    if (right - left > scan->self->no_names.longest)
        return 0;
    if (plain_at(&scan->folded, left, right) != NULL)
        return words_hold(scan->self, &scan->self->no_names, scan->low + left, right - left);
    Py_UCS4 small[LONGEST_WORD], low = 0;
    for (Py_ssize_t i = left; i < right && right - left <= LONGEST_WORD && low != COMPLEX; i++)
        small[i - left] = low = lower_of((Letters *)scan->self->letters, char_at(&scan->folded, i));
    if (right - left <= LONGEST_WORD && low != COMPLEX)
        return words_hold_wide(scan->self, &scan->self->no_names, small, right - left);
    if (PyErr_Occurred())
        return -1;
    PyObject *value = PyUnicode_Substring(scan->folded.object, start, end);
    int is = value == NULL ? -1 : truth(PyObject_CallFunctionObjArgs(scan->self->is_no_name, value, NULL));
    Py_XDECREF(value);
    return is;
}

/* str.isupper of a stretch */
static int is_upper_case(Scan *scan, Py_ssize_t start, Py_ssize_t end)
{
    const unsigned char *text = plain_at(&scan->folded, start, end);
    if (text == NULL)
        return ask_of(scan, start, end, "isupper");
    int upper = 0;
    for (Py_ssize_t i = 0; i < end - start; i++) {
        unsigned char c = text[i];
        if (c >= 'a' && c <= 'z')
            return 0;
        upper |= c >= 'A' && c <= 'Z';
    }
    return upper;
}

/* What names.SQL seeks, in ASCII. */
static int after_sql(Scan *scan, Py_ssize_t left, Py_ssize_t right)
{
    static const char *const words[] = {"insert into", "update", "select", "values", "where"};
    const unsigned char *low = scan->low, *classes = ((Letters *)scan->self->letters)->classes[0];
    for (Py_ssize_t i = left; i < right; i++) {
        if ((low[i] != 'i' && low[i] != 'u' && low[i] != 's' && low[i] != 'v' && low[i] != 'w') || (i && classes[low[i - 1]] & WORDLY))
            continue;
        for (int k = 0; k < 5; k++) {
            Py_ssize_t size = (Py_ssize_t)strlen(words[k]);
            if (size <= right - i && memcmp(low + i, words[k], (size_t)size) == 0
                && (i + size == right || !(classes[low[i + size]] & WORDLY)))
                return 1;
        }
    }
    return 0;
}

static int is_ascii(const Scan *scan, Py_ssize_t start, Py_ssize_t end)
{
    for (Py_ssize_t i = start; i < end; i++)
        if (char_at(&scan->folded, i) > 0x7f)
            return 0;
    return 1;
}

/* names._is_word */
static int is_word(const Scan *scan, Py_ssize_t start, Py_ssize_t end)
{
    const int common = 16;
    const unsigned char *low = scan->low;
    int small = 1;
    for (Py_ssize_t i = start; i < end; i++) {
        Py_UCS4 c = char_at(&scan->folded, i);
        if (c > 0x7f || low[i] < 'a' || low[i] > 'z')
            return 0;
        small = small && c >= 'a';
    }
    if ((start > 0 && low[start - 1] == '@') || (start > 1 && low[start - 2] == '@'))
        return 0;
    return small || tagger_flags(scan->self->tagger, low + start, (size_t)(end - start)) == common;
}

/* names._is_prose */
static int is_prose(Scan *scan, Py_ssize_t start, Py_ssize_t end, double score, const Judged *judged)
{
    const Scanner *self = scan->self;
    Letters *letters = (Letters *)self->letters;
    const Text *text = &scan->folded;
    Py_ssize_t n = text->length;
    Py_UCS4 before = start ? char_at(text, start - 1) : 0, after = end < n ? char_at(text, end) : 0;
    int has_before = start > 0, has_after = end < n, bits;
    if ((has_before && before < 256 && self->glue[before])
        || (has_after && after < 256 && self->glue[after] && after != '<' && after != '@')) {
        Py_ssize_t at = start > 2 ? start - 2 : 0;
        Py_UCS4 c = char_at(text, at);
        if (c == '>' || c == '[' || c == '{' || c == '|')
            return 1;
        if ((bits = class_of(letters, c)) < 0)
            return -1;
        if (!(bits & SPACE) || at + 1 >= n)
            return 0;
        c = char_at(text, at + 1);
        return c == '>' || c == '[' || c == '{' || c == '|';
    }
    int is = no_name(scan, start, end);
    if (is)
        return is < 0 ? -1 : 0;
    if (has_before || has_after) {
        int digits = 0, dash = (has_before && before == '-') || (has_after && after == '-');
        if (has_before && ((bits = class_of(letters, before)) < 0))
            return -1;
        digits = has_before && (bits & TOKEN_BITS) == DIGIT;
        if (has_after && ((bits = class_of(letters, after)) < 0))
            return -1;
        digits = digits || (has_after && (bits & TOKEN_BITS) == DIGIT);
        if (digits && is_ascii(scan, start, end))
            return 0;
        if (dash && (is = ask_of(scan, start, end, "islower")) != 0)
            return is < 0 ? -1 : 0;
    }
    if (has_after && after == '(')
        return 0;
    for (Py_ssize_t i = start; i < end; i++)
        if (scan->low[i] == '_')
            return 0;
    if (has_before && before == '.' && start > 1) {
        if ((bits = class_of(letters, char_at(text, start - 2))) < 0)
            return -1;
        if (bits & ALNUM)
            return 0;
    }
    if (has_after && after == '.' && end + 1 < n) {
        if ((bits = class_of(letters, char_at(text, end + 1))) < 0)
            return -1;
        if (bits & LOWER) {
            is = ask_of(scan, start, end, "istitle");
            if (is <= 0)
                return is;
        }
    }
    if (!judged->code)
        return 1;
    if (score < self->code_score)
        return 0;
    int quoted = has_before && (before == '\'' || before == '"');
    if (!quoted) {
        is = is_upper_case(scan, start, end);
        if (is)
            return is < 0 ? -1 : 0;
    }
    if ((bits = class_of(letters, char_at(text, start))) < 0)
        return -1;
    if (bits & UPPER) {
        int spaces = 0, joined = 0;
        for (Py_ssize_t i = start; i < end; i++)
            if (scan->low[i] == ' ') {
                Py_UCS4 next = i + 1 < end ? char_at(text, i + 1) : 0, last = i > start ? char_at(text, i - 1) : 0;
                spaces = 1;
                joined = joined || (next >= 'a' && next <= 'z') || last == ',' || last == ';' || last == ':';
            }
        if (spaces && (quoted || !joined))
            return 1;
    }
    if (!quoted)
        return 0;
    Py_ssize_t left = start > self->line_max ? start - self->line_max : 0;
    if (plain_at(text, left ? left - 1 : 0, start) != NULL)
        return after_sql(scan, left, start);
    PyObject *match = PyObject_CallFunction(self->sql, "Onn", text->object, left, start);
    is = match == NULL ? -1 : match != Py_None;
    Py_XDECREF(match);
    return is;
}

/* Whether names.narrowed leaves a value that is not ASCII as it is: words of two or more letters with single spaces between, of
   which one at least is none of no_names; where it is one word, with a capital first or without any. -1: an error is set. */
static int is_plain_wide(Scan *scan, Py_ssize_t start, Py_ssize_t end)
{
    int words = 1, capitals = 0, known = 1, first = 0;
    for (Py_ssize_t i = start, word = start; i <= end; i++) {
        int bits = i < end ? class_at((Letters *)scan->self->letters, &scan->folded, i) : 0;
        if (bits < 0)
            return -1;
        if ((bits & TOKEN_BITS) == LETTER) {
            first = i == start ? bits & UPPER : first;
            capitals += (bits & UPPER) != 0;
            continue;
        }
        if (i - word < 2 || (i < end && char_at(&scan->folded, i) != ' '))
            return 0;
        int is = known ? no_name(scan, word, i) : 0;
        if (is < 0)
            return -1;
        known = known && is;
        words += i < end;
        word = i + 1;
    }
    return words > 1 ? !known : capitals == (first != 0);
}

/* names.narrowed of an ASCII value. */
static int narrow_ascii(Scan *scan, const unsigned char *value, Py_ssize_t *start, Py_ssize_t *end)
{
    Py_ssize_t n = scan->folded.length, first, last;
    int doubtful, after_alnum = *start > 0 ? bits_at(scan, *start - 1) : 0, before_alnum = *end < n ? bits_at(scan, *end) : 0;
    if (after_alnum < 0 || before_alnum < 0)
        return -1;
    if (!narrow_alone(scan->self, value, scan->low + *start, *end - *start, after_alnum & ALNUM, before_alnum & ALNUM, &first, &last,
                      &doubtful))
        return 0;
    *end = *start + last, *start += first;
    if (!doubtful)
        return 1;
    Py_ssize_t left = *start > scan->self->caps_chars ? *start - scan->self->caps_chars : 0;
    Py_ssize_t right = n - *end > scan->self->caps_chars ? *end + scan->self->caps_chars : n;
    int is = is_upper_case(scan, left, *start);
    return is ? is : is_upper_case(scan, *end, right);
}

/* names.narrowed: 1 with the bounds of what is a name, 0 where nothing is, -1 with an error set. */
static int narrow_name(Scan *scan, Py_ssize_t *start, Py_ssize_t *end)
{
    const unsigned char *value = plain_at(&scan->folded, *start, *end);
    if (value != NULL)
        return narrow_ascii(scan, value, start, end);
    int plain = is_plain_wide(scan, *start, *end);
    if (plain)
        return plain;
    PyObject *bounds = PyObject_CallFunction(scan->self->narrowed, "Onn", scan->folded.object, *start, *end);
    if (bounds == NULL)
        return -1;
    Py_ssize_t first, last, n = scan->folded.length;
    int is = bounds != Py_None;
    if (is && (!PyTuple_Check(bounds) || !PyArg_ParseTuple(bounds, "nn", &first, &last) || first < 0 || first >= last || last > n)) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_ValueError, "the bounds of a name are two places of the text");
        is = -1;
    }
    if (is > 0)
        *start = first, *end = last;
    Py_DECREF(bounds);
    return is;
}

static int name_seen(void *context, Py_ssize_t start, Py_ssize_t end, int label, double score)
{
    Judged *judged = context;
    Scan *scan = judged->scan;
    int is = narrow_name(scan, &start, &end);
    if (is <= 0)
        return is;
    if (!(judged->left <= start && start < judged->right) && judge(judged, start, end) < 0)
        return -1;
    is = is_prose(scan, start, end, score, judged);
    if (is > 0 && (judged->code || judged->sign) && is_word(scan, start, end))
        return 0;
    if (is <= 0 || !(score >= scan->self->threshold))
        return is;
    PyObject *type = label == 1 ? scan->self->t_person : scan->self->t_location;
    if (scan->self->off_label[label])
        return 0;
    return add_found(scan, RANK_MODEL, start, end, score, type, scan->self->n_names, scan->self->model_reason);
}

static int find_names(Scan *scan)
{
    Judged judged = {scan, 0, -1, 0, 0};
    return tagger_names(scan->self->tagger, &scan->folded, name_seen, &judged);
}

/* ------------------------------------------------------------------ small sets of words */

static uint64_t hash_wide(const Scanner *self, const Py_UCS4 *word, Py_ssize_t length)
{
    return hash_bytes(~self->seed, (const unsigned char *)word, 4 * length);
}

static int words_hold_hash(const Words *words, uint64_t hash)
{
    for (size_t i = (size_t)(hash >> 8) % WORDS_SLOTS; words->hashes[i]; i = (i + 1) % WORDS_SLOTS)
        if (words->hashes[i] == (hash | !hash))
            return 1;
    return 0;
}

int words_open(const Scanner *self, Words *words, PyObject *list)
{
    PyObject *items = PySequence_Tuple(list);
    Py_ssize_t count = items == NULL ? -1 : PyTuple_Size(items);
    int failed = count < 0 ? -1 : 0;
    for (Py_ssize_t i = 0; i < count && !failed; i++) {
        Text word;
        failed = text_open((Letters *)self->letters, &word, PyTuple_GetItem(items, i));
        if (!failed && words->count >= SMALL_SET) {
            PyErr_SetString(PyExc_ValueError, "a small set has too many words");
            failed = -1;
        }
        if (!failed && word.length > words->longest)
            words->longest = word.length;
        if (!failed) {
            uint64_t hash = word.narrow ? hash_bytes(self->seed, word.narrow, word.length) : hash_wide(self, word.wide, word.length);
            size_t k = (size_t)(hash >> 8) % WORDS_SLOTS;
            while (words->hashes[k])
                k = (k + 1) % WORDS_SLOTS;
            words->hashes[k] = hash | !hash;
            words->count++;
        }
        text_close(&word);
    }
    Py_XDECREF(items);
    return failed;
}

int words_hold(const Scanner *self, const Words *words, const unsigned char *low, Py_ssize_t length)
{
    return length <= words->longest && words_hold_hash(words, hash_bytes(self->seed, low, length));
}

int words_hold_wide(const Scanner *self, const Words *words, const Py_UCS4 *low, Py_ssize_t length)
{
    return length <= words->longest && words_hold_hash(words, hash_wide(self, low, length));
}

/* ------------------------------------------------------------------ what the rules below share */

static int give(Scan *scan, const TextRule *rule, Py_ssize_t start, Py_ssize_t end, double score, PyObject *type, PyObject *name,
                PyObject *reason)
{
    if (!(score >= scan->self->threshold))
        return 0;
    int off = scan->self->any_off ? PySet_Contains(scan->self->off, type) : 0;
    if (off)
        return off < 0 ? -1 : 0;
    return add_found(scan, rank_of(rule, score), start, end, score, type, name, reason);
}

static PyObject *part(const TextRule *rule, Py_ssize_t i)
{
    return PyTuple_GetItem(rule->parts, i);
}

/* ------------------------------------------------------------------ e-mail addresses: masking/detect/contact.py */

#define LOCAL_MAX 64
#define LABEL_MAX 63
#define LABELS_MAX 8
#define TLD_MAX 24

/* Where the host's name that begins at *i* ends, 0: there is none; -1: an error is set. *tld*: where its last label begins. */
static Py_ssize_t host_end(Scan *scan, Py_ssize_t i, Py_ssize_t *tld)
{
    const Text *text = &scan->folded;
    Py_ssize_t n = text->length;
    int bits = 0, labels = 0;
    for (;;) {
        Py_ssize_t stop = i;
        int last = 0;
        while (stop < n && stop - i <= LABEL_MAX) {
            if ((bits = bits_at(scan, stop)) < 0)
                return -1;
            if (!(bits & WORDLY) && char_at(text, stop) != '-')
                break;
            last = bits;
            if (stop == i && !(bits & WORDLY))
                break;
            stop++;
        }
        if (labels == LABELS_MAX || stop == i || stop - i > LABEL_MAX || !(last & WORDLY) || stop + 1 >= n || char_at(text, stop) != '.')
            break;
        if ((bits = bits_at(scan, stop + 1)) < 0)
            return -1;
        if (!(bits & WORDLY))
            break;
        i = stop + 1;
        labels++;
    }
    if (!labels || i >= n)
        return 0;
    if ((bits = bits_at(scan, i)) < 0)
        return -1;
    if ((bits & TOKEN_BITS) != LETTER)
        return 0;
    /* As far as words and dashes go, then back to where no word goes on. */
    Py_ssize_t end = 0, k = i + 1;
    for (; k < n && k <= i + TLD_MAX + 1; k++) {
        if ((bits = bits_at(scan, k)) < 0)
            return -1;
        int worded = bits & WORDLY;
        if (!worded && k > i + 1)
            end = k;
        if (!worded && char_at(text, k) != '-')
            break;
    }
    if (k == n && k > i + 1 && k <= i + TLD_MAX + 1)
        end = n;
    *tld = i;
    return end;
}

/* contact.after_key; -1: an error is set. */
static Py_ssize_t after_key(Scan *scan, Py_ssize_t start, Py_ssize_t at)
{
    const unsigned char *low = scan->low;
    Py_ssize_t equals = -1;
    for (Py_ssize_t i = at - 1; i >= start; i--) {
        if (low[i] == '/' || (low[i] == '?' && char_at(&scan->folded, i) == '?')) {
            start = i + 1;
            break;
        }
        if (low[i] == '=' && equals < 0)
            equals = i;
    }
    if (equals > start) {
        Py_ssize_t key = equals;
        while (key > start && ((low[key - 1] >= 'a' && low[key - 1] <= 'z') || low[key - 1] == '_'))
            key--;
        if (key < equals && (key == start || low[key - 1] == '&'))
            start = equals + 1;
    }
    for (; start < at; start++) {
        int bits = bits_at(scan, start);
        if (bits < 0)
            return -1;
        if (bits & ALNUM || low[start] == '_')
            break;
    }
    return start;
}

static int find_emails(Scan *scan, const TextRule *rule)
{
    const Text *text = &scan->folded;
    Py_ssize_t n = text->length, step = 0;
    const unsigned char *low = scan->low, *hit;
    while (step < n && (hit = memchr(low + step, '@', (size_t)(n - step))) != NULL) {
        Py_ssize_t at = hit - low, tld = 0, end = host_end(scan, at + 1, &tld), start = at;
        step = at + 1;
        if (end < 0)
            return -1;
        if (!end)
            continue;
        while (start > 0 && at - start < LOCAL_MAX && scan->self->email_local[low[start - 1]])
            start--;
        for (; start < at; start++) {
            int bits = bits_at(scan, start);
            if (bits < 0)
                return -1;
            if (bits & ALNUM || low[start] == '_')
                break;
        }
        if ((start = after_key(scan, start, at)) < 0)
            return -1;
        if (start >= at || low[at - 1] == '.' || low[at - 1] == '\'')
            continue;
        int refused = 0;
        for (Py_ssize_t i = start; i + 1 < at && !refused; i++)
            refused = low[i] == '.' && low[i + 1] == '.';
        int plain = 1;
        for (Py_ssize_t i = tld; i < end && plain; i++)
            plain = char_at(text, i) < 0x80;
        if (refused || (plain && words_hold(scan->self, &scan->self->not_tld, low + tld, end - tld)))
            continue;
        if (give(scan, rule, start, end, 0.98, scan->self->t_email, rule->name, scan->self->reasons[0]) < 0)
            return -1;
        step = end;
    }
    return 0;
}

/* ------------------------------------------------------------------ ann [at] example [dot] org: masking/detect/contact.py */

#define SAID_HOST_MAX 380
#define SAID_LABEL_MAX 63
#define SAID_LOCAL_MAX 40

static int is_said(unsigned char c) /* ``[a-z0-9-]`` */
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

static int is_said_local(unsigned char c)
{
    return is_said(c) || c == '_' || c == '+';
}

static Py_ssize_t blanks(const unsigned char *low, Py_ssize_t i, Py_ssize_t n)
{
    Py_ssize_t count = 0;
    while (i + count < n && low[i + count] == ' ')
        count++;
    return count;
}

/* Where a word in brackets that opens at *i* ends (the bracket included), 0: it is not there. */
static Py_ssize_t bracketed(const unsigned char *low, Py_ssize_t i, Py_ssize_t n, const char *word)
{
    Py_ssize_t size = (Py_ssize_t)strlen(word);
    unsigned char close = low[i] == '[' ? ']' : low[i] == '(' ? ')' : low[i] == '{' ? '}' : low[i] == '<' ? '>' : 0;
    i++;
    i += i < n && low[i] == ' ';
    if (!close || n - i < size || memcmp(low + i, word, (size_t)size) != 0)
        return 0;
    i += size;
    i += i < n && low[i] == ' ';
    return i < n && low[i] == close ? i + 1 : 0;
}

/* contact._SAID_DOT: where what stands for a dot at *i* ends, with the blanks around it; 0: nothing does. */
static Py_ssize_t said_dot(const unsigned char *low, Py_ssize_t i, Py_ssize_t n)
{
    if (i < n && low[i] == '.' && i + 1 < n && is_said(low[i + 1]))
        return i + 1;
    Py_ssize_t before = blanks(low, i, n), end = 0, after;
    i += before;
    if (i >= n)
        return 0;
    if (before <= 2)
        if (!(end = bracketed(low, i, n, "dot")))
            end = bracketed(low, i, n, ".");
    if (end)
        return (after = blanks(low, end, n)) <= 2 ? end + after : 0;
    if (before < 1 || before > 3 || n - i < 3 || memcmp(low + i, "dot", 3) != 0)
        return 0;
    after = blanks(low, i + 3, n);
    return after >= 1 && after <= 3 ? i + 3 + after : 0;
}

/* contact._SAID_HOST at *i* in ASCII: where it ends, 0: there is none. */
static Py_ssize_t said_host(const unsigned char *low, Py_ssize_t i, Py_ssize_t n)
{
    Py_ssize_t stop = i, labels = 0;
    if (i >= n || !is_said(low[i]) || low[i] == '-')
        return 0;
    while (stop < n && stop - i < SAID_LABEL_MAX && is_said(low[stop]))
        stop++;
    for (; labels < 4; labels++) {
        Py_ssize_t label = said_dot(low, stop, n), end = label;
        while (label && end < n && end - label < SAID_LABEL_MAX && is_said(low[end]))
            end++;
        if (!label || end - label < 2)
            break;
        stop = end;
    }
    if (!labels || (stop < n && ((is_said(low[stop]) && low[stop] != '-') || low[stop] == '_' || low[stop] == '@')))
        return 0;
    return stop;
}

/* contact._SAID_LOCAL before *left* in ASCII: where it begins; *left*: there is none. */
static Py_ssize_t said_local(const unsigned char *low, Py_ssize_t floor, Py_ssize_t left)
{
    Py_ssize_t start = left;
    while (start > floor && left - start < SAID_LOCAL_MAX && is_said_local(low[start - 1]))
        start--;
    for (int parts = 0; start < left && parts < 3; parts++) {
        Py_ssize_t i = start - 1, end = i;
        if (i < floor || low[i] != '.')
            break;
        while (i > floor && end - i < SAID_LOCAL_MAX && is_said_local(low[i - 1]))
            i--;
        if (i == end)
            break;
        start = i;
    }
    return start;
}

/* The same of text that is not ASCII, as Python says; *local*, *host*: how long they are. */
static int ask_said(Scan *scan, const TextRule *rule, Py_ssize_t floor, Py_ssize_t left, Py_ssize_t right, Py_ssize_t limit,
                    Py_ssize_t *local, Py_ssize_t *host)
{
    PyObject *before = PyUnicode_Substring(scan->folded.object, floor, left), *answer = NULL;
    PyObject *behind = before ? PyUnicode_Substring(scan->folded.object, right, limit) : NULL;
    if (behind != NULL)
        answer = PyObject_CallFunctionObjArgs(part(rule, 0), before, behind, NULL);
    Py_XDECREF(before);
    Py_XDECREF(behind);
    int failed = answer == NULL || !PyTuple_Check(answer) || !PyArg_ParseTuple(answer, "nn", local, host) || *local < 0 || *host < 0
                 || *local > left || *host > scan->folded.length - right;
    Py_XDECREF(answer);
    if (failed && !PyErr_Occurred())
        PyErr_SetString(PyExc_TypeError, "an address that is said is two lengths");
    return failed ? -1 : 0;
}

static int find_said(Scan *scan, const TextRule *rule)
{
    const unsigned char *low = scan->low;
    Py_ssize_t n = scan->folded.length;
    for (Py_ssize_t i = 0; i < n; i++) {
        if (low[i] != '[' && low[i] != '(' && low[i] != '{' && low[i] != '<')
            continue;
        Py_ssize_t right = bracketed(low, i, n, "at"), left = i;
        if (!right)
            continue;
        while (left > 0 && i - left < 2 && low[left - 1] == ' ')
            left--;
        Py_ssize_t after = blanks(low, right, n);
        if (after > 2)
            continue;
        right += after;
        Py_ssize_t floor = left > LOCAL_MAX ? left - LOCAL_MAX : 0, limit = n - right > SAID_HOST_MAX ? right + SAID_HOST_MAX : n;
        Py_ssize_t local = 0, host = 0;
        if (plain_at(&scan->folded, floor, limit) == NULL) {
            if (ask_said(scan, rule, floor, left, right, limit, &local, &host) < 0)
                return -1;
        } else if ((host = said_host(low, right, limit))) {
            host -= right;
            local = left - said_local(low, floor, left);
        }
        if (local && host
            && give(scan, rule, left - local, right + host, 0.85, scan->self->t_email, rule->name, scan->self->reasons[0]) < 0)
            return -1;
    }
    return 0;
}

/* ------------------------------------------------------------------ URLs: masking/detect/contact.py */

#define SCHEME_MAX 12
#define REST_MAX 380
#define USER_MAX 128
#define SECRET_MAX 256
#define AFTER_MAX 400

static int is_scheme(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '.' || c == '-';
}

/* Whether *c* ends the user's name or secret of a URL (``[^\s/?#<>"'\[\]]``; white space is asked for apart). */
static int ends_user(Py_UCS4 c)
{
    return c == '/' || c == '?' || c == '#' || c == '<' || c == '>' || c == '"' || c == '\'' || c == '[' || c == ']';
}

static int ends_url(Py_UCS4 c)
{
    return c < 0x80 && c != 0 && strchr("<>\"'`{}|\\^[]()", (int)c) != NULL;
}

/* Whether a name, a colon, a secret and an @ may stand from *i* on; -1: an error is set. */
static int may_have_user(Scan *scan, Py_ssize_t i)
{
    const Text *text = &scan->folded;
    Py_ssize_t n = text->length, first = i;
    int bits;
    for (; i < n && i - first <= USER_MAX; i++) {
        Py_UCS4 c = char_at(text, i);
        if (c == ':')
            break;
        if (ends_user(c) || c == '@')
            return 0;
        if ((bits = bits_at(scan, i)) < 0 || bits & SPACE)
            return bits < 0 ? -1 : 0;
    }
    if (i >= n || i - first > USER_MAX || char_at(text, i) != ':')
        return 0;
    for (first = ++i; i < n && i - first <= SECRET_MAX; i++) {
        Py_UCS4 c = char_at(text, i);
        if (c == '@' && i > first)
            return 1;
        if (ends_user(c))
            return 0;
        if ((bits = bits_at(scan, i)) < 0 || bits & SPACE)
            return bits < 0 ? -1 : 0;
    }
    return 0;
}

/* Where the credentials that begin at *i* end, as contact._USERINFO and _TEMPLATE have it; 0: there are none, -1: an error is set,
   -2: ask Python, since they may be a template. */
static Py_ssize_t user_end(Scan *scan, Py_ssize_t i)
{
    const Text *text = &scan->folded;
    Py_ssize_t n = text->length - i > AFTER_MAX ? i + AFTER_MAX : text->length, colon = i, first, end;
    while (colon < n && char_at(text, colon) != ':')
        colon++;
    first = colon + 1;
    if (first >= n)
        return 0;
    for (end = first; end < n && end - first < SECRET_MAX && !ends_user(char_at(text, end)); end++) {
        int bits = bits_at(scan, end);
        if (bits < 0)
            return -1;
        if (bits & SPACE)
            break;
    }
    for (; end > first; end--) {
        if (end + 1 >= n || char_at(text, end) != '@')
            continue;
        Py_UCS4 next = char_at(text, end + 1);
        int bits = bits_at(scan, end + 1);
        if (bits < 0)
            return -1;
        if (bits & WORDLY || next == '[')
            break;
    }
    if (end == first)
        return 0;
    return scan->low[first] && strchr("$%{*", scan->low[first]) != NULL ? -2 : end;
}

/* As contact.url_at says of the URL around the sign at *at*; where to look for the next, or -1 with an error set. */
static Py_ssize_t ask_url(Scan *scan, const TextRule *rule, Py_ssize_t at)
{
    Py_ssize_t step = at + 3;
    PyObject *view = scan_view(scan), *lows = view ? PyObject_GetAttrString(view, "low") : NULL, *spans;
    PyObject *answer = lows ? PyObject_CallFunction(part(rule, 0), "OOn", scan->folded.object, lows, at) : NULL;
    Py_XDECREF(lows);
    if (answer == NULL)
        return -1;
    int failed = PyTuple_Check(answer) && PyArg_ParseTuple(answer, "On", &spans, &step) ? take_spans(scan, rule, spans) : -1;
    Py_DECREF(answer);
    if (failed < 0) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_TypeError, "a URL is spans and a place");
        return -1;
    }
    return step > at ? step : at + 3;
}

static int find_urls(Scan *scan, const TextRule *rule)
{
    const Text *text = &scan->folded;
    const unsigned char *low = scan->low, *hit;
    Py_ssize_t n = text->length, step = 0;
    while (step < n && (hit = memchr(low + step, ':', (size_t)(n - step))) != NULL) {
        Py_ssize_t at = hit - low;
        step = at + 1;
        if (at + 2 >= n || low[at + 1] != '/' || low[at + 2] != '/')
            continue;
        step = at + 3;
        int user = may_have_user(scan, step);
        if (user < 0)
            return -1;
        if (user) {
            Py_ssize_t stop = user_end(scan, step);
            if (stop == -1)
                return -1;
            if (stop == -2) {
                if ((step = ask_url(scan, rule, at)) < 0)
                    return -1;
                continue;
            }
            if (stop && give(scan, rule, step, stop, 0.999, part(rule, 3), rule->name, scan->self->reasons[0]) < 0)
                return -1;
        }
        Py_ssize_t start = at, end = step;
        while (start > 0 && at - start < SCHEME_MAX && is_scheme(low[start - 1]))
            start--;
        while (start < at && !(low[start] >= 'a' && low[start] <= 'z'))
            start++;
        if (at - start < 2)
            continue;
        for (; end < n && end - at - 3 < REST_MAX; end++) {
            int bits = bits_at(scan, end);
            if (bits < 0)
                return -1;
            if (bits & SPACE || ends_url(char_at(text, end)))
                break;
        }
        while (end > at + 3 && low[end - 1] != 0 && strchr(".,;:!?", low[end - 1]) != NULL && char_at(text, end - 1) < 0x80)
            end--;
        if (end == at + 3)
            continue;
        if (give(scan, rule, start, end, 0.7, part(rule, 1), part(rule, 2), scan->self->reasons[0]) < 0)
            return -1;
        step = end;
    }
    return 0;
}

/* ------------------------------------------------------------------ MAC and IPv6 addresses: masking/detect/network.py */

#define BACK_MAX 40

static int is_hex(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/* Whether three times a dot and one to three digits stand at *i*. */
static int is_quad(const unsigned char *low, Py_ssize_t i, Py_ssize_t n)
{
    for (int part = 0; part < 3; part++) {
        if (i + 1 >= n || low[i] != '.' || low[i + 1] < '0' || low[i + 1] > '9')
            return 0;
        Py_ssize_t stop = i + 1;
        while (stop < n && stop < i + 4 && low[stop] >= '0' && low[stop] <= '9')
            stop++;
        i = stop;
    }
    return 1;
}

static int find_colons(Scan *scan, const TextRule *rule)
{
    const unsigned char *low = scan->low, *hit;
    Py_ssize_t n = scan->folded.length, at = 1;
    int dashes = 0;
    while (at < n - 1 && (hit = memchr(low + at, ':', (size_t)(n - 1 - at))) != NULL) {
        at = hit - low;
        if (!((is_hex(low[at + 1]) || low[at + 1] == ':') && (is_hex(low[at - 1]) || low[at - 1] == ':' || low[at + 1] == ':'))) {
            at++;
            continue;
        }
        Py_ssize_t start = at, stop = at, colons = 0, twice = 0, floor = at > BACK_MAX ? at - BACK_MAX : 0;
        while (start > floor && (is_hex(low[start - 1]) || low[start - 1] == ':'))
            start--;
        int before = start ? bits_at(scan, start - 1) : 0;
        if (before < 0)
            return -1;
        if (before & WORDLY || (start && (low[start - 1] == ':' || low[start - 1] == '.'))) {
            at++;
            continue;
        }
        for (stop = start; stop < n && (is_hex(low[stop]) || low[stop] == ':') && stop - start <= BACK_MAX; stop++) {
            colons += low[stop] == ':';
            twice |= low[stop] == ':' && stop + 1 < n && low[stop + 1] == ':';
        }
        /* Five colons of a MAC, seven of an address, two in a row, or a dotted quad at the end. */
        int quad = colons >= 2 && is_quad(low, stop, n);
        if (!(colons >= 5 || twice || quad)) {
            at = stop > at ? stop : at + 1;
            continue;
        }
        PyObject *answer = PyObject_CallFunction(part(rule, 0), "Onn", scan->folded.object, start, at + 1), *span;
        Py_ssize_t next = 0;
        int failed = answer != NULL && PyTuple_Check(answer) && PyArg_ParseTuple(answer, "On", &span, &next)
                         ? (span == Py_None ? 0 : take_span(scan, rule, span))
                         : -1;
        Py_XDECREF(answer);
        if (failed < 0) {
            if (!PyErr_Occurred())
                PyErr_SetString(PyExc_TypeError, "an address is a span and a place");
            return -1;
        }
        at = next > at ? next : at + 1;
    }
    for (Py_ssize_t i = 2; i + 13 < n && !dashes && (hit = memchr(low + i, '-', (size_t)(n - 13 - i))) != NULL; i++) {
        i = hit - low;
        dashes = low[i + 3] == '-' && low[i + 6] == '-' && low[i + 9] == '-' && low[i + 12] == '-';
    }
    /* Three groups of four hexadecimal digits with dots between. */
    for (Py_ssize_t i = 4; i + 10 <= n && !dashes && (hit = memchr(low + i, '.', (size_t)(n - 9 - i))) != NULL; i++) {
        i = hit - low;
        if (low[i + 5] != '.')
            continue;
        dashes = 1;
        for (Py_ssize_t k = i - 4; k < i + 10; k++)
            dashes = dashes && (is_hex(low[k]) || k == i || k == i + 5);
    }
    if (!dashes)
        return 0;
    PyObject *view = scan_view(scan), *spans = view ? PyObject_CallFunctionObjArgs(part(rule, 1), view, NULL) : NULL;
    int failed = spans == NULL ? -1 : take_spans(scan, rule, spans);
    Py_XDECREF(spans);
    return failed;
}

/* ------------------------------------------------------------------ IBAN: masking/detect/payment.py */

/* Where the valid account number at *start*, of a country whose numbers are *length* long, ends, or 0. */
static Py_ssize_t iban_end(const Scan *scan, Py_ssize_t start, Py_ssize_t length)
{
    const unsigned char *shape = scan->shape, *low = scan->low;
    Py_ssize_t limit = scan->folded.length - start < 48 ? scan->folded.length : start + 48, at = start + 4, groups = 0;
    for (; groups < 7; groups++) {
        Py_ssize_t i = at < limit && (low[at] == ' ' || low[at] == '-') ? at + 1 : at, k = 0;
        while (k < 4 && i + k < limit && (shape[i + k] == 'A' || shape[i + k] == '0'))
            k++;
        if (k < 4)
            break;
        at = i + 4;
    }
    if (groups < 2)
        return 0;
    Py_ssize_t i = at < limit && (low[at] == ' ' || low[at] == '-') ? at + 1 : at, k = 0;
    while (k < 3 && i + k < limit && (shape[i + k] == 'A' || shape[i + k] == '0'))
        k++;
    limit = k ? i + k : at;
    unsigned char compact[64];
    Py_ssize_t seen = 0;
    for (at = start; at < limit && seen < length; at++)
        if (shape[at] == 'A' || shape[at] == '0')
            compact[seen++] = low[at];
    if (seen != length)
        return 0;
    unsigned rest = 0; /* ISO 7064 MOD 97-10, the first four last */
    for (i = 0; i < length; i++) {
        unsigned char c = compact[(i + 4) % length];
        rest = c >= 'a' ? (100 * rest + c - 'a' + 10) % 97 : (10 * rest + c - '0') % 97;
    }
    return rest == 1 ? at : 0;
}

static int find_ibans(Scan *scan, const TextRule *rule)
{
    const unsigned char *shape = scan->shape, *low = scan->low;
    Py_ssize_t n = scan->folded.length;
    for (Py_ssize_t at = 0; at + 4 <= n; at++) {
        /* The third place tells most; a step of three is safe after anything that is neither letter nor digit. */
        if (shape[at + 2] != '0') {
            if (shape[at + 2] != 'A')
                at += 2;
            continue;
        }
        if (shape[at] != 'A' || shape[at + 1] != 'A' || shape[at + 3] != '0')
            continue;
        Py_ssize_t here = at, length, end;
        at += 3;
        if ((here && (shape[here - 1] == 'A' || shape[here - 1] == '0' || shape[here - 1] == 0xe9))
            || !(length = scan->self->iban_country[(low[here] - 'a') * 26 + low[here + 1] - 'a']))
            continue;
        end = iban_end(scan, here, length);
        if (end && !(end < n && (shape[end] == 'A' || shape[end] == '0'))
            && give(scan, rule, here, end, 0.99, part(rule, 0), rule->name, scan->self->iban_reason) < 0)
            return -1;
    }
    return 0;
}

/* ------------------------------------------------------------------ labelled values: masking/detect/labelled.py */

#define KEY_CHARS 48
#define VALUE_CHARS 160
#define KEY_SLOTS 8192
#define KEYS_MAX 4096

/* The number of the type that a key declares, as Python says (0: none); remembered. */
static int key_declares(Scan *scan, const TextRule *rule, Py_ssize_t start, Py_ssize_t end)
{
    Scanner *self = scan->self;
    const Text *text = &scan->folded;
    const unsigned char *plain = plain_at(text, start, end);
    uint64_t hash = plain ? hash_bytes(self->seed, plain, end - start)
                          : hash_bytes(~self->seed, (const unsigned char *)(text->wide + start), 4 * (end - start));
    hash = (hash & ~255ULL) | (hash < 256 ? 256 : 0);
    size_t i = (size_t)(hash >> 16) & (KEY_SLOTS - 1);
    for (; self->keys[i]; i = (i + 1) & (KEY_SLOTS - 1))
        if ((self->keys[i] & ~255ULL) == hash)
            return (int)(self->keys[i] & 255);
    PyObject *key = PyUnicode_Substring(text->object, start, end);
    PyObject *kind = key ? PyObject_CallFunctionObjArgs(part(rule, 1), key, NULL) : NULL;
    Py_XDECREF(key);
    if (kind == NULL)
        return -1;
    Py_ssize_t number = 0, count = PyList_Size(self->kinds);
    while (number < count && PyList_GetItem(self->kinds, number) != kind)
        number++;
    int failed = number == count ? (count < 256 ? PyList_Append(self->kinds, kind) : -1) : 0;
    Py_DECREF(kind);
    if (failed < 0) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_ValueError, "keys declare too many types");
        return -1;
    }
    if (self->keys_used >= KEYS_MAX) {
        memset(self->keys, 0, KEY_SLOTS * sizeof *self->keys);
        self->keys_used = 0;
    }
    for (i = (size_t)(hash >> 16) & (KEY_SLOTS - 1); self->keys[i]; i = (i + 1) & (KEY_SLOTS - 1))
        if ((self->keys[i] & ~255ULL) == hash)
            return (int)number;
    self->keys[i] = hash | (uint64_t)number;
    self->keys_used++;
    return (int)number;
}

typedef struct {
    Py_ssize_t start, end; /* of the key */
    int quoted;
} Key;

/* The run of key characters that ends before *end*: where it begins, *most* characters back at most. */
static Py_ssize_t key_run(Scan *scan, Py_ssize_t end, Py_ssize_t floor, Py_ssize_t most)
{
    Py_ssize_t start = end;
    while (start > floor && end - start < most) {
        int bits = bits_at(scan, start - 1);
        if (bits < 0)
            return -1;
        if (!(bits & WORDLY) && scan->low[start - 1] != '.' && scan->low[start - 1] != '-')
            break;
        start--;
    }
    return start;
}

/* The number of the type that the key before the separator at *at* declares, 0: none; -1: an error is set. */
static int key_before(Scan *scan, const TextRule *rule, Py_ssize_t at, Key *key)
{
    const unsigned char *low = scan->low;
    unsigned char before = low[at - 1];
    Py_ssize_t floor = at > KEY_CHARS ? at - KEY_CHARS : 0, end = at, start;
    if (before >= '0' && before <= '9')
        return 0;
    if (before == '"' || before == '\'' || before == '`') {
        for (start = at - 2; start >= floor && low[start] != before; start--)
            ;
        if (start < floor)
            return 0;
        for (end = at - 1; end > start + 1 && low[end - 1] == '\\'; end--)
            ;
        key->start = start + 1, key->end = end, key->quoted = 1;
        return key_declares(scan, rule, start + 1, end);
    }
    while (end > floor && at - end < 3 && (low[end - 1] == ' ' || low[end - 1] == '\t'))
        end--;
    int quoted = 0;
    if (end > floor && (low[end - 1] == '"' || low[end - 1] == '\'' || low[end - 1] == '`'))
        quoted = 1, end--;
    if (end > floor && low[end - 1] == '\\')
        quoted = 1, end--;
    if ((start = key_run(scan, end, floor, 40)) < 0)
        return -1;
    if (end - start < 2)
        return 0;
    if (low[at] != '=' || quoted)
        for (int i = 0; i < 3 && start > floor && low[start - 1] == ' '; i++) {
            Py_ssize_t more = key_run(scan, start - 1, floor, 20);
            if (more < 0)
                return -1;
            if (more == start - 1)
                break;
            start = more;
        }
    key->start = start, key->end = end, key->quoted = quoted;
    return key_declares(scan, rule, start, end);
}

/* Whether nothing behind the separator can be a value: no quote stands there, and the type is none whose values stand bare; -1: an error is set. */
static int has_no_value(Scan *scan, const TextRule *rule, Py_ssize_t at, PyObject *kind, int quoted)
{
    const unsigned char *low = scan->low;
    Py_ssize_t i = at + 1, n = scan->folded.length;
    while (i < n && i - at <= 3 && (low[i] == ' ' || low[i] == '\t'))
        i++;
    if (i < n && low[i] == '\\')
        i++;
    if (i < n && (low[i] == '"' || low[i] == '\'' || low[i] == '`'))
        return 0;
    PyObject *bare = part(rule, 7);
    for (Py_ssize_t k = 0; !quoted && k < PyTuple_Size(bare); k++)
        if (PyTuple_GetItem(bare, k) == kind || PyUnicode_Compare(PyTuple_GetItem(bare, k), kind) == 0)
            return 0;
    return PyErr_Occurred() ? -1 : 1;
}

/* The quoted value behind the separator at *at*, where it is plain enough to be judged here; 0: ask Python, 1: it is settled,
   -1: an error is set. What is settled here is what value_of, _is_value and keys.key_decides say of it. */
static int quoted_value(Scan *scan, const TextRule *rule, Py_ssize_t at, PyObject *kind)
{
    const Scanner *self = scan->self;
    const unsigned char *low = scan->low, *classes = ((Letters *)self->letters)->classes[0];
    Py_ssize_t n = scan->folded.length, i = at + 1, start, end;
    int plain = 0;
    while (plain < LABELLED_KINDS && self->plain[plain] != kind)
        plain++;
    if (plain == LABELLED_KINDS)
        return 0;
    while (i < n && i - at <= 3 && (low[i] == ' ' || low[i] == '\t'))
        i++;
    if (i >= n || (low[i] != '"' && low[i] != '\'' && low[i] != '`'))
        return 0;
    start = i + 1;
    for (end = start; end < n && end - start < VALUE_CHARS && low[end] != low[i]; end++)
        if (low[end] == '\n' || low[end] == 0)
            return 0;
    /* Whether it is a word that says nothing (null, <name>, ${NAME}, ***) is seen by its beginning. */
    if (end >= n || end - start >= VALUE_CHARS || end - start < 6 || plain_at(&scan->folded, start, end) == NULL || strchr("$ {<[*-x\t", low[start]) != NULL
        || classes[low[start]] & SPACE || classes[low[end - 1]] & SPACE)
        return 0;
    if (end - start <= 10 && memchr(low + start, ' ', (size_t)(end - start)) == NULL)
        return 0;
    Py_ssize_t word = start, stop, digits = 0, at_signs = 0, odd = 0;
    while (word < end && (classes[low[word]] & TOKEN_BITS) != LETTER)
        word++;
    for (stop = word; stop < end && (classes[low[stop]] & TOKEN_BITS) == LETTER; stop++)
        ;
    if (stop > word && words_hold(self, &self->no_values, low + word, stop - word))
        return 0;
    for (i = start; i < end; i++) {
        digits += low[i] >= '0' && low[i] <= '9';
        at_signs += low[i] == '@';
        odd += strchr("_/{}<>=\\", low[i]) != NULL;
    }
    switch (plain) {
    case PLAIN_PERSON:
        if (digits || at_signs || odd || end - start > 80 || word != start)
            return 0;
        break;
    case PLAIN_EMAIL:
        if (!at_signs)
            return 0;
        break;
    case PLAIN_PHONE:
        if (digits < 6)
            return 0;
        break;
    case PLAIN_SSN:
        if (digits < 4)
            return 0;
        break;
    default:
        if (digits < 8)
            return 0;
        break;
    }
    return give(scan, rule, start, end, self->quoted_score, kind, rule->name, part(rule, 4)) < 0 ? -1 : 1;
}

static int find_labelled(Scan *scan, const TextRule *rule)
{
    const unsigned char *low = scan->low;
    Py_ssize_t n = scan->folded.length;
    int closes = 0;
    const unsigned char *separators = scan->self->separators;
    for (Py_ssize_t at = 0; at < n; at++) {
        while (!separators[low[at]]) /* the zeros behind the text end it */
            at++;
        if (at >= n)
            break;
        if (low[at] == '<' && low[at + 1] == '/')
            closes = 1;
        if ((low[at] != ':' && low[at] != '=') || !at)
            continue;
        if (at + 1 < n && (low[at + 1] == ':' || low[at + 1] == '=' || low[at + 1] == '/'))
            continue;
        Key key;
        int declares = key_before(scan, rule, at, &key);
        if (declares < 0)
            return -1;
        if (!declares)
            continue;
        PyObject *kind = PyList_GetItem(scan->self->kinds, declares);
        int none = has_no_value(scan, rule, at, kind, key.quoted);
        if (none < 0)
            return -1;
        if (none)
            continue;
        int settled = quoted_value(scan, rule, at, kind);
        if (settled < 0)
            return -1;
        if (settled)
            continue;
        PyObject *name = PyUnicode_Substring(scan->folded.object, key.start, key.end), *span = NULL;
        if (name != NULL)
            span = PyObject_CallFunction(part(rule, 0), "OnOOisi", scan->folded.object, at + 1, name,
                                         PyList_GetItem(scan->self->kinds, declares), key.quoted, low[at] == ':' ? ":" : "=",
                                         low[at - 1] != ' ' && low[at - 1] != '\t');
        int failed = span == NULL ? -1 : span == Py_None ? 0 : take_span(scan, rule, span);
        Py_XDECREF(name);
        Py_XDECREF(span);
        if (failed < 0)
            return -1;
    }
    if (!closes)
        return 0;
    PyObject *spans = PyObject_CallFunctionObjArgs(part(rule, 2), scan->folded.object, NULL);
    int failed = spans == NULL ? -1 : take_spans(scan, rule, spans);
    Py_XDECREF(spans);
    return failed;
}

/* ------------------------------------------------------------------ all of them */

/* Reads what the rule's part needs; 0, or -1 with an error set. */
int open_own(Scanner *self, const TextRule *rule)
{
    static const Py_ssize_t wanted[] = {0, 0, 2, 4, 2, 3, 8, 1};
    if (rule->own < 0 || rule->own > FIND_SAID || PyTuple_Size(rule->parts) < wanted[rule->own]
        || (rule->own == FIND_NAMES && self->tagger == Py_None)) {
        PyErr_SetString(PyExc_ValueError, "a rule has not the parts that are asked for");
        return -1;
    }
    if (rule->own == FIND_EMAIL) {
        char *bytes;
        Py_ssize_t size;
        if (PyBytes_AsStringAndSize(part(rule, 0), &bytes, &size) < 0)
            return -1;
        for (Py_ssize_t i = 0; i < size; i++)
            self->email_local[(unsigned char)bytes[i]] = 1;
        return words_open(self, &self->not_tld, part(rule, 1));
    }
    if (rule->own == FIND_IBAN) {
        PyObject *countries = PySequence_Tuple(part(rule, 1));
        int failed = countries == NULL ? -1 : 0;
        for (Py_ssize_t i = 0; !failed && i < PyTuple_Size(countries); i++) {
            Py_ssize_t size;
            const char *pair = PyUnicode_AsUTF8AndSize(PyTuple_GetItem(countries, i), &size);
            int length = pair != NULL && size == 4 ? 10 * (pair[2] - '0') + pair[3] - '0' : 0;
            if (length < 12 || length > 40 || pair[0] < 'A' || pair[0] > 'Z' || pair[1] < 'A' || pair[1] > 'Z')
                failed = -1;
            else
                self->iban_country[(pair[0] - 'A') * 26 + pair[1] - 'A'] = (unsigned char)length;
        }
        Py_XDECREF(countries);
        self->iban_reason = part(rule, 2);
        if (failed && !PyErr_Occurred())
            PyErr_SetString(PyExc_ValueError, "a country is two capitals and a length");
        return failed;
    }
    if (rule->own == FIND_LABELLED) {
        self->separators[0] = self->separators['<'] = self->separators[':'] = self->separators['='] = 1;
        self->quoted_score = PyFloat_AsDouble(part(rule, 5));
        if (self->quoted_score == -1.0 && PyErr_Occurred())
            return -1;
        PyObject *kinds = part(rule, 3);
        if (!PyTuple_Check(kinds) || PyTuple_Size(kinds) != LABELLED_KINDS || !PyTuple_Check(part(rule, 7))) {
            PyErr_SetString(PyExc_ValueError, "there are five types of plain values");
            return -1;
        }
        for (int i = 0; i < LABELLED_KINDS; i++)
            self->plain[i] = PyTuple_GetItem(kinds, i);
        if (words_open(self, &self->no_values, part(rule, 6)) < 0)
            return -1;
    }
    if (rule->own == FIND_LABELLED && self->kinds == NULL && (self->kinds = Py_BuildValue("[O]", Py_None)) == NULL)
        return -1;
    if (rule->own == FIND_LABELLED && self->keys == NULL && (self->keys = PyMem_Calloc(KEY_SLOTS, sizeof *self->keys)) == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    return 0;
}

int find_own(Scan *scan, const TextRule *rule)
{
    switch (rule->own) {
    case FIND_NAMES: return find_names(scan);
    case FIND_EMAIL: return find_emails(scan, rule);
    case FIND_URL: return find_urls(scan, rule);
    case FIND_COLONS: return find_colons(scan, rule);
    case FIND_IBAN: return find_ibans(scan, rule);
    case FIND_LABELLED: return find_labelled(scan, rule);
    case FIND_SAID: return find_said(scan, rule);
    default: PyErr_SetString(PyExc_ValueError, "no such rule"); return -1;
    }
}
