/* The hot loops of the masking engine: tagging of names, and digit runs.
 *
 * Everything here repeats what masking/names/tagger.py and masking/runs.py do, to the last bit: the same order of
 * double additions (built with -ffp-contract=off), the same ties, the same limits. What a word is worth, what a code
 * point is, and what may stand in a run are asked of Python once and remembered, so that there is one definition of
 * each. Tests compare both on random and real texts.
 *
 * CPython's limited API (3.11 and later). No global state: each object owns its tables. The interpreter's lock is held
 * throughout; a call back into Python may let other threads in, so tables are looked up anew after each.
 */
#define Py_LIMITED_API 0x030b0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Raised whenever what Python and C ask of each other changes: an older binary is then left alone. */
#define NATIVE_VERSION 1

/* ------------------------------------------------------------------ names: words and pairs remembered */

enum { SKIP = 0, LETTER = 1, DIGIT = 2, SINGLE = 3 };
#define PAGES (0x110000 >> 8)
#define AFTER_APOSTROPHE_MAX 20
#define RING 512

typedef struct {
    double own[2], before[2], after[2], before2[2], after2[2];
    int32_t kind;
    int32_t hopeless;
} Word;

typedef struct {
    uint64_t hash;
    Py_UCS4 *token; /* NULL: free */
    Py_ssize_t length;
    Word word;
} WordSlot;

typedef struct {
    uint64_t key; /* 0: free; kinds are stored plus one */
    double left[2], right[2];
} PairSlot;

typedef struct {
    PyObject_HEAD
    PyObject *ask_word, *ask_pair, *ask_page;
    double t[9], slack;
    uint64_t seed;
    Py_ssize_t words_max, word_chars_max, stretch_max;
    WordSlot *words;
    size_t words_size, words_used;
    PairSlot *pairs;
    size_t pairs_size, pairs_used;
    unsigned char *pages[PAGES];
    Word edge;
} Tagger;

static uint64_t mix(uint64_t h)
{
    h ^= h >> 32;
    h *= 0xd6e8feb86659fd93ULL;
    h ^= h >> 29;
    h *= 0xa0761d6478bd642fULL;
    h ^= h >> 32;
    return h;
}

static uint64_t hash_token(const Tagger *self, const Py_UCS4 *token, Py_ssize_t length)
{
    uint64_t h = self->seed ^ (uint64_t)length;
    for (Py_ssize_t i = 0; i < length; i++)
        h = (h ^ token[i]) * 0x9e3779b97f4a7c15ULL, h ^= h >> 31;
    return mix(h);
}

static void forget_words(Tagger *self)
{
    for (size_t i = 0; i < self->words_size; i++) {
        PyMem_Free(self->words[i].token);
        self->words[i].token = NULL;
    }
    self->words_used = 0;
}

static WordSlot *word_slot(const Tagger *self, uint64_t hash, const Py_UCS4 *token, Py_ssize_t length)
{
    size_t mask = self->words_size - 1, i = (size_t)hash & mask;
    for (;; i = (i + 1) & mask) {
        WordSlot *slot = &self->words[i];
        if (slot->token == NULL)
            return slot;
        if (slot->hash == hash && slot->length == length
            && memcmp(slot->token, token, (size_t)length * sizeof *token) == 0)
            return slot;
    }
}

static int doubles(PyObject *tuple, Py_ssize_t from, double *out, Py_ssize_t count)
{
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *item = PyTuple_GetItem(tuple, from + i);
        if (item == NULL)
            return -1;
        out[i] = PyFloat_AsDouble(item);
        if (out[i] == -1.0 && PyErr_Occurred())
            return -1;
    }
    return 0;
}

static int parse_word(PyObject *answer, Word *word)
{
    if (!PyTuple_Check(answer) || PyTuple_Size(answer) != 12) {
        PyErr_SetString(PyExc_TypeError, "a word is twelve numbers");
        return -1;
    }
    double head[2];
    if (doubles(answer, 0, head, 2) < 0 || doubles(answer, 2, word->own, 2) < 0 || doubles(answer, 4, word->before, 2) < 0
        || doubles(answer, 6, word->after, 2) < 0 || doubles(answer, 8, word->before2, 2) < 0
        || doubles(answer, 10, word->after2, 2) < 0)
        return -1;
    word->kind = (int32_t)head[0];
    word->hopeless = head[1] != 0.0;
    return 0;
}

static int look_up(Tagger *self, PyObject *text, const Py_UCS4 *chars, Py_ssize_t start, Py_ssize_t end, Word *out)
{
    const Py_UCS4 *token = chars + start;
    Py_ssize_t length = end - start;
    int keep = length <= self->word_chars_max;
    uint64_t hash = 0;
    if (keep) {
        hash = hash_token(self, token, length);
        WordSlot *slot = word_slot(self, hash, token, length);
        if (slot->token != NULL) {
            *out = slot->word;
            return 0;
        }
    }
    PyObject *piece = PyUnicode_Substring(text, start, end);
    if (piece == NULL)
        return -1;
    PyObject *answer = PyObject_CallFunctionObjArgs(self->ask_word, piece, NULL);
    Py_DECREF(piece);
    if (answer == NULL)
        return -1;
    int failed = parse_word(answer, out);
    Py_DECREF(answer);
    if (failed)
        return -1;
    if (!keep)
        return 0;
    if ((Py_ssize_t)self->words_used >= self->words_max)
        forget_words(self);
    WordSlot *slot = word_slot(self, hash, token, length);
    if (slot->token != NULL)
        return 0;
    Py_UCS4 *copy = PyMem_Malloc((size_t)length * sizeof *copy);
    if (copy == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    memcpy(copy, token, (size_t)length * sizeof *copy);
    slot->hash = hash, slot->token = copy, slot->length = length, slot->word = *out;
    self->words_used++;
    return 0;
}

static PairSlot *pair_slot(PairSlot *pairs, size_t size, uint64_t key)
{
    size_t mask = size - 1, i = (size_t)mix(key) & mask;
    while (pairs[i].key != 0 && pairs[i].key != key)
        i = (i + 1) & mask;
    return &pairs[i];
}

static int look_up_pair(Tagger *self, int32_t a, int32_t b, PairSlot *out)
{
    uint64_t key = ((uint64_t)(uint32_t)(a + 1) << 32) | (uint32_t)(b + 1);
    PairSlot *slot = pair_slot(self->pairs, self->pairs_size, key);
    if (slot->key == key) {
        *out = *slot;
        return 0;
    }
    PyObject *answer = PyObject_CallFunction(self->ask_pair, "ii", (int)a, (int)b);
    if (answer == NULL)
        return -1;
    out->key = key;
    int failed = !PyTuple_Check(answer) || doubles(answer, 0, out->left, 2) < 0 || doubles(answer, 2, out->right, 2) < 0;
    Py_DECREF(answer);
    if (failed) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_TypeError, "a pair is four numbers");
        return -1;
    }
    if (2 * (self->pairs_used + 1) > self->pairs_size) {
        size_t size = 2 * self->pairs_size;
        PairSlot *bigger = PyMem_Calloc(size, sizeof *bigger);
        if (bigger == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        for (size_t i = 0; i < self->pairs_size; i++)
            if (self->pairs[i].key)
                *pair_slot(bigger, size, self->pairs[i].key) = self->pairs[i];
        PyMem_Free(self->pairs);
        self->pairs = bigger, self->pairs_size = size;
    }
    slot = pair_slot(self->pairs, self->pairs_size, key);
    if (slot->key == 0)
        self->pairs_used++;
    *slot = *out;
    return 0;
}

/* ------------------------------------------------------------------ names: tokens, one by one */

typedef struct {
    Py_ssize_t start, end;
    Word word;
} Token;

typedef struct {
    Tagger *tagger;
    PyObject *text;
    const Py_UCS4 *chars;
    Py_ssize_t length, at;
    Token *ring;              /* tokens base … base + count */
    Py_ssize_t base, count;
    int at_end;
} Tokens;

static int class_of(Tagger *self, Py_UCS4 c)
{
    Py_UCS4 page = c >> 8;
    if (page >= PAGES)
        return SKIP;
    if (self->pages[page] == NULL) {
        PyObject *answer = PyObject_CallFunction(self->ask_page, "i", (int)page);
        if (answer == NULL)
            return -1;
        char *bytes;
        Py_ssize_t size;
        if (PyBytes_AsStringAndSize(answer, &bytes, &size) < 0 || size != 256) {
            if (!PyErr_Occurred())
                PyErr_SetString(PyExc_TypeError, "a page is 256 bytes");
            Py_DECREF(answer);
            return -1;
        }
        if (self->pages[page] == NULL) {
            unsigned char *copy = PyMem_Malloc(256);
            if (copy == NULL) {
                Py_DECREF(answer);
                PyErr_NoMemory();
                return -1;
            }
            memcpy(copy, bytes, 256);
            self->pages[page] = copy;
        }
        Py_DECREF(answer);
    }
    return self->pages[page][c & 0xff];
}

/* Reads tokens until number *index* is there. 1: it is; 0: the text has no more; -1: an error is set. */
static int reach(Tokens *ts, Py_ssize_t index, Py_ssize_t needed)
{
    Tagger *self = ts->tagger;
    while (index >= ts->base + ts->count) {
        if (ts->at_end)
            return 0;
        int kind = SKIP;
        while (ts->at < ts->length) {
            kind = class_of(self, ts->chars[ts->at]);
            if (kind < 0)
                return -1;
            if (kind != SKIP)
                break;
            ts->at++;
        }
        if (ts->at >= ts->length) {
            ts->at_end = 1;
            return 0;
        }
        Py_ssize_t start = ts->at, end = start + 1;
        if (kind == LETTER || kind == DIGIT) {
            int next = 0;
            while (end < ts->length && (next = class_of(self, ts->chars[end])) == kind)
                end++;
            if (next < 0)
                return -1;
            if (kind == LETTER && end < ts->length && (ts->chars[end] == '\'' || ts->chars[end] == 0x2019)) {
                Py_ssize_t more = end + 1;
                next = 0;
                while (more < ts->length && more - end <= AFTER_APOSTROPHE_MAX
                       && (next = class_of(self, ts->chars[more])) == LETTER)
                    more++;
                if (next < 0)
                    return -1;
                if (more > end + 1)
                    end = more;
            }
        }
        if (ts->count == RING) { /* what lies before the tokens still needed goes */
            Py_ssize_t drop = needed - ts->base;
            memmove(ts->ring, ts->ring + drop, (size_t)(ts->count - drop) * sizeof *ts->ring);
            ts->base += drop, ts->count -= drop;
        }
        Token *token = &ts->ring[ts->count];
        token->start = start, token->end = end;
        if (look_up(self, ts->text, ts->chars, start, end, &token->word) < 0)
            return -1;
        ts->at = end;
        ts->count++;
    }
    return 1;
}

#define WORD(ts, i) ((ts)->ring[(i) - (ts)->base].word)

/* ------------------------------------------------------------------ names: decoding */

typedef struct {
    PyObject *found;
    Py_ssize_t start, end, last; /* of the run that is open; last: its last token */
    int label;                   /* 0: none open */
    double margin;
} Runs_;

static int close_run(Runs_ *run)
{
    if (!run->label)
        return 0;
    double margin = run->margin > 0.0 ? run->margin : 0.0;
    double score = 0.5 + 0.05 * margin;
    if (!(score < 0.85))
        score = 0.85;
    PyObject *item = Py_BuildValue("(nnid)", run->start, run->end, run->label, score);
    run->label = 0;
    if (item == NULL)
        return -1;
    int failed = PyList_Append(run->found, item);
    Py_DECREF(item);
    return failed;
}

static int best_of(double x, double y, double z, double *best)
{
    if (x >= y && x >= z) {
        *best = x;
        return 0;
    }
    if (y >= z) {
        *best = y;
        return 1;
    }
    *best = z;
    return 2;
}

static int decode(Tokens *ts, Py_ssize_t start, Py_ssize_t stop, Runs_ *run, double (*scores)[2], unsigned char (*backs)[3],
                  unsigned char *labels)
{
    Tagger *self = ts->tagger;
    const double *t = self->t;
    double best = -1e9;
    Py_ssize_t count = stop - start;
    for (Py_ssize_t i = start; i < stop; i++) {
        int more = reach(ts, i + 2, start >= 2 ? start - 2 : 0);
        if (more < 0)
            return -1;
        Py_ssize_t n = more ? i + 3 : ts->base + ts->count;
        /* The ring is this call's own and holds copies: what a call back does to the tables moves none of these. */
        const Word *w = &WORD(ts, i);
        const Word *p1 = i ? &WORD(ts, i - 1) : &self->edge;
        const Word *n1 = i + 1 < n ? &WORD(ts, i + 1) : &self->edge;
        const Word *p2 = i > 1 ? &WORD(ts, i - 2) : &self->edge;
        const Word *n2 = i + 2 < n ? &WORD(ts, i + 2) : &self->edge;
        PairSlot f, g;
        if (look_up_pair(self, p1->kind, w->kind, &f) < 0 || look_up_pair(self, w->kind, n1->kind, &g) < 0)
            return -1;
        for (int k = 0; k < 2; k++) {
            double sum = w->own[k] + p1->before[k] + n1->after[k] + p2->before2[k] + n2->after2[k] + f.left[k] + g.right[k];
            scores[i - start][k] = sum;
            if (sum > best)
                best = sum;
        }
    }
    if (!(best + self->slack >= 0.0))
        return 0;
    double so = 0.0, sp = -1e9, sl = -1e9, no, np, nl;
    for (Py_ssize_t i = 0; i < count; i++) {
        backs[i][0] = (unsigned char)best_of(so + t[0], sp + t[3], sl + t[6], &no);
        backs[i][1] = (unsigned char)best_of(so + t[1], sp + t[4], sl + t[7], &np);
        backs[i][2] = (unsigned char)best_of(so + t[2], sp + t[5], sl + t[8], &nl);
        so = no, sp = np + scores[i][0], sl = nl + scores[i][1];
    }
    int label = best_of(so + t[0], sp + t[3], sl + t[6], &no);
    for (Py_ssize_t i = count - 1; i >= 0; i--) {
        labels[i] = (unsigned char)label;
        label = backs[i][label];
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        if (!labels[i])
            continue;
        Py_ssize_t at = start + i;
        double margin = scores[i][labels[i] - 1];
        const Token *token = &ts->ring[at - ts->base];
        if (run->label == labels[i] && run->last == at - 1) {
            run->last = at, run->end = token->end;
            if (margin > run->margin)
                run->margin = margin;
            continue;
        }
        if (close_run(run) < 0)
            return -1;
        run->label = labels[i], run->start = token->start, run->end = token->end, run->last = at, run->margin = margin;
    }
    return 0;
}

static int tag(Tokens *ts, Runs_ *run, double (*scores)[2], unsigned char (*backs)[3], unsigned char *labels)
{
    Py_ssize_t i = 0, stretch_max = ts->tagger->stretch_max;
    for (;;) {
        int there = reach(ts, i, i >= 2 ? i - 2 : 0);
        if (there <= 0)
            return there;
        if (WORD(ts, i).hopeless) {
            i++;
            continue;
        }
        Py_ssize_t j = i + 1, needed = i >= 2 ? i - 2 : 0;
        while (j - i < stretch_max) {
            there = reach(ts, j, needed);
            if (there < 0)
                return -1;
            if (!there)
                break;
            if (WORD(ts, j).hopeless) {
                there = reach(ts, j + 1, needed);
                if (there < 0)
                    return -1;
                if (!there || WORD(ts, j + 1).hopeless)
                    break;
            }
            j++;
        }
        if (decode(ts, i, j, run, scores, backs, labels) < 0)
            return -1;
        i = j;
    }
}

static PyObject *tagger_find(PyObject *object, PyObject *text)
{
    Tagger *self = (Tagger *)object;
    if (!PyUnicode_Check(text)) {
        PyErr_SetString(PyExc_TypeError, "only text can be tagged");
        return NULL;
    }
    Py_ssize_t length = PyUnicode_GetLength(text);
    if (length < 0)
        return NULL;
    PyObject *found = PyList_New(0);
    if (found == NULL)
        return NULL;
    size_t stretch = (size_t)self->stretch_max;
    Py_UCS4 *chars = PyMem_Malloc(((size_t)length + 1) * sizeof *chars);
    Token *ring = PyMem_Malloc(RING * sizeof *ring);
    double(*scores)[2] = PyMem_Malloc(stretch * sizeof *scores);
    unsigned char(*backs)[3] = PyMem_Malloc(stretch * sizeof *backs);
    unsigned char *labels = PyMem_Malloc(stretch);
    int failed = 1;
    if (!chars || !ring || !scores || !backs || !labels) {
        PyErr_NoMemory();
    } else if (PyUnicode_AsUCS4(text, chars, length + 1, 1) != NULL) {
        Tokens ts = {self, text, chars, length, 0, ring, 0, 0, 0};
        Runs_ run = {found, 0, 0, 0, 0, 0.0};
        failed = tag(&ts, &run, scores, backs, labels) < 0 || close_run(&run) < 0;
    }
    PyMem_Free(chars);
    PyMem_Free(ring);
    PyMem_Free(scores);
    PyMem_Free(backs);
    PyMem_Free(labels);
    if (failed)
        Py_CLEAR(found);
    return found;
}

static PyObject *tagger_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *ask_word, *ask_pair, *ask_page, *transitions, *edge;
    double slack;
    unsigned long long seed;
    Py_ssize_t words_max, word_chars_max, stretch_max;
    if (kwargs != NULL && PyDict_Size(kwargs) != 0) {
        PyErr_SetString(PyExc_TypeError, "by place only");
        return NULL;
    }
    if (!PyArg_ParseTuple(args, "OOOO!dO!Knnn", &ask_word, &ask_pair, &ask_page, &PyTuple_Type, &transitions, &slack,
                          &PyTuple_Type, &edge, &seed, &words_max, &word_chars_max, &stretch_max))
        return NULL;
    if (PyTuple_Size(transitions) != 9 || words_max < 1 || words_max > (1 << 24) || word_chars_max < 1
        || word_chars_max > 4096 || stretch_max < 1 || stretch_max > RING - 8) {
        PyErr_SetString(PyExc_ValueError, "a limit of the tagger is out of its range");
        return NULL;
    }
    allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Tagger *self = (Tagger *)alloc(type, 0);
    if (self == NULL)
        return NULL;
    self->slack = slack, self->seed = mix(seed);
    self->words_max = words_max, self->word_chars_max = word_chars_max, self->stretch_max = stretch_max;
    self->ask_word = Py_NewRef(ask_word), self->ask_pair = Py_NewRef(ask_pair), self->ask_page = Py_NewRef(ask_page);
    self->words_size = 64;
    while (self->words_size < 2 * (size_t)words_max)
        self->words_size *= 2;
    self->pairs_size = 1024;
    self->words = PyMem_Calloc(self->words_size, sizeof *self->words);
    self->pairs = PyMem_Calloc(self->pairs_size, sizeof *self->pairs);
    if (self->words == NULL || self->pairs == NULL) {
        PyErr_NoMemory();
    } else if (doubles(transitions, 0, self->t, 9) == 0 && parse_word(edge, &self->edge) == 0) {
        return (PyObject *)self;
    }
    Py_DECREF(self);
    return NULL;
}

static int tagger_traverse(PyObject *object, visitproc visit, void *arg)
{
    Tagger *self = (Tagger *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->ask_word);
    Py_VISIT(self->ask_pair);
    Py_VISIT(self->ask_page);
    return 0;
}

static int tagger_clear(PyObject *object)
{
    Tagger *self = (Tagger *)object;
    Py_CLEAR(self->ask_word);
    Py_CLEAR(self->ask_pair);
    Py_CLEAR(self->ask_page);
    return 0;
}

static void tagger_dealloc(PyObject *object)
{
    Tagger *self = (Tagger *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    tagger_clear(object);
    if (self->words != NULL)
        forget_words(self);
    PyMem_Free(self->words);
    PyMem_Free(self->pairs);
    for (size_t i = 0; i < PAGES; i++)
        PyMem_Free(self->pages[i]);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
}

static PyMethodDef tagger_methods[] = {
    {"find", tagger_find, METH_O, "(start, end, label, score) of every name in the text"},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot tagger_slots[] = {
    {Py_tp_new, tagger_new},         {Py_tp_dealloc, tagger_dealloc}, {Py_tp_traverse, tagger_traverse},
    {Py_tp_clear, tagger_clear},     {Py_tp_methods, tagger_methods}, {0, NULL},
};

static PyType_Spec tagger_spec = {
    "masking._native.Tagger", sizeof(Tagger), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, tagger_slots,
};

/* ------------------------------------------------------------------ digit runs */

#define GROUPS_MAX 16
#define GROUP_CHARS_MAX 64
#define RUN_CHARS_MAX (GROUPS_MAX * (GROUP_CHARS_MAX + 3))
#define LETTERS_LEFT_MAX 40
#define STEPS 6

typedef struct {
    PyObject_HEAD
    PyObject *memo, *ask_places, *ask_odd, *loose, *tails;
    int32_t (*trie)[STEPS]; /* the odd shapes; 0: no such step */
    unsigned char *ends;
    size_t nodes;
} RunFinder;

static int is_join(unsigned char c)
{
    return c == '-' || c == '.' || c == ' ' || c == '/' || c == '(' || c == ')' || c == '+';
}

static int is_group(unsigned char c)
{
    return c == '0' || c == 'A';
}

static int is_loose_join(unsigned char c)
{
    return c == '-' || c == ' ' || c == '.' || c == '/';
}

static int is_tight(unsigned char c)
{
    return c == '-' || c == '.' || c == '0' || c == 'A' || c == '_' || c == 0xe9;
}

static int step_of(unsigned char c)
{
    switch (c) {
    case '0': return 0;
    case 'A': return 1;
    case '-': return 2;
    case ' ': return 3;
    case '.': return 4;
    case '/': return 5;
    default: return -1;
    }
}

/* Adds what may stand in shape[start:end]; 0, or -1 with an error set. */
static int add_run(RunFinder *self, PyObject *ask, PyObject *out, const char *shape, Py_ssize_t start, Py_ssize_t end,
                   Py_ssize_t at)
{
    PyObject *run = PyBytes_FromStringAndSize(shape + start, end - start);
    if (run == NULL)
        return -1;
    PyObject *places = PyDict_GetItemWithError(self->memo, run);
    if (places != NULL) {
        Py_INCREF(places);
    } else {
        if (!PyErr_Occurred())
            places = PyObject_CallFunctionObjArgs(ask, run, NULL);
        if (places == NULL) {
            Py_DECREF(run);
            return -1;
        }
    }
    Py_DECREF(run);
    int failed = 0;
    Py_ssize_t size = PyTuple_Check(places) ? PyTuple_Size(places) : -1;
    if (size < 0) {
        PyErr_SetString(PyExc_TypeError, "places are a tuple");
        failed = -1;
    } else if (size > 0) {
        PyObject *item = Py_BuildValue("(nO)", at, places);
        failed = item == NULL ? -1 : PyList_Append(out, item);
        Py_XDECREF(item);
    }
    Py_DECREF(places);
    return failed;
}

static int odd_runs(RunFinder *self, PyObject *out, const unsigned char *shape, Py_ssize_t length, Py_ssize_t start,
                    Py_ssize_t end)
{
    for (Py_ssize_t at = start; at < end; at++) {
        if (!is_group(shape[at]) || (at > start && is_group(shape[at - 1])))
            continue;
        if (at && is_tight(shape[at - 1]))
            continue;
        Py_ssize_t stop = -1;
        int32_t node = 0;
        for (Py_ssize_t i = at; i < length; i++) {
            int step = step_of(shape[i]);
            if (step < 0 || (node = self->trie[node][step]) == 0)
                break;
            if (self->ends[node] && (i + 1 == length || !is_group(shape[i + 1])))
                stop = i + 1;
        }
        if (stop > end && add_run(self, self->ask_odd, out, (const char *)shape, at, stop, at) < 0)
            return -1;
    }
    return 0;
}

static int one_run(RunFinder *self, PyObject *out, const unsigned char *shape, Py_ssize_t length, Py_ssize_t start,
                   Py_ssize_t end)
{
    if (end - start > RUN_CHARS_MAX)
        return 0;
    unsigned char before = start ? shape[start - 1] : 0;
    if (before == 'A') {
        Py_ssize_t floor = start > LETTERS_LEFT_MAX ? start - LETTERS_LEFT_MAX : 0;
        while (start > floor && is_group(shape[start - 1]))
            start--;
        before = start ? shape[start - 1] : 0;
    }
    if (before == '(' || before == '+') {
        start -= start > 1 && shape[start - 2] == '+' && before == '(' ? 2 : 1;
        if (shape[start] == '(' && start > 1 && shape[start - 1] == ' ' && shape[start - 2] == '+')
            start -= 2;
        before = start ? shape[start - 1] : 0;
    } else if (before == ' ' && start > 1 && shape[start - 2] == '+') {
        start -= 2;
        before = start ? shape[start - 1] : 0;
    }
    if (is_loose_join(before) && start > 1 && shape[start - 2] == 'A') {
        Py_ssize_t count = PyTuple_Size(self->loose);
        for (Py_ssize_t i = 0; i < count; i++) {
            char *prefix;
            Py_ssize_t size;
            if (PyBytes_AsStringAndSize(PyTuple_GetItem(self->loose, i), &prefix, &size) < 0)
                return -1;
            if (size <= start && memcmp(shape + start - size, prefix, (size_t)size) == 0
                && (size == start || !is_group(shape[start - size - 1]))) {
                start -= size;
                break;
            }
        }
    }
    if (end < length && is_loose_join(shape[end])) {
        if (end + 1 < length && shape[end + 1] == 'A' && odd_runs(self, out, shape, length, start, end) < 0)
            return -1;
        Py_ssize_t count = PyTuple_Size(self->tails);
        for (Py_ssize_t i = 0; i < count; i++) {
            char *tail;
            Py_ssize_t size;
            if (PyBytes_AsStringAndSize(PyTuple_GetItem(self->tails, i), &tail, &size) < 0)
                return -1;
            if (size <= length - end && memcmp(shape + end, tail, (size_t)size) == 0
                && (end + size == length || !is_group(shape[end + size]))) {
                end += size;
                break;
            }
        }
    }
    if (before == '_' && memchr(shape + start, 'A', (size_t)(end - start)) != NULL)
        return 0;
    return add_run(self, self->ask_places, out, (const char *)shape, start, end, start);
}

static PyObject *runs_find(PyObject *object, PyObject *argument)
{
    RunFinder *self = (RunFinder *)object;
    char *bytes;
    Py_ssize_t length;
    if (PyBytes_AsStringAndSize(argument, &bytes, &length) < 0)
        return NULL;
    const unsigned char *shape = (const unsigned char *)bytes;
    PyObject *out = PyList_New(0);
    if (out == NULL)
        return NULL;
    Py_ssize_t pos = 0;
    while (pos < length) {
        const unsigned char *first = memchr(shape + pos, '0', (size_t)(length - pos));
        if (first == NULL)
            break;
        Py_ssize_t start = first - shape, end = start, groups = 1, middle = -1;
        while (end < length && is_group(shape[end]))
            end++;
        int blob = end - start > GROUP_CHARS_MAX;
        while (!blob && groups < GROUPS_MAX) {
            Py_ssize_t next = end;
            while (next < length && next - end < 3 && is_join(shape[next]))
                next++;
            if (next == end || next >= length || shape[next] != '0')
                break;
            Py_ssize_t stop = next + 1;
            while (stop < length && stop - next <= GROUP_CHARS_MAX && is_group(shape[stop]))
                stop++;
            if (stop - next > GROUP_CHARS_MAX)
                break;
            if (groups == GROUPS_MAX / 2)
                middle = next;
            groups++;
            end = stop;
        }
        pos = groups == GROUPS_MAX ? middle : end;
        if (one_run(self, out, shape, length, start, end) < 0) {
            Py_DECREF(out);
            return NULL;
        }
    }
    return out;
}

static PyObject *runs_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *memo, *ask_places, *ask_odd, *loose, *tails, *odd;
    if (kwargs != NULL && PyDict_Size(kwargs) != 0) {
        PyErr_SetString(PyExc_TypeError, "by place only");
        return NULL;
    }
    if (!PyArg_ParseTuple(args, "O!OOO!O!O!", &PyDict_Type, &memo, &ask_places, &ask_odd, &PyTuple_Type, &loose,
                          &PyTuple_Type, &tails, &PyTuple_Type, &odd))
        return NULL;
    allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    RunFinder *self = (RunFinder *)alloc(type, 0);
    if (self == NULL)
        return NULL;
    self->memo = Py_NewRef(memo), self->ask_places = Py_NewRef(ask_places), self->ask_odd = Py_NewRef(ask_odd);
    self->loose = Py_NewRef(loose), self->tails = Py_NewRef(tails);
    Py_ssize_t count = PyTuple_Size(odd);
    size_t total = 1;
    for (Py_ssize_t i = 0; i < count; i++) {
        Py_ssize_t size = PyBytes_Size(PyTuple_GetItem(odd, i));
        if (size < 0)
            goto failed;
        total += (size_t)size;
    }
    self->trie = PyMem_Calloc(total, sizeof *self->trie);
    self->ends = PyMem_Calloc(total, 1);
    if (self->trie == NULL || self->ends == NULL) {
        PyErr_NoMemory();
        goto failed;
    }
    self->nodes = 1;
    for (Py_ssize_t i = 0; i < count; i++) {
        const char *bytes = PyBytes_AsString(PyTuple_GetItem(odd, i));
        int32_t node = 0;
        for (; *bytes; bytes++) {
            int step = step_of((unsigned char)*bytes);
            if (step < 0) {
                PyErr_SetString(PyExc_ValueError, "an odd shape holds a character that shapes have not");
                goto failed;
            }
            if (self->trie[node][step] == 0)
                self->trie[node][step] = (int32_t)self->nodes++;
            node = self->trie[node][step];
        }
        self->ends[node] = 1;
    }
    return (PyObject *)self;
failed:
    Py_DECREF(self);
    return NULL;
}

static int runs_traverse(PyObject *object, visitproc visit, void *arg)
{
    RunFinder *self = (RunFinder *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->memo);
    Py_VISIT(self->ask_places);
    Py_VISIT(self->ask_odd);
    Py_VISIT(self->loose);
    Py_VISIT(self->tails);
    return 0;
}

static int runs_clear(PyObject *object)
{
    RunFinder *self = (RunFinder *)object;
    Py_CLEAR(self->memo);
    Py_CLEAR(self->ask_places);
    Py_CLEAR(self->ask_odd);
    Py_CLEAR(self->loose);
    Py_CLEAR(self->tails);
    return 0;
}

static void runs_dealloc(PyObject *object)
{
    RunFinder *self = (RunFinder *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    runs_clear(object);
    PyMem_Free(self->trie);
    PyMem_Free(self->ends);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
}

static PyMethodDef runs_methods[] = {
    {"runs", runs_find, METH_O, "(offset, places) of every run of the shape in which something may stand"},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot runs_slots[] = {
    {Py_tp_new, runs_new},     {Py_tp_dealloc, runs_dealloc}, {Py_tp_traverse, runs_traverse},
    {Py_tp_clear, runs_clear}, {Py_tp_methods, runs_methods}, {0, NULL},
};

static PyType_Spec runs_spec = {
    "masking._native.RunFinder", sizeof(RunFinder), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, runs_slots,
};

/* ------------------------------------------------------------------ the module */

static int module_exec(PyObject *module)
{
    PyType_Spec *specs[] = {&tagger_spec, &runs_spec};
    const char *names[] = {"Tagger", "RunFinder"};
    for (int i = 0; i < 2; i++) {
        PyObject *type = PyType_FromModuleAndSpec(module, specs[i], NULL);
        if (type == NULL)
            return -1;
        int failed = PyModule_AddObjectRef(module, names[i], type);
        Py_DECREF(type);
        if (failed < 0)
            return -1;
    }
    return PyModule_AddIntConstant(module, "VERSION", NATIVE_VERSION);
}

static PyModuleDef_Slot module_slots[] = {{Py_mod_exec, module_exec}, {0, NULL}};

static struct PyModuleDef module_def = {
    PyModuleDef_HEAD_INIT, "_native", "The hot loops of masking; see masking/native.py.", 0, NULL, module_slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__native(void);

PyMODINIT_FUNC PyInit__native(void)
{
    return PyModuleDef_Init(&module_def);
}
