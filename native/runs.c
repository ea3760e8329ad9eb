/* Digit runs: what masking/runs.py does over a text's shape. */
#include "native.h"

#define GROUPS_MAX 16
#define GROUP_CHARS_MAX 64
#define RUN_CHARS_MAX (GROUPS_MAX * (GROUP_CHARS_MAX + 3))
#define LETTERS_LEFT_MAX 40
#define STEPS 6

typedef struct {
    const char *bytes; /* borrowed */
    Py_ssize_t size, letters; /* letters: of its last word */
} Piece;

typedef struct {
    PyObject_HEAD
    PyObject *memo, *ask_places, *ask_odd, *loose, *tails;
    Piece *loose_pieces, *tail_pieces; /* what loose and tails hold */
    Py_ssize_t loose_count, tail_count;
    uint64_t loose_letters, tail_letters; /* a bit for each number of letters that one of them has (more than 63: the last) */
    int32_t (*trie)[STEPS]; /* the odd shapes; 0: no such step */
    unsigned char *ends;
    size_t nodes;
    uint64_t *single; /* hashes of the shapes that are one group */
    unsigned char mixed[GROUP_CHARS_MAX + 1]; /* the lengths of a group in which something may stand without DIGITS digits in a row */
} RunFinder;

#define SINGLE_SLOTS 8192
#define DIGITS 6

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

static int is_single(const RunFinder *self, const unsigned char *shape, Py_ssize_t length)
{
    uint64_t hash = hash_bytes(1, shape, length);
    for (size_t i = (size_t)(hash >> 8) % SINGLE_SLOTS; self->single[i]; i = (i + 1) % SINGLE_SLOTS)
        if (self->single[i] == (hash | !hash))
            return 1;
    return 0;
}

/* RunIndex._is_nothing */
int runs_nothing(PyObject *finder, const unsigned char *shape, Py_ssize_t length)
{
    const RunFinder *self = (const RunFinder *)finder;
    Py_ssize_t row = 0;
    if (length <= GROUP_CHARS_MAX && self->mixed[length])
        return 0;
    for (Py_ssize_t i = 0; i < length; i++) {
        if (!is_group(shape[i]))
            return 0;
        row = shape[i] == '0' ? row + 1 : 0;
        if (row >= DIGITS)
            return 0;
    }
    return !is_single(self, shape, length);
}

typedef struct {
    RunFinder *finder;
    run_found found;
    void *context;
} Finding;

static int odd_runs(const Finding *run, const unsigned char *shape, Py_ssize_t length, Py_ssize_t start,
                    Py_ssize_t end)
{
    const RunFinder *self = run->finder;
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
        if (stop > end && run->found(run->context, shape + at, stop - at, at, 1) < 0)
            return -1;
    }
    return 0;
}

static int has_letters(uint64_t bits, Py_ssize_t letters)
{
    return bits >> (letters < 63 ? letters : 63) & 1;
}

static int one_run(const Finding *run, const unsigned char *shape, Py_ssize_t length, Py_ssize_t start, Py_ssize_t end)
{
    const RunFinder *self = run->finder;
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
        Py_ssize_t letters = 0;
        while (start - 2 - letters >= 0 && shape[start - 2 - letters] == 'A')
            letters++;
        for (Py_ssize_t i = 0; has_letters(self->loose_letters, letters) && i < self->loose_count; i++) {
            Py_ssize_t size = self->loose_pieces[i].size;
            if (self->loose_pieces[i].letters != letters) /* nor is it then its last word that stands there */
                continue;
            if (size <= start && memcmp(shape + start - size, self->loose_pieces[i].bytes, (size_t)size) == 0
                && (size == start || !is_group(shape[start - size - 1]))) {
                start -= size;
                break;
            }
        }
    }
    if (end < length && is_loose_join(shape[end])) {
        if (end + 1 < length && shape[end + 1] == 'A' && odd_runs(run, shape, length, start, end) < 0)
            return -1;
        Py_ssize_t letters = 0;
        while (end + 1 + letters < length && shape[end + 1 + letters] == 'A')
            letters++;
        for (Py_ssize_t i = 0; has_letters(self->tail_letters, letters) && i < self->tail_count; i++) {
            Py_ssize_t size = self->tail_pieces[i].size;
            if (self->tail_pieces[i].letters != letters)
                continue;
            if (size <= length - end && memcmp(shape + end, self->tail_pieces[i].bytes, (size_t)size) == 0
                && (end + size == length || !is_group(shape[end + size]))) {
                end += size;
                break;
            }
        }
    }
    if (before == '_' && memchr(shape + start, 'A', (size_t)(end - start)) != NULL)
        return 0;
    return run->found(run->context, shape + start, end - start, start, 0);
}

int runs_each(PyObject *object, const unsigned char *shape, Py_ssize_t length, run_found found, void *context)
{
    Finding run = {(RunFinder *)object, found, context};
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
        if (one_run(&run, shape, length, start, end) < 0)
            return -1;
    }
    return 0;
}

/* What may stand in a run of this shape, as Python says; a new reference. */
PyObject *runs_places(PyObject *object, const unsigned char *shape, Py_ssize_t length, int odd)
{
    RunFinder *self = (RunFinder *)object;
    PyObject *run = PyBytes_FromStringAndSize((const char *)shape, length);
    if (run == NULL)
        return NULL;
    PyObject *places = PyDict_GetItemWithError(self->memo, run);
    if (places != NULL)
        Py_INCREF(places);
    else if (!PyErr_Occurred())
        places = PyObject_CallFunctionObjArgs(odd ? self->ask_odd : self->ask_places, run, NULL);
    Py_DECREF(run);
    if (places != NULL && !PyTuple_Check(places)) {
        PyErr_SetString(PyExc_TypeError, "places are a tuple");
        Py_CLEAR(places);
    }
    return places;
}

typedef struct {
    PyObject *finder, *out;
} Listing;

static int list_run(void *context, const unsigned char *shape, Py_ssize_t length, Py_ssize_t at, int odd)
{
    Listing *listing = context;
    PyObject *places = runs_places(listing->finder, shape, length, odd);
    if (places == NULL)
        return -1;
    int failed = 0;
    if (PyTuple_Size(places) > 0) {
        PyObject *item = Py_BuildValue("(nO)", at, places);
        failed = item == NULL ? -1 : PyList_Append(listing->out, item);
        Py_XDECREF(item);
    }
    Py_DECREF(places);
    return failed;
}

static PyObject *runs_find(PyObject *object, PyObject *argument)
{
    char *bytes;
    Py_ssize_t length;
    if (PyBytes_AsStringAndSize(argument, &bytes, &length) < 0)
        return NULL;
    Listing listing = {object, PyList_New(0)};
    if (listing.out != NULL && runs_each(object, (const unsigned char *)bytes, length, list_run, &listing) < 0)
        Py_CLEAR(listing.out);
    return listing.out;
}

static Piece *pieces_of(PyObject *tuple, Py_ssize_t *count, uint64_t *letters)
{
    Py_ssize_t n = PyTuple_Size(tuple);
    Piece *pieces = PyMem_Calloc((size_t)n + 1, sizeof *pieces);
    if (pieces == NULL)
        PyErr_NoMemory();
    for (Py_ssize_t i = 0; pieces != NULL && i < n; i++) {
        char *bytes;
        if (PyBytes_AsStringAndSize(PyTuple_GetItem(tuple, i), &bytes, &pieces[i].size) < 0) {
            PyMem_Free(pieces);
            return NULL;
        }
        pieces[i].bytes = bytes;
        Py_ssize_t last = pieces[i].size;
        while (last > 0 && bytes[last - 1] != 'A')
            last--;
        while (last > 0 && bytes[last - 1] == 'A')
            last--, pieces[i].letters++;
        *letters |= 1ULL << (pieces[i].letters < 63 ? pieces[i].letters : 63);
    }
    *count = n;
    return pieces;
}

static int read_single(RunFinder *self, PyObject *single, PyObject *mixed)
{
    Py_ssize_t count = PyTuple_Size(single);
    if (count >= SINGLE_SLOTS / 2) {
        PyErr_SetString(PyExc_ValueError, "too many shapes are one group");
        return -1;
    }
    if ((self->single = PyMem_Calloc(SINGLE_SLOTS, sizeof *self->single)) == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        char *bytes;
        Py_ssize_t size;
        if (PyBytes_AsStringAndSize(PyTuple_GetItem(single, i), &bytes, &size) < 0)
            return -1;
        uint64_t hash = hash_bytes(1, (const unsigned char *)bytes, size);
        size_t k = (size_t)(hash >> 8) % SINGLE_SLOTS;
        while (self->single[k])
            k = (k + 1) % SINGLE_SLOTS;
        self->single[k] = hash | !hash;
    }
    for (Py_ssize_t i = 0; i < PyTuple_Size(mixed); i++) {
        Py_ssize_t length = PyLong_AsSsize_t(PyTuple_GetItem(mixed, i));
        if (length < 0 || length > GROUP_CHARS_MAX) {
            if (!PyErr_Occurred())
                PyErr_SetString(PyExc_ValueError, "a group is no longer than that");
            return -1;
        }
        self->mixed[length] = 1;
    }
    return 0;
}

static PyObject *runs_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *memo, *ask_places, *ask_odd, *loose, *tails, *odd, *single, *mixed;
    if (kwargs != NULL && PyDict_Size(kwargs) != 0) {
        PyErr_SetString(PyExc_TypeError, "by place only");
        return NULL;
    }
    if (!PyArg_ParseTuple(args, "O!OOO!O!O!O!O!", &PyDict_Type, &memo, &ask_places, &ask_odd, &PyTuple_Type, &loose,
                          &PyTuple_Type, &tails, &PyTuple_Type, &odd, &PyTuple_Type, &single, &PyTuple_Type, &mixed))
        return NULL;
    allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    RunFinder *self = (RunFinder *)alloc(type, 0);
    if (self == NULL)
        return NULL;
    self->memo = Py_NewRef(memo), self->ask_places = Py_NewRef(ask_places), self->ask_odd = Py_NewRef(ask_odd);
    self->loose = Py_NewRef(loose), self->tails = Py_NewRef(tails);
    self->loose_pieces = pieces_of(loose, &self->loose_count, &self->loose_letters);
    self->tail_pieces = pieces_of(tails, &self->tail_count, &self->tail_letters);
    if (self->loose_pieces == NULL || self->tail_pieces == NULL)
        goto failed;
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
    if (read_single(self, single, mixed) < 0)
        goto failed;
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
    PyMem_Free(self->loose_pieces);
    PyMem_Free(self->tail_pieces);
    PyMem_Free(self->trie);
    PyMem_Free(self->ends);
    PyMem_Free(self->single);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
}

int is_runs(PyObject *object)
{
    return (destructor)PyType_GetSlot(Py_TYPE(object), Py_tp_dealloc) == runs_dealloc;
}

static PyMethodDef runs_methods[] = {
    {"runs", runs_find, METH_O, "(offset, places) of every run of the shape in which something may stand"},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot runs_slots[] = {
    {Py_tp_new, runs_new},     {Py_tp_dealloc, runs_dealloc}, {Py_tp_traverse, runs_traverse},
    {Py_tp_clear, runs_clear}, {Py_tp_methods, runs_methods}, {0, NULL},
};

PyType_Spec runs_spec = {
    "masking._native.RunFinder", sizeof(RunFinder), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, runs_slots,
};
