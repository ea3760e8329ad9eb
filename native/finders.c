/* Rules over the whole text of which a part is done here. */
#include "scan.h"

/* ------------------------------------------------------------------ names: masking/detect/names.py */

typedef struct {
    Scan *scan;
    Py_ssize_t left, right; /* of the line looked at last */
    int code;
} Judged;

static int truth(PyObject *answer)
{
    int is = answer == NULL ? -1 : PyObject_IsTrue(answer);
    Py_XDECREF(answer);
    return is;
}

/* Whether a line may be source code at all; most prose has no sign of it, and Python is not asked. */
static int may_be_code(Scan *scan, Py_ssize_t left, Py_ssize_t right)
{
    const Scanner *self = scan->self;
    const Text *text = &scan->folded;
    Py_ssize_t i = left;
    for (; i < right; i++) {
        int bits = class_of((Letters *)self->letters, char_at(text, i));
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
        while (stop < right && char_at(text, stop) >= 'a' && char_at(text, stop) <= 'z')
            stop++;
        PyObject *word = PyUnicode_Substring(text->object, i, stop);
        int is = word == NULL ? -1 : PySet_Contains(self->code_words, word);
        Py_XDECREF(word);
        if (is)
            return is;
    }
    for (i = left; i < right; i++)
        if (self->code_sign[scan->low[i]] || (scan->low[i] == ':' && i + 1 < right && scan->low[i + 1] == ':'))
            return 1;
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
    judged->code = may_be_code(scan, left, right);
    if (judged->code > 0) {
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
    if (right - left > scan->self->no_name_max)
        return 0;
    if (scan->folded.narrow) {
        uint64_t hash = hash_bytes(scan->self->seed, scan->low + left, right - left);
        hash |= !hash;
        for (int i = 0; i < scan->self->no_names; i++)
            if (scan->self->no_name[i] == hash)
                return 1;
        return 0;
    }
    PyObject *value = PyUnicode_Substring(scan->folded.object, start, end);
    int is = value == NULL ? -1 : truth(PyObject_CallFunctionObjArgs(scan->self->is_no_name, value, NULL));
    Py_XDECREF(value);
    return is;
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
    if (!(has_before && (before == '\'' || before == '"'))) {
        is = ask_of(scan, start, end, "isupper");
        if (is)
            return is < 0 ? -1 : 0;
    }
    if ((bits = class_of(letters, char_at(text, start))) < 0)
        return -1;
    if (bits & UPPER)
        for (Py_ssize_t i = start; i < end; i++)
            if (scan->low[i] == ' ')
                return 1;
    PyObject *match = PyObject_CallFunction(self->sql, "Onn", text->object, start > self->line_max ? start - self->line_max : 0, start);
    is = match == NULL ? -1 : match != Py_None;
    Py_XDECREF(match);
    return is;
}

static int name_seen(void *context, Py_ssize_t start, Py_ssize_t end, int label, double score)
{
    Judged *judged = context;
    Scan *scan = judged->scan;
    if (!(judged->left <= start && start < judged->right) && judge(judged, start, end) < 0)
        return -1;
    int is = is_prose(scan, start, end, score, judged);
    if (is <= 0 || !(score >= scan->self->threshold))
        return is;
    PyObject *type = label == 1 ? scan->self->t_person : scan->self->t_location;
    if (scan->self->off_label[label])
        return 0;
    return add_found(scan, RANK_MODEL, start, end, score, type, scan->self->n_names, scan->self->model_reason);
}

static int find_names(Scan *scan)
{
    Judged judged = {scan, 0, -1, 0};
    return tagger_names(scan->self->tagger, &scan->folded, name_seen, &judged);
}

int find_own(Scan *scan, const TextRule *rule)
{
    switch (rule->own) {
    case FIND_NAMES: return find_names(scan);
    default: PyErr_SetString(PyExc_ValueError, "no such rule"); return -1;
    }
}
