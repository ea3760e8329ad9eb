/* What may stand in a digit run of a shape that was never met: RunIndex._places of masking/runs.py and the finders over shapes
   (masking/detect/phone.py, payment.py, network.py, vehicle.py), whose patterns come as programs. */
#include "scan.h"

#define SPOTS_MAX 512 /* of one run; a run of more is asked of Python */

typedef struct {
    int32_t rule;
    Spot spot;
} Placed;

typedef struct {
    const Scanner *self;
    Text run;
    int32_t count;
    Placed placed[SPOTS_MAX];
} Placing;

enum { DONE = 1, ASK_PYTHON = 0 };

static int place(Placing *p, int32_t rule, Py_ssize_t start, Py_ssize_t end, double score)
{
    if (p->count == SPOTS_MAX)
        return ASK_PYTHON;
    p->placed[p->count++] = (Placed){rule, {(int32_t)start, (int32_t)end, score}};
    return DONE;
}

static Py_ssize_t count_of(const unsigned char *s, Py_ssize_t start, Py_ssize_t end, unsigned char c)
{
    Py_ssize_t count = 0;
    for (Py_ssize_t i = start; i < end; i++)
        count += s[i] == c;
    return count;
}

static int is_group_at(const Text *run, Py_ssize_t i)
{
    return i < run->length && (run->plain[i] == '0' || run->plain[i] == 'A');
}

/* ------------------------------------------------------------------ shapes */

static const RunShape *shape_of(const Scanner *self, const unsigned char *shape, Py_ssize_t length)
{
    uint64_t hash = hash_bytes(self->seed, shape, length);
    hash |= !hash;
    for (size_t i = (size_t)(hash >> 8) & (self->run_shapes_size - 1); self->run_shapes[i].hash; i = (i + 1) & (self->run_shapes_size - 1))
        if (self->run_shapes[i].hash == hash)
            return &self->run_shapes[i];
    return NULL;
}

/* The shapes that begin at *start*, an edge of a group, and end with one. */
static int place_shapes_at(Placing *p, Py_ssize_t start)
{
    const Scanner *self = p->self;
    const unsigned char *s = p->run.plain;
    Py_ssize_t n = p->run.length;
    if (start && (s[start - 1] == '-' || s[start - 1] == '.'))
        return DONE;
    for (Py_ssize_t end = start + 1; end <= n && end - start <= self->run_longest; end++) {
        if (!is_group_at(&p->run, end - 1) || is_group_at(&p->run, end))
            continue;
        if (end + 1 < n && (s[end] == '-' || s[end] == '.'))
            continue;
        const RunShape *shape = shape_of(self, s + start, end - start);
        for (int32_t i = 0; shape != NULL && i < shape->count; i++)
            if (place(p, self->run_spots[shape->first + i].rule, start, end, self->run_spots[shape->first + i].score) != DONE)
                return ASK_PYTHON;
    }
    return DONE;
}

static int place_shapes(Placing *p)
{
    const unsigned char *s = p->run.plain;
    Py_ssize_t n = p->run.length;
    for (Py_ssize_t i = 0; i < n; i++) {
        /* A sign before a group begins a shape too: ( or + alone, and the two of +( together. */
        int begins = is_group_at(&p->run, i) ? i == 0 || !is_group_at(&p->run, i - 1)
                     : s[i] == '(' || s[i] == '+' ? is_group_at(&p->run, i + 1) || (s[i] == '+' && i + 2 < n && s[i + 1] == '(' && is_group_at(&p->run, i + 2))
                                                  : 0;
        if (begins && place_shapes_at(p, i) != DONE)
            return ASK_PYTHON;
    }
    return DONE;
}

/* ------------------------------------------------------------------ finders */

/* finditer: the next match from *pos* on; 1, 0: there is none, -1: ask Python. */
static int next_match(const Placing *p, const Program *program, Py_ssize_t pos, Found *found)
{
    int there = pos > p->run.length ? -1 : program_search(program, &p->run, pos, p->run.length, 0, found);
    return there == 1 ? (found->end > found->start ? 1 : -1) : there == -1 ? 0 : -1;
}

static int place_plain(Placing *p, const RunFind *find)
{
    Found found;
    int there;
    for (Py_ssize_t pos = 0; (there = next_match(p, find->form[0].program, pos, &found)) > 0; pos = found.end) {
        Py_ssize_t letters = count_of(p->run.plain, found.start, found.end, 'A');
        if (letters >= find->letters_min && letters <= find->letters_max
            && place(p, find->rule, found.start, found.end, find->form[0].score) != DONE)
            return ASK_PYTHON;
    }
    return there < 0 ? ASK_PYTHON : DONE;
}

/* payment.find_card: the second form's score is of those that are written in groups. */
static int place_card(Placing *p, const RunFind *find)
{
    Found found;
    int there;
    if (count_of(p->run.plain, 0, p->run.length, '0') < 12)
        return DONE;
    for (Py_ssize_t pos = 0; (there = next_match(p, find->form[0].program, pos, &found)) > 0; pos = found.end) {
        Py_ssize_t digits = count_of(p->run.plain, found.start, found.end, '0');
        double score = find->form[found.end - found.start > digits].score;
        if (digits >= 12 && digits <= 19 && place(p, find->rule, found.start, found.end, score) != DONE)
            return ASK_PYTHON;
    }
    return there < 0 ? ASK_PYTHON : DONE;
}

/* Where an extension (x123) ends that begins at *at*, 0: there is none. */
static Py_ssize_t extension(const Text *run, Py_ssize_t at)
{
    Py_ssize_t end = at + 1;
    if (at >= run->length || run->plain[at] != 'A')
        return 0;
    while (end < run->length && run->plain[end] == '0')
        end++;
    return end - at >= 2 && end - at <= 7 && !is_group_at(run, end) ? end : 0;
}

/* phone.find; the last form is what looks like a date. */
static int place_phone(Placing *p, const RunFind *find)
{
    const unsigned char *s = p->run.plain;
    Py_ssize_t n = p->run.length;
    int32_t first = p->count;
    if (count_of(s, 0, n, '0') < 6)
        return DONE;
    for (int k = 0; k + 1 < find->forms; k++) {
        const RunForm *form = &find->form[k];
        Found found, date;
        int there;
        for (Py_ssize_t pos = 0; (there = next_match(p, form->program, pos, &found)) > 0; pos = found.end) {
            Py_ssize_t end = found.end, digits = count_of(s, found.start, end, '0'), tail = extension(&p->run, end);
            if (tail && end >= 4 && memcmp(s + end - 4, "0000", 4) == 0)
                end = tail;
            else if (is_group_at(&p->run, end) || (end + 1 < n && s[end] == '-' && s[end + 1] == '0'))
                continue;
            if (digits < 6 || digits > 17 || (digits == 6 && count_of(s, found.start, found.end, ' ') < 2))
                continue;
            int is_date = program_search(find->form[find->forms - 1].program, &p->run, found.start, found.end, 1, &date);
            if (is_date != 1 && is_date != -1)
                return ASK_PYTHON;
            int inside = is_date == 1;
            for (int32_t i = first; !inside && i < p->count; i++)
                inside = p->placed[i].spot.start <= found.start && end <= p->placed[i].spot.end;
            if (!inside && place(p, find->rule, found.start, end, form->score) != DONE)
                return ASK_PYTHON;
        }
        if (there < 0)
            return ASK_PYTHON;
    }
    return DONE;
}

/* ------------------------------------------------------------------ together */

/* In the order of each rule's first place, as a dict of Python has them. */
static Places *gather(const Placing *p)
{
    Places *places = PyMem_Calloc(1, sizeof *places);
    if (places == NULL)
        goto failed;
    places->references = 1;
    places->group = PyMem_Calloc((size_t)p->count + 1, sizeof *places->group);
    places->spot = PyMem_Calloc((size_t)p->count + 1, sizeof *places->spot);
    if (places->group == NULL || places->spot == NULL)
        goto failed;
    for (int32_t i = 0; i < p->count; i++) {
        int32_t rule = p->placed[i].rule, known = 0;
        for (int32_t g = 0; g < places->groups && !known; g++)
            known = places->group[g].rule == rule;
        if (known)
            continue;
        Group *group = &places->group[places->groups++];
        *group = (Group){rule, 0, places->spots};
        for (int32_t k = i; k < p->count; k++)
            if (p->placed[k].rule == rule)
                places->spot[places->spots++] = p->placed[k].spot, group->spots++;
    }
    return places;
failed:
    places_release(places);
    PyErr_NoMemory();
    return NULL;
}

/* 1: *places* is a new reference, 0: Python is to be asked, -1: an error is set. */
int places_made(const Scanner *self, const unsigned char *shape, Py_ssize_t length, Places **places)
{
    Placing p;
    if (self->run_finds_count == 0)
        return 0;
    for (Py_ssize_t i = 0; i < length; i++)
        if (shape[i] >= 0x80)
            return 0;
    p.self = self, p.count = 0;
    p.run = (Text){.object = NULL, .length = length, .narrow = shape, .plain = shape, .wide = NULL};
    if (place_shapes(&p) != DONE)
        return 0;
    for (Py_ssize_t i = 0; i < self->run_finds_count; i++) {
        const RunFind *find = &self->run_finds[i];
        int done = find->kind == RUN_PHONE ? place_phone(&p, find) : find->kind == RUN_CARD ? place_card(&p, find) : place_plain(&p, find);
        if (done != DONE)
            return 0;
    }
    *places = gather(&p);
    return *places == NULL ? -1 : 1;
}

/* ------------------------------------------------------------------ building */

static int read_shapes(Scanner *self, PyObject *shapes)
{
    Py_ssize_t count = PyList_Size(shapes), spots = 0;
    if (count < 0)
        return -1;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *shape, *rules;
        if (!PyArg_ParseTuple(PyList_GetItem(shapes, i), "SO!:shape", &shape, &PyTuple_Type, &rules))
            return -1;
        spots += PyTuple_Size(rules);
    }
    for (self->run_shapes_size = 64; self->run_shapes_size < 3 * (size_t)count; self->run_shapes_size *= 2)
        ;
    self->run_shapes = PyMem_Calloc(self->run_shapes_size, sizeof *self->run_shapes);
    self->run_spots = PyMem_Calloc((size_t)spots + 1, sizeof *self->run_spots);
    if (self->run_shapes == NULL || self->run_spots == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    int32_t next = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        const char *bytes;
        Py_ssize_t size;
        PyObject *rules;
        if (!PyArg_ParseTuple(PyList_GetItem(shapes, i), "y#O:shape", &bytes, &size, &rules))
            return -1;
        uint64_t hash = hash_bytes(self->seed, (const unsigned char *)bytes, size);
        hash |= !hash;
        size_t k = (size_t)(hash >> 8) & (self->run_shapes_size - 1);
        while (self->run_shapes[k].hash)
            k = (k + 1) & (self->run_shapes_size - 1);
        self->run_shapes[k] = (RunShape){hash, next, (int32_t)PyTuple_Size(rules)};
        self->run_longest = size > self->run_longest ? size : self->run_longest;
        for (Py_ssize_t j = 0; j < PyTuple_Size(rules); j++, next++) {
            int rule;
            if (!PyArg_ParseTuple(PyTuple_GetItem(rules, j), "id:place", &rule, &self->run_spots[next].score))
                return -1;
            if (rule < 0 || rule >= self->rules_count) {
                PyErr_SetString(PyExc_ValueError, "there is no such rule");
                return -1;
            }
            self->run_spots[next].rule = rule;
        }
    }
    return 0;
}

static int read_find(Scanner *self, PyObject *item, RunFind *find)
{
    PyObject *forms;
    int rule;
    if (!PyArg_ParseTuple(item, "iinnO!:finder", &find->kind, &rule, &find->letters_min, &find->letters_max, &PyTuple_Type, &forms))
        return -1;
    Py_ssize_t count = PyTuple_Size(forms);
    if (rule < 0 || rule >= self->rules_count || count < 1 || count > RUN_FORMS_MAX || find->kind < RUN_PLAIN || find->kind > RUN_PHONE
        || (find->kind != RUN_PLAIN && count < 2)) {
        PyErr_SetString(PyExc_ValueError, "a finder over shapes is none of those that are known");
        return -1;
    }
    find->rule = rule;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *steps;
        RunForm *form = &find->form[find->forms];
        if (!PyArg_ParseTuple(PyTuple_GetItem(forms, i), "Od:form", &steps, &form->score) || (form->program = program_open(steps)) == NULL)
            return -1;
        find->forms++;
    }
    return 0;
}

/* (shapes, finders): [(shape, ((rule, score), ...))] and [(kind, rule, letters_min, letters_max, ((program, score), ...))]. */
int places_open(Scanner *self, PyObject *parts)
{
    PyObject *shapes, *finders;
    if (!PyTuple_Check(parts) || !PyArg_ParseTuple(parts, "O!O!:places", &PyList_Type, &shapes, &PyList_Type, &finders)) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_TypeError, "what stands in runs is a tuple");
        return -1;
    }
    Py_ssize_t count = PyList_Size(finders);
    if (read_shapes(self, shapes) < 0)
        return -1;
    self->run_finds = PyMem_Calloc((size_t)count + 1, sizeof *self->run_finds);
    if (self->run_finds == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        self->run_finds_count = i + 1;
        if (read_find(self, PyList_GetItem(finders, i), &self->run_finds[i]) < 0)
            return -1;
    }
    return 0;
}

void places_close(Scanner *self)
{
    for (Py_ssize_t i = 0; i < self->run_finds_count; i++)
        for (int k = 0; k < self->run_finds[i].forms; k++)
            PyMem_Free(self->run_finds[i].form[k].program);
    PyMem_Free(self->run_finds);
    PyMem_Free(self->run_shapes);
    PyMem_Free(self->run_spots);
}
