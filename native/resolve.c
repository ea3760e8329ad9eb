/* Which of several overlapping candidates stands: what masking/resolve.py does.
 *
 * Candidates that touch no other's stretch are settled at once; within a stretch of overlapping ones the order of
 * masking/resolve.py decides. Both give the same, since candidates of different stretches never meet.
 */
#include "native.h"

#define LEFTOVER_SCORE 0.8
#define LEFTOVER_CHARS 3
#define FEW 12
#define CELL 8 /* a cell of the taken pieces is 256 characters */

int candidates_add(Candidates *all, int rank, Py_ssize_t start, Py_ssize_t end, double score, PyObject *type, PyObject *rule,
                   PyObject *reason)
{
    if (all->count == all->size) {
        Py_ssize_t size = all->size ? 2 * all->size : 32;
        Candidate *items = PyMem_Realloc(all->items, (size_t)size * sizeof *items);
        if (items == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        all->items = items, all->size = size;
    }
    Candidate *c = &all->items[all->count];
    c->start = start, c->end = end, c->score = score, c->rank = rank, c->taken = 0, c->order = all->count++;
    c->type = Py_NewRef(type), c->rule = Py_NewRef(rule), c->reason = Py_NewRef(reason);
    return 0;
}

static void drop(Candidate *c)
{
    Py_DECREF(c->type);
    Py_DECREF(c->rule);
    Py_DECREF(c->reason);
}

void candidates_clear(Candidates *all)
{
    for (Py_ssize_t i = 0; i < all->count; i++)
        drop(&all->items[i]);
    all->count = 0;
}

void candidates_free(Candidates *all)
{
    candidates_clear(all);
    PyMem_Free(all->items);
    memset(all, 0, sizeof *all);
}

static int by_place(const void *x, const void *y)
{
    const Candidate *a = x, *b = y;
    if (a->start != b->start)
        return a->start < b->start ? -1 : 1;
    if (a->end != b->end)
        return a->end < b->end ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

static int by_weight(const void *x, const void *y)
{
    const Candidate *a = x, *b = y;
    if (a->rank != b->rank)
        return a->rank > b->rank ? -1 : 1;
    if (a->end - a->start != b->end - b->start)
        return a->end - a->start > b->end - b->start ? -1 : 1;
    if (a->score != b->score)
        return a->score > b->score ? -1 : 1;
    if (a->start != b->start)
        return a->start < b->start ? -1 : 1;
    if (a->type != b->type) {
        int order = PyUnicode_Compare(a->type, b->type);
        if (order)
            return order;
    }
    return a->order < b->order ? -1 : a->order > b->order;
}

/* A few are put in order one by one; qsort asks for memory. */
static void sort(Candidate *items, Py_ssize_t count, int (*compare)(const void *, const void *))
{
    if (count > FEW) {
        qsort(items, (size_t)count, sizeof *items, compare);
        return;
    }
    for (Py_ssize_t i = 1; i < count; i++) {
        if (compare(&items[i - 1], &items[i]) <= 0)
            continue;
        Candidate moving = items[i];
        Py_ssize_t at = i;
        for (; at > 0 && compare(&items[at - 1], &moving) > 0; at--)
            items[at] = items[at - 1];
        items[at] = moving;
    }
}

/* str.isalnum of one character of the text as it was given; -1: an error is set. */
static int alnum_at(const Resolving *how, Py_ssize_t i)
{
    Py_UCS4 c = how->text == how->folded->object ? char_at(how->folded, i) : PyUnicode_ReadChar(how->text, i);
    int bits = class_of(how->letters, c);
    return bits < 0 ? -1 : (bits & ALNUM) != 0;
}

typedef struct {
    Py_ssize_t *items; /* numbers of taken candidates of one cell, as a list: pairs of (number, next) */
    Py_ssize_t count, size, *heads, cells, floor;
} Cells;

static int cells_put(Cells *cells, Py_ssize_t number, Py_ssize_t start, Py_ssize_t end)
{
    for (Py_ssize_t cell = start >> CELL; cell <= (end > start ? end - 1 : start) >> CELL; cell++) {
        if (cells->count + 2 > cells->size) {
            Py_ssize_t size = cells->size ? 2 * cells->size : 64;
            Py_ssize_t *items = PyMem_Realloc(cells->items, (size_t)size * sizeof *items);
            if (items == NULL) {
                PyErr_NoMemory();
                return -1;
            }
            cells->items = items, cells->size = size;
        }
        cells->items[cells->count] = number;
        cells->items[cells->count + 1] = cells->heads[cell - cells->floor];
        cells->heads[cell - cells->floor] = cells->count;
        cells->count += 2;
    }
    return 0;
}

typedef struct {
    Py_ssize_t *items, count, size;
} Rivals;

static int rivals_add(Rivals *rivals, Py_ssize_t number)
{
    if (rivals->count == rivals->size) {
        Py_ssize_t size = rivals->size ? 2 * rivals->size : 16;
        Py_ssize_t *items = PyMem_Realloc(rivals->items, (size_t)size * sizeof *items);
        if (items == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        rivals->items = items, rivals->size = size;
    }
    rivals->items[rivals->count++] = number;
    return 0;
}

/* The rivals in the order of their places: those of one cell at a time, each cell's few by insertion. */
static void rivals_sort(Rivals *rivals, const Candidate *taken, Py_ssize_t from)
{
    for (Py_ssize_t i = from + 1; i < rivals->count; i++) {
        Py_ssize_t number = rivals->items[i], at = i;
        for (; at > from && taken[rivals->items[at - 1]].start > taken[number].start; at--)
            rivals->items[at] = rivals->items[at - 1];
        rivals->items[at] = number;
    }
}

/* Whether what is left of a beaten candidate is kept: of a likely one, and of a URL that holds something else. */
static int is_url(const Candidate *span)
{
    return PyUnicode_CompareWithASCIIString(span->type, "URL") == 0;
}

static int is_kept(const Candidate *span)
{
    return span->score >= LEFTOVER_SCORE || is_url(span);
}

/* The taken candidates that *span* overlaps. Nothing is left of one that is not likely, or of the type of a rival: then the
   first such rival is enough. */
static int find_rivals(const Cells *cells, const Candidates *taken, const Candidate *span, Rivals *rivals)
{
    Py_ssize_t first = span->start >> CELL, last = (span->end > span->start ? span->end - 1 : span->start) >> CELL;
    int kept = is_kept(span);
    rivals->count = 0;
    for (Py_ssize_t cell = first; cell <= last; cell++) {
        Py_ssize_t from = rivals->count;
        for (Py_ssize_t at = cells->heads[cell - cells->floor]; at >= 0; at = cells->items[at + 1]) {
            const Candidate *other = &taken->items[cells->items[at]];
            if (!(other->start < span->end && span->start < other->end))
                continue;
            Py_ssize_t seen_first = other->start >> CELL;
            if (cell != (seen_first > first ? seen_first : first)) /* seen in an earlier cell */
                continue;
            if (rivals_add(rivals, cells->items[at]) < 0)
                return -1;
            if (!kept || other->type == span->type)
                return 0;
        }
        rivals_sort(rivals, taken->items, from);
    }
    return 0;
}

/* Adds to *taken* what is left of *span* beside its rivals. */
static int leftovers(const Resolving *how, const Candidate *span, const Rivals *rivals, Candidates *taken, Cells *cells)
{
    if (!is_kept(span))
        return 0;
    for (Py_ssize_t i = 0; i < rivals->count; i++) {
        PyObject *type = taken->items[rivals->items[i]].type;
        if (type == span->type || PyUnicode_Compare(type, span->type) == 0)
            return 0;
    }
    Py_ssize_t at = span->start;
    for (Py_ssize_t i = 0; i <= rivals->count; i++) {
        Py_ssize_t start = at, end = i < rivals->count ? taken->items[rivals->items[i]].start : span->end;
        if (i < rivals->count && taken->items[rivals->items[i]].end > at)
            at = taken->items[rivals->items[i]].end;
        int is = 0;
        while (start < end && (is = alnum_at(how, start)) == 0)
            start++;
        while (is >= 0 && end > start && (is = alnum_at(how, end - 1)) == 0)
            end--;
        if (is < 0)
            return -1;
        if (end - start < LEFTOVER_CHARS)
            continue;
        PyObject *piece = PyUnicode_Substring(how->text, start, end);
        if (piece == NULL)
            return -1;
        int keep = 1;
        if (PyUnicode_Compare(span->rule, how->names) == 0) {
            PyObject *answer = PyObject_CallFunctionObjArgs(how->is_no_name, piece, NULL);
            keep = answer == NULL ? -1 : !PyObject_IsTrue(answer);
            Py_XDECREF(answer);
        }
        if (keep > 0 && PyUnicode_Compare(span->type, how->email) == 0)
            keep = PyUnicode_FindChar(piece, '@', 0, end - start, 1) >= 0;
        if (keep > 0 && is_url(span))
            keep = PyUnicode_FindChar(piece, '.', 0, end - start, 1) >= 0 || PyUnicode_FindChar(piece, '/', 0, end - start, 1) >= 0;
        Py_DECREF(piece);
        if (keep < 0)
            return -1;
        if (!keep)
            continue;
        PyObject *reason = PyUnicode_Concat(span->reason, how->rest);
        if (reason == NULL)
            return -1;
        int failed = candidates_add(taken, span->rank, start, end, span->score, span->type, span->rule, reason);
        Py_DECREF(reason);
        if (failed < 0 || cells_put(cells, taken->count - 1, start, end) < 0)
            return -1;
    }
    return 0;
}

/* Settles the candidates first … last - 1, which overlap in a chain. */
static int settle(const Resolving *how, Candidate *first, Py_ssize_t count, Py_ssize_t low, Py_ssize_t high, Candidates *taken)
{
    Cells cells = {NULL, 0, 0, NULL, (high >> CELL) - (low >> CELL) + 1, low >> CELL};
    Rivals rivals = {NULL, 0, 0};
    int failed = -1;
    cells.heads = PyMem_Malloc((size_t)cells.cells * sizeof *cells.heads);
    if (cells.heads == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    for (Py_ssize_t i = 0; i < cells.cells; i++)
        cells.heads[i] = -1;
    sort(first, count, by_weight);
    for (Py_ssize_t i = 0; i < count; i++) {
        const Candidate *span = &first[i];
        if (find_rivals(&cells, taken, span, &rivals) < 0)
            goto done;
        if (rivals.count == 0) {
            if (candidates_add(taken, span->rank, span->start, span->end, span->score, span->type, span->rule, span->reason) < 0
                || cells_put(&cells, taken->count - 1, span->start, span->end) < 0)
                goto done;
        } else if (leftovers(how, span, &rivals, taken, &cells) < 0) {
            goto done;
        }
    }
    failed = 0;
done:
    PyMem_Free(cells.items);
    PyMem_Free(cells.heads);
    PyMem_Free(rivals.items);
    return failed;
}

int resolve(const Resolving *how, Candidates *all)
{
    if (all->count < 2)
        return 0;
    sort(all->items, all->count, by_place);
    Py_ssize_t i = 0, overlaps = 0, high = -1;
    for (; i < all->count; i++) {
        overlaps += all->items[i].start < high;
        high = all->items[i].end > high ? all->items[i].end : high;
    }
    if (!overlaps)
        return 0;
    Candidates taken = {NULL, 0, 0};
    for (i = 0; i < all->count;) {
        Candidate *first = &all->items[i];
        Py_ssize_t j = i + 1;
        for (high = first->end; j < all->count && all->items[j].start < high; j++)
            high = all->items[j].end > high ? all->items[j].end : high;
        int failed = j == i + 1 ? candidates_add(&taken, first->rank, first->start, first->end, first->score, first->type,
                                                 first->rule, first->reason)
                                : settle(how, first, j - i, first->start, high, &taken);
        if (failed < 0) {
            candidates_free(&taken);
            return -1;
        }
        i = j;
    }
    sort(taken.items, taken.count, by_place);
    candidates_free(all);
    *all = taken;
    return 0;
}
