/* One pass of the engine over one text: what masking/scan.py and masking/engine.py do.
 *
 * Python is asked for the match of a literal that has passed its cheap conditions, for a validator's verdict, for the
 * rules that exist in Python alone where the text holds what they need, and for nothing else.
 */
#include "scan.h"

#include <math.h>

#define CHECKED_WINDOW 512

/* ------------------------------------------------------------------ candidates */

int add_found(Scan *scan, int rank, Py_ssize_t start, Py_ssize_t end, double score, PyObject *type, PyObject *rule,
              PyObject *reason)
{
    Letters *letters = (Letters *)scan->self->letters;
    if (!scan->has_zero || scan->raw)
        return candidates_add(&scan->found, rank, start, end, score, type, rule, reason);
    /* What is masked already is no part of it: the pieces beside, when anything is left in them. */
    int hidden = 0;
    for (Py_ssize_t i = start; i < end && !hidden; i++)
        hidden = scan->low[i] == 0;
    if (!hidden)
        return candidates_add(&scan->found, rank, start, end, score, type, rule, reason);
    for (Py_ssize_t at = start; at <= end;) {
        Py_ssize_t stop = at;
        int any = 0;
        for (; stop < end && scan->low[stop] != 0; stop++) {
            int bits = class_of(letters, char_at(&scan->folded, stop));
            if (bits < 0)
                return -1;
            any |= bits & ALNUM;
        }
        if (any && candidates_add(&scan->found, rank, at, stop, score, type, rule, reason) < 0)
            return -1;
        at = stop + 1;
    }
    return 0;
}

static double moved(const Scanner *self, double score, int support, int contrary)
{
    double p = score < 0.001 ? 0.001 : score;
    p = p > 0.999 ? 0.999 : p;
    double odds = log(p / (1 - p));
    if (support)
        odds += self->for_ + self->more * ((support < 3 ? support : 3) - 1);
    if (contrary)
        odds -= self->against;
    return 1 / (1 + exp(-odds));
}

static int timed_out(Scan *scan, const Rule *rule, Py_ssize_t start, Py_ssize_t end, PyObject *reason)
{
    if (!PyErr_ExceptionMatches(PyExc_TimeoutError))
        return -1;
    PyErr_Clear();
    if (rule->off || 0.99 < scan->self->threshold)
        return 0;
    return add_found(scan, RANK_CERTAIN, start, end, 0.99, rule->type, rule->name, reason);
}

int weigh(Scan *scan, const Rule *rule, Py_ssize_t start, Py_ssize_t end, double score, Near *near)
{
    const Scanner *self = scan->self;
    int support = 0, contrary = 0, checked = 0;
    int validates = rule->validator != Py_None;
    double best = validates && rule->validated_score > score ? rule->validated_score : score;
    if (rule->context >= 0 || rule->anti >= 0) {
        if (!near->there && near_words(scan, start, end, near) < 0)
            return -1;
        support = rule->context >= 0 ? vocabulary_count(self, rule->context, near) : 0;
        contrary = rule->anti >= 0 ? vocabulary_count(self, rule->anti, near) : 0;
    }
    if (!support && (rule->required || best < self->threshold))
        return 0;
    int verdict_here = ASK;
    if (rule->check) {
        const unsigned char *value = plain_at(&scan->folded, start, end);
        if (value != NULL)
            verdict_here = check(self, rule->check, value, end - start);
        if (verdict_here == REFUSED)
            return 0;
        if (verdict_here == ACCEPTED) {
            checked = 1;
            score = rule->validated_score > score ? rule->validated_score : score;
        }
    }
    if (validates && verdict_here == ASK) {
        const unsigned char *value = plain_at(&scan->folded, start, end);
        uint64_t hash = value ? hash_bytes(self->seed + (uint64_t)(rule - self->rules) + 1, value, end - start) : 0;
        uint64_t *known = &self->verdicts[(hash >> 8) % VERDICTS];
        if (hash && (*known & ~3ULL) == (hash & ~3ULL)) {
            verdict_here = (int)(*known & 3);
        } else {
            PyObject *piece = PyUnicode_Substring(scan->folded.object, start, end);
            PyObject *verdict = piece ? PyObject_CallFunctionObjArgs(rule->validator, piece, NULL) : NULL;
            Py_XDECREF(piece);
            if (verdict == NULL)
                return -1;
            int is_true = verdict == Py_False ? 0 : PyObject_IsTrue(verdict);
            verdict_here = verdict == Py_False ? REFUSED : is_true ? ACCEPTED : NO_OPINION;
            Py_DECREF(verdict);
            if (is_true < 0)
                return -1;
            if (hash)
                *known = (hash & ~3ULL) | (uint64_t)verdict_here;
        }
        if (verdict_here == REFUSED)
            return 0;
        if (verdict_here == ACCEPTED) {
            checked = 1;
            score = rule->validated_score > score ? rule->validated_score : score;
        }
    }
    if (support || contrary)
        score = moved(self, score, support, contrary);
    if (!(score >= self->threshold))
        return 0;
    int rank = score >= 0.9 && (validates || rule->sure) ? RANK_CERTAIN : RANK_PATTERN;
    if (rule->structure)
        rank = RANK_STRUCTURE;
    else if (rule->secret && rank < RANK_KEY)
        rank = RANK_KEY;
    return add_found(scan, rank, start, end, score, rule->type, rule->name,
                     self->reasons[checked | (support ? 2 : 0) | (contrary ? 4 : 0)]);
}

/* ------------------------------------------------------------------ literals */

/* Whether a pattern that begins here, or stands in this window, can be there at all. */
static int possible(const Scan *scan, const Rule *rule, Py_ssize_t start, Py_ssize_t limit)
{
    const Text *text = &scan->folded;
    if (rule->forbidden && start > 0 && in_set(&rule->set[0], char_at(text, start - 1)))
        return 0;
    if (rule->sets) {
        if (limit - start < rule->sets)
            return 0;
        const Charset *set = rule->set + 2;
        for (int i = 0; i < rule->sets; i++)
            if (!in_set(set + i, char_at(text, start + i)))
                return 0;
    }
    if (limit - start > CHECKED_WINDOW) /* what is far away is dear to look at, and there more often */
        return 1;
    if (rule->run_length) {
        int run = 0;
        for (Py_ssize_t i = start; i < limit && run < rule->run_length; i++)
            run = in_set(&rule->set[1], char_at(text, i)) ? run + 1 : 0;
        if (run < rule->run_length)
            return 0;
    }
    if (rule->must_all) {
        unsigned char all = 0;
        for (Py_ssize_t i = start; i < limit && (all & rule->must_all) != rule->must_all; i++) {
            Py_UCS4 c = char_at(text, i);
            all |= c < 256 ? rule->must[c] : 0xff;
        }
        return (all & rule->must_all) == rule->must_all;
    }
    return 1;
}

static int read_set(const char *bytes, Charset *set)
{
    memcpy(set->bits, bytes, 32);
    set->beyond = bytes[32] != 0;
    return 0;
}

/* Asks Python for the search of a rule and its cheap conditions: (search, forbidden, begins, run, length, must, program). */
static int prepare(Scanner *self, Rule *rule)
{
    PyObject *answer = PyObject_CallFunctionObjArgs(self->prepare, rule->object, NULL), *search, *steps;
    Program *program = NULL;
    const char *forbidden, *begins, *run, *must;
    Py_ssize_t sizes[4];
    int length, failed = -1;
    if (answer == NULL)
        return -1;
    Charset *set = NULL;
    if (!PyTuple_Check(answer)
        || !PyArg_ParseTuple(answer, "Oy#y#y#iy#O", &search, &forbidden, &sizes[0], &begins, &sizes[1], &run, &sizes[2], &length,
                             &must, &sizes[3], &steps)) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_TypeError, "what a rule needs is a tuple");
    } else if ((sizes[0] && sizes[0] != 33) || sizes[1] % 33 || sizes[1] > 33 * 1024 || (sizes[2] && sizes[2] != 33)
               || (sizes[3] && sizes[3] != 257) || length < 0 || (length && !sizes[2])) {
        PyErr_SetString(PyExc_ValueError, "what a rule needs has another length");
    } else if (steps != Py_None && (program = program_open(steps)) == NULL) {
        ; /* an error is set */
    } else if ((set = PyMem_Calloc((size_t)(sizes[1] / 33) + 2, sizeof *set)) == NULL) {
        PyMem_Free(program);
        PyErr_NoMemory();
    } else if (rule->prepared) { /* another thread was faster */
        PyMem_Free(program);
        PyMem_Free(set);
        failed = 0;
    } else {
        for (Py_ssize_t i = 0; i < sizes[1] / 33; i++)
            read_set(begins + 33 * i, &set[2 + i]);
        if (sizes[0])
            read_set(forbidden, &set[0]);
        if (sizes[2])
            read_set(run, &set[1]);
        rule->forbidden = sizes[0] != 0, rule->sets = (int)(sizes[1] / 33), rule->run_length = length, rule->set = set;
        if (sizes[3]) {
            memcpy(rule->must, must, 256);
            rule->must_all = (unsigned char)must[256];
        }
        rule->search = Py_NewRef(search);
        rule->program = program;
        rule->prepared = 1;
        failed = 0;
    }
    Py_DECREF(answer);
    return failed;
}

/* The same as below by the rule's program; -2: ask Python. */
static int match_program(Scan *scan, const Rule *rule, Py_ssize_t hit, Py_ssize_t pos, Py_ssize_t limit, Py_ssize_t *start,
                         Py_ssize_t *end)
{
    Found found;
    for (Py_ssize_t from = pos; from <= limit;) {
        int there = program_search(rule->program, &scan->folded, from, limit, rule->at, &found);
        if (there != 1)
            return there == -1 ? 0 : -2;
        if (found.end > hit || (rule->at && pos == hit)) {
            *start = rule->group ? found.group_start : found.start, *end = rule->group ? found.group_end : found.end;
            return *start >= 0 && *start != *end;
        }
        from = found.end > found.start + 1 ? found.end : found.start + 1;
    }
    return 0;
}

/* Asks Python for the match; 1: there is one (in *start* and *end*), 0: none, -1: an error is set, 2: it was settled. */
static int match_literal(Scan *scan, const Rule *rule, Py_ssize_t hit, Py_ssize_t pos, Py_ssize_t limit, Py_ssize_t *start,
                         Py_ssize_t *end)
{
    int settled = rule->program == NULL ? -2 : match_program(scan, rule, hit, pos, limit, start, end);
    if (settled != -2)
        return settled;
    PyObject *match = PyObject_CallFunction(rule->search, "Onn", scan->folded.object, pos, limit);
    while (match != NULL && match != Py_None && !(rule->at && pos == hit)) {
        PyObject *span = PyObject_CallMethod(match, "span", NULL);
        Py_ssize_t s, e;
        if (span == NULL || !PyArg_ParseTuple(span, "nn", &s, &e)) {
            Py_XDECREF(span);
            Py_DECREF(match);
            return -1;
        }
        Py_DECREF(span);
        if (e > hit)
            break;
        Py_DECREF(match);
        match = PyObject_CallFunction(rule->search, "Onn", scan->folded.object, e > s + 1 ? e : s + 1, limit);
    }
    if (match == NULL)
        return timed_out(scan, rule, pos, limit, scan->self->timeout_literal) < 0 ? -1 : 2;
    if (match == Py_None) {
        Py_DECREF(match);
        return 0;
    }
    PyObject *span = PyObject_CallMethod(match, "span", "i", rule->group);
    Py_DECREF(match);
    int failed = span == NULL || !PyArg_ParseTuple(span, "nn", start, end) ? -1 : 0;
    Py_XDECREF(span);
    return failed ? -1 : *start >= 0 && *start != *end;
}

#define WINDOWS 4096
#define WINDOW_MAX 1024     /* a wider one is dearer to read than to search */
#define WINDOW_BEHIND 16    /* no pattern looks further back (a test says so) */
#define WINDOWS_FROM 64     /* a text with fewer searches has no use for it */

/* Where the answer about this window is kept; NULL: it is not. A text full of one literal has few different windows. */
static Window *window_of(Scan *scan, int32_t rule, Py_ssize_t hit, Py_ssize_t pos, Py_ssize_t limit, uint64_t *hash)
{
    const unsigned char *text = scan->folded.narrow;
    if (text == NULL || limit - pos > WINDOW_MAX || scan->searches++ < WINDOWS_FROM)
        return NULL;
    Py_ssize_t from = pos > WINDOW_BEHIND ? pos - WINDOW_BEHIND : 0, i = from;
    uint64_t h = mix(scan->self->seed ^ ((uint64_t)(uint32_t)rule << 32 | (uint64_t)(hit - pos) << 16 | (uint64_t)(pos - from)));
    h = mix(h ^ (uint64_t)(limit - pos));
    for (; i + 8 <= limit; i += 8) {
        uint64_t part;
        memcpy(&part, text + i, 8);
        h = mix(h ^ part);
    }
    uint64_t rest = 0;
    memcpy(&rest, text + i, (size_t)(limit - i));
    h = mix(h ^ rest);
    *hash = h ? h : 1;
    return (Window *)scan->self->windows + (h >> 16) % WINDOWS;
}

static int put_near(Scan *scan, Py_ssize_t rule, Py_ssize_t start)
{
    if (scan->near_count + 2 > scan->near_size) {
        Py_ssize_t size = scan->near_size ? 2 * scan->near_size : 32;
        Py_ssize_t *near = PyMem_Realloc(scan->near, (size_t)size * sizeof *near);
        if (near == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        scan->near = near, scan->near_size = size;
    }
    scan->near[scan->near_count++] = rule;
    scan->near[scan->near_count++] = start;
    return 0;
}

static int literal_hit(Scan *scan, int32_t literal, Py_ssize_t stop)
{
    Scanner *self = scan->self;
    Py_ssize_t start = stop - self->literal_length[literal], n = scan->folded.length;
    const int32_t *numbers = self->literal_rules + self->literal_first[literal];
    for (int32_t i = 0; i < self->literal_count[literal]; i++) {
        if (numbers[i] < 0) { /* of a rule over the text */
            Py_ssize_t number = -1 - numbers[i];
            int bits = start ? class_of((Letters *)self->letters, char_at(&scan->folded, start - 1)) : 0;
            if (bits < 0)
                return -1;
            if (number >= self->text_rules_count) { /* only with a capital */
                number -= self->text_rules_count;
                if (char_at(&scan->folded, start) == scan->low[start])
                    continue;
            }
            if (!(bits & WORDLY) && put_near(scan, number, start) < 0)
                return -1;
            continue;
        }
        Rule *rule = &self->rules[numbers[i]];
        if (rule->off || scan->done[numbers[i]] > scan->done_base + start)
            continue;
        if (!rule->prepared && prepare(self, rule) < 0)
            return -1;
        Py_ssize_t pos = start > rule->before ? start - rule->before : 0;
        Py_ssize_t limit = n - stop < rule->after ? n : stop + rule->after, s, e;
        if (!possible(scan, rule, pos, limit))
            continue;
        uint64_t hash = 0;
        Window *window = window_of(scan, numbers[i], start, pos, limit, &hash);
        int there;
        if (window != NULL && window->hash == hash) {
            there = window->end != 0;
            s = pos + window->start, e = pos + window->end;
        } else {
            there = match_literal(scan, rule, start, pos, limit, &s, &e);
            if (window != NULL && (there == 0 || there == 1)) {
                window->hash = hash;
                window->start = there ? (int32_t)(s - pos) : 0, window->end = there ? (int32_t)(e - pos) : 0;
            }
        }
        if (there < 0)
            return -1;
        if (there != 1)
            continue;
        scan->done[numbers[i]] = scan->done_base + e;
        Near near = {.there = 0, .count = 0};
        if (weigh(scan, rule, s, e, rule->score, &near) < 0)
            return -1;
    }
    return 0;
}

static uint32_t first_four(const unsigned char *low)
{
    return (uint32_t)low[0] | (uint32_t)low[1] << 8 | (uint32_t)low[2] << 16 | (uint32_t)low[3] << 24;
}

static uint32_t hash_four(uint32_t word)
{
    return word * 0x85ebca6bu >> (32 - HASH_BITS);
}

/* The slot of a key, or the free one where it would stand. */
static LiteralKey *literal_key(const Scanner *self, uint32_t key, int size)
{
    size_t mask = self->literal_keys_size - 1, i = (size_t)((key + (uint32_t)size) * 0x85ebca6bu >> 8) & mask;
    while (self->literal_keys[i].count && (self->literal_keys[i].key != key || self->literal_keys[i].size != size))
        i = (i + 1) & mask;
    return &self->literal_keys[i];
}

/* Hits wait here until no earlier one can come: they are taken by their ends, and of one end the longest first. */
static int take_waiting(Scan *scan, Py_ssize_t until)
{
    Py_ssize_t i = 0;
    while (i < scan->waiting_count && scan->waiting[i].stop <= until) {
        Hit hit = scan->waiting[i++];
        if (literal_hit(scan, hit.literal, hit.stop) < 0)
            return -1;
    }
    scan->waiting_count -= i;
    memmove(scan->waiting, scan->waiting + i, (size_t)scan->waiting_count * sizeof *scan->waiting);
    return 0;
}

static void put_waiting(Scan *scan, int32_t literal, Py_ssize_t stop)
{
    Py_ssize_t i = scan->waiting_count++; /* there is room: see build_literals */
    for (; i > 0 && scan->waiting[i - 1].stop > stop; i--)
        scan->waiting[i] = scan->waiting[i - 1];
    scan->waiting[i] = (Hit){literal, stop};
}

/* The literals of one key that stand at *at*. */
static int try_literals(Scan *scan, Py_ssize_t at, uint32_t key, int size)
{
    const Scanner *self = scan->self;
    const LiteralKey *slot = literal_key(self, key, size);
    if (slot->count == 0)
        return 0;
    Py_ssize_t left = scan->folded.length - at;
    for (int32_t i = slot->first; i < slot->first + slot->count; i++) {
        const LiteralOrder *order = &self->literal_order[i];
        int32_t literal = order->literal, length = self->literal_length[literal];
        uint64_t here;
        memcpy(&here, scan->low + at, sizeof here); /* there are AFTER_TEXT bytes behind the text */
        if ((here & order->mask) != order->head || length > left
            || (length > 8 && memcmp(scan->low + at, self->literal_bytes[literal], (size_t)length) != 0))
            continue;
        if (scan->waiting_count && take_waiting(scan, at) < 0)
            return -1;
        put_waiting(scan, literal, at + length);
    }
    return 0;
}

/* The places where a literal may begin are found in a first pass without a branch, a block at a time: its first two bytes and
   the two after them must both be those of literals of one bucket. The text is followed by zeros enough to read four. */
static Py_ssize_t find_places(const Scanner *self, const unsigned char *low, Py_ssize_t size, uint16_t *places)
{
    const unsigned char *heads = self->heads, *tails = self->tails;
    Py_ssize_t count = 0;
    for (Py_ssize_t i = 0; i < size; i++) {
        uint16_t head, tail;
        memcpy(&head, low + i, 2);
        memcpy(&tail, low + i + 2, 2);
        places[count] = (uint16_t)i;
        count += (heads[head] & tails[tail]) != 0;
    }
    return count;
}

static int has_bit(const unsigned char *bits, uint32_t at)
{
    return bits[at >> 3] >> (at & 7) & 1;
}

static int scan_literals(Scan *scan)
{
    const Scanner *self = scan->self;
    const unsigned char *low = scan->low;
    Py_ssize_t n = scan->folded.length;
    uint16_t places[LITERAL_BLOCK + 1];
    for (Py_ssize_t block = 0; block < n; block += LITERAL_BLOCK) {
        Py_ssize_t count = find_places(self, low + block, n - block < LITERAL_BLOCK ? n - block : LITERAL_BLOCK, places);
        for (Py_ssize_t k = 0; k < count; k++) {
            Py_ssize_t i = block + places[k];
            uint32_t word = first_four(low + i);
            if (has_bit(self->four, hash_four(word)) && try_literals(scan, i, word, 4) < 0)
                return -1;
            if (has_bit(self->three, hash_four(word & 0xffffff)) && try_literals(scan, i, word & 0xffffff, 3) < 0)
                return -1;
            if (self->shortest[low[i]]
                && (try_literals(scan, i, word & 0xffff, 2) < 0 || try_literals(scan, i, word & 0xff, 1) < 0))
                return -1;
        }
    }
    return take_waiting(scan, n);
}

/* ------------------------------------------------------------------ digit runs */

void places_release(Places *places)
{
    if (places == NULL || --places->references > 0)
        return;
    PyMem_Free(places->group);
    PyMem_Free(places->spot);
    PyMem_Free(places);
}

static Places *read_places(Scanner *self, PyObject *answer)
{
    Places *places = PyMem_Calloc(1, sizeof *places);
    Py_ssize_t groups = PyTuple_Size(answer), spots = 0;
    if (places == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    places->references = 1;
    for (Py_ssize_t i = 0; i < groups; i++) {
        PyObject *group = PyTuple_GetItem(answer, i), *list;
        if (!PyTuple_Check(group) || PyTuple_Size(group) != 2 || !PyTuple_Check(list = PyTuple_GetItem(group, 1))
            || PyTuple_Size(list) < 1)
            goto wrong;
        spots += PyTuple_Size(list);
    }
    places->group = PyMem_Calloc((size_t)groups + 1, sizeof *places->group);
    places->spot = PyMem_Calloc((size_t)spots + 1, sizeof *places->spot);
    if (places->group == NULL || places->spot == NULL) {
        PyErr_NoMemory();
        goto failed;
    }
    for (Py_ssize_t i = 0; i < groups; i++) {
        PyObject *pair = PyTuple_GetItem(answer, i), *list = PyTuple_GetItem(pair, 1);
        PyObject *number = PyDict_GetItemWithError(self->numbers, PyTuple_GetItem(pair, 0));
        if (number == NULL)
            goto wrong;
        Group *group = &places->group[places->groups++];
        long rule = PyLong_AsLong(number);
        if (rule < 0 || rule >= self->rules_count)
            goto wrong;
        group->rule = (int32_t)rule, group->first = places->spots, group->spots = (int32_t)PyTuple_Size(list);
        for (int32_t k = 0; k < group->spots; k++) {
            Py_ssize_t start, end;
            Spot *spot = &places->spot[places->spots++];
            PyObject *item = PyTuple_GetItem(list, k);
            if (!PyTuple_Check(item) || !PyArg_ParseTuple(item, "nnd", &start, &end, &spot->score))
                goto wrong;
            if (start < 0 || end <= start || end > 1 << 20)
                goto wrong;
            spot->start = (int32_t)start, spot->end = (int32_t)end;
        }
    }
    return places;
wrong:
    if (!PyErr_Occurred())
        PyErr_SetString(PyExc_TypeError, "places are (rule, ((start, end, score), ...))");
failed:
    places_release(places);
    return NULL;
}

static PlacesSlot *places_slot(const Scanner *self, uint64_t hash)
{
    size_t mask = self->places_size - 1, i = (size_t)(hash >> 8) & mask;
    while (self->places[i].hash != 0 && self->places[i].hash != hash)
        i = (i + 1) & mask;
    return &self->places[i];
}

static void forget_places(Scanner *self)
{
    for (size_t i = 0; i < self->places_size; i++) {
        places_release(self->places[i].places);
        self->places[i].places = NULL, self->places[i].hash = 0;
    }
    self->places_used = 0;
}

/* A new reference to what may stand in this run. */
static Places *look_up_places(Scanner *self, const unsigned char *shape, Py_ssize_t length, int odd)
{
    uint64_t hash = hash_bytes(self->seed, shape, length);
    hash |= !hash;
    PlacesSlot *slot = places_slot(self, hash);
    if (slot->hash == 0) {
        if (!odd && runs_nothing(self->runs, shape, length)) {
            self->nothing.references++;
            return &self->nothing;
        }
        Places *places = NULL;
        int made = odd ? 0 : places_made(self, shape, length, &places);
        if (made == 0) {
            PyObject *answer = runs_places(self->runs, shape, length, odd);
            places = answer == NULL ? NULL : read_places(self, answer);
            Py_XDECREF(answer);
        }
        if (places == NULL)
            return NULL;
        if (self->places_used >= self->places_max)
            forget_places(self);
        slot = places_slot(self, hash); /* anew: the question may have let another thread in */
        if (slot->hash != 0) {
            places_release(places);
        } else {
            slot->hash = hash, slot->places = places;
            self->places_used++;
        }
    }
    slot->places->references++;
    return slot->places;
}

/* Whether the run before, which was cut, had this rule at this place. */
static int seen_before(const Scan *scan, int32_t rule, Py_ssize_t start, Py_ssize_t end)
{
    const Places *before = scan->before;
    start -= scan->before_offset, end -= scan->before_offset;
    for (int32_t g = 0; g < before->groups; g++) {
        if (before->group[g].rule != rule)
            continue;
        const Spot *spot = before->spot + before->group[g].first;
        for (int32_t i = 0; i < before->group[g].spots; i++)
            if (spot[i].start == start && spot[i].end == end)
                return 1;
    }
    return 0;
}

static int weigh_run(Scan *scan, const Places *places, Py_ssize_t at)
{
    const Scanner *self = scan->self;
    int again = at < scan->reached;
    Near near = {.there = 0, .count = 0};
    for (int32_t g = 0; g < places->groups; g++) {
        const Group *group = &places->group[g];
        const Rule *rule = &self->rules[group->rule];
        const Spot *spot = places->spot + group->first;
        if (!near.there && (rule->context >= 0 || rule->anti >= 0)
            && near_words(scan, at + spot->start, at + spot->end, &near) < 0)
            return -1;
        if (rule->needs_words && (!near.there || rule->context < 0 || !vocabulary_count(self, rule->context, &near)))
            continue;
        for (int32_t i = 0; i < group->spots; i++) {
            Py_ssize_t s = at + spot[i].start, e = at + spot[i].end;
            if (again && seen_before(scan, group->rule, s, e))
                continue;
            if (e > scan->reached)
                scan->reached = e;
            if (rule->off)
                continue;
            if (!rule->prepared && prepare(scan->self, &scan->self->rules[group->rule]) < 0)
                return -1;
            Found found;
            int there = rule->program == NULL ? -2 : program_search(rule->program, &scan->folded, s, e, 0, &found);
            if (there == -1)
                continue;
            if (there == 1) {
                s = rule->group ? found.group_start : found.start, e = rule->group ? found.group_end : found.end;
            } else if (rule->search != Py_None) {
                PyObject *match = PyObject_CallFunction(rule->search, "Onn", scan->folded.object, s, e);
                if (match == NULL) {
                    if (timed_out(scan, rule, s, e, self->timeout_run) < 0)
                        return -1;
                    continue;
                }
                if (match == Py_None) {
                    Py_DECREF(match);
                    continue;
                }
                PyObject *span = PyObject_CallMethod(match, "span", "i", rule->group);
                Py_DECREF(match);
                int failed = span == NULL || !PyArg_ParseTuple(span, "nn", &s, &e);
                Py_XDECREF(span);
                if (failed)
                    return -1;
            }
            if (weigh(scan, rule, s, e, spot[i].score, &near) < 0)
                return -1;
        }
    }
    return 0;
}

static int scan_run(void *context, const unsigned char *shape, Py_ssize_t length, Py_ssize_t at, int odd)
{
    Scan *scan = context;
    Places *places = look_up_places(scan->self, shape, length, odd);
    if (places == NULL)
        return -1;
    if (places->groups == 0) {
        places_release(places);
        return 0;
    }
    int failed = weigh_run(scan, places, at);
    places_release(scan->before);
    scan->before = places, scan->before_offset = at;
    return failed;
}

/* ------------------------------------------------------------------ rules over the whole text */

PyObject *scan_view(Scan *scan)
{
    if (scan->view == NULL)
        scan->view = PyObject_CallFunction(scan->self->view, "OOy#y#", scan->text, scan->folded.object, (const char *)scan->low,
                                           scan->folded.length, (const char *)scan->shape, scan->folded.length);
    return scan->view;
}

int rank_of(const TextRule *rule, double score)
{
    if (rule->rank)
        return rule->rank;
    return score >= 0.999 ? RANK_STRUCTURE : score >= 0.9 ? RANK_CERTAIN : RANK_PATTERN;
}

static int number_of(PyObject *object, const char *name, Py_ssize_t *out)
{
    PyObject *value = PyObject_GetAttrString(object, name);
    if (value == NULL)
        return -1;
    *out = PyLong_AsSsize_t(value);
    Py_DECREF(value);
    return *out == -1 && PyErr_Occurred() ? -1 : 0;
}

/* Takes over a span that Python has found. */
int take_span(Scan *scan, const TextRule *rule, PyObject *span)
{
    Py_ssize_t start, end;
    PyObject *type = NULL, *name = NULL, *reason = NULL;
    int failed = -1;
    if (number_of(span, "start", &start) < 0 || number_of(span, "end", &end) < 0)
        return -1;
    if (start < 0 || end < start || end > scan->folded.length) {
        PyErr_SetString(PyExc_ValueError, "a span lies outside its text");
        return -1;
    }
    PyObject *value = PyObject_GetAttrString(span, "score");
    if (value == NULL)
        return -1;
    double score = PyFloat_AsDouble(value);
    Py_DECREF(value);
    if (score == -1.0 && PyErr_Occurred())
        return -1;
    if (!(score >= scan->self->threshold))
        return 0;
    if ((type = PyObject_GetAttrString(span, "type")) != NULL && (name = PyObject_GetAttrString(span, "rule")) != NULL
        && (reason = PyObject_GetAttrString(span, "reason")) != NULL) {
        int off = PySet_Contains(scan->self->off, type);
        failed = off < 0 ? -1 : off ? 0 : add_found(scan, rank_of(rule, score), start, end, score, type, name, reason);
    }
    Py_XDECREF(type);
    Py_XDECREF(name);
    Py_XDECREF(reason);
    return failed;
}

int take_spans(Scan *scan, const TextRule *rule, PyObject *spans)
{
    Py_ssize_t count = PyList_Check(spans) ? PyList_Size(spans) : -1;
    if (count < 0) {
        PyErr_SetString(PyExc_TypeError, "a rule answers with a list");
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++)
        if (take_span(scan, rule, PyList_GetItem(spans, i)) < 0)
            return -1;
    return 0;
}

static int find_in_python(Scan *scan, const TextRule *rule, Py_ssize_t number)
{
    PyObject *view, *places = NULL, *spans = NULL;
    int failed = -1;
    if (rule->near_find != NULL) {
        Py_ssize_t count = 0, i = 0;
        for (; i < scan->near_count; i += 2)
            count += scan->near[i] == number;
        if (!count)
            return 0;
        if ((places = PyList_New(0)) == NULL)
            return -1;
        for (i = 0; i < scan->near_count; i += 2) {
            if (scan->near[i] != number)
                continue;
            PyObject *at = PyLong_FromSsize_t(scan->near[i + 1]);
            int wrong = at == NULL || PyList_Append(places, at) < 0;
            Py_XDECREF(at);
            if (wrong) {
                Py_DECREF(places);
                return -1;
            }
        }
    }
    if ((view = scan_view(scan)) != NULL)
        spans = places ? PyObject_CallFunctionObjArgs(rule->near_find, view, places, NULL)
                       : PyObject_CallFunctionObjArgs(rule->find, view, NULL);
    if (spans != NULL)
        failed = take_spans(scan, rule, spans);
    Py_XDECREF(spans);
    Py_XDECREF(places);
    return failed;
}

static int text_holds(const Scan *scan, const unsigned char *bytes, Py_ssize_t size)
{
    /* Sought by its last character where that is a sign: signs are fewer than letters. */
    Py_ssize_t mark = (unsigned char)((bytes[size - 1] | 0x20) - 'a') < 26 ? 0 : size - 1, n = scan->folded.length - size + 1;
    const unsigned char *low = scan->low + mark, *at = low, *end = low + n;
    for (; n > 0 && at < end && (at = memchr(at, bytes[mark], (size_t)(end - at))) != NULL; at++)
        if (at[-mark] == bytes[0] && memcmp(at - mark, bytes, (size_t)size) == 0)
            return 1;
    return 0;
}

/* Whether the text holds one of the strings that the rule needs; each has its length in front. */
static int is_needed(const Scan *scan, const TextRule *rule)
{
    const unsigned char *needs = scan->self->needs + rule->needs_first;
    for (int k = 0; k < rule->needs; k += 1 + needs[k])
        if (text_holds(scan, needs + k + 1, needs[k]))
            return 1;
    return rule->needs == 0;
}

static int scan_text_rules(Scan *scan)
{
    const Scanner *self = scan->self;
    for (Py_ssize_t i = 0; i < self->text_rules_count; i++) {
        const TextRule *rule = &self->text_rules[i];
        if (!is_needed(scan, rule))
            continue;
        scan->rule = rule;
        if (rule->own ? find_own(scan, rule) < 0 : find_in_python(scan, rule, i) < 0)
            return -1;
    }
    return 0;
}

/* ------------------------------------------------------------------ the forms of the text */

/* Whether something in the text may be one of this package's placeholders or tokens. */
static int may_be_masked(const Scan *scan)
{
    const Text *text = &scan->folded;
    const unsigned char *hit;
    if (memchr(scan->low, ']', (size_t)text->length) != NULL)
        for (Py_ssize_t i = 0; i + 4 < text->length && (hit = memchr(scan->low + i, '[', (size_t)(text->length - 4 - i))) != NULL; i++) {
            i = hit - scan->low;
            Py_ssize_t k = i + 1;
            Py_UCS4 c = 0;
            while (k < text->length && (((c = char_at(text, k)) >= 'A' && c <= 'Z') || c == '_'))
                k++;
            if (k > i + 2 && k < text->length && c >= '0' && c <= '9' && char_at(text, k - 1) == '_')
                return 1;
            i = k - 1 > i ? k - 1 : i;
        }
    for (const unsigned char *at = scan->low, *end = scan->low + text->length; (at = memchr(at, '_', (size_t)(end - at))) != NULL;
         at++)
        if (at - scan->low >= 3 &&
            (memcmp(at - 3, "tok", 3) == 0 || memcmp(at - 3, "mac", 3) == 0 || memcmp(at - 3, "vlt", 3) == 0))
            return 1;
    return 0;
}

/* Whether view.fold may write something in the text otherwise, what is masked aside. */
static int may_be_folded(const Scan *scan)
{
    const Text *text = &scan->folded;
    const unsigned char *bits = scan->self->folded_bits;
    for (Py_ssize_t i = 0; text->narrow == NULL && i < text->length; i++)
        if (text->plain[i] == NOT_PLAIN && (text->wide[i] > 0xffff || bits[text->wide[i] >> 3] >> (text->wide[i] & 7) & 1))
            return 1;
    return 0;
}

/* The two forms of ASCII text, without a branch or a table: compilers make it work on many characters at once. */
static void ascii_forms(const unsigned char *restrict text, unsigned char *restrict low, unsigned char *restrict shape, Py_ssize_t n)
{
    for (Py_ssize_t i = 0; i < n; i++) {
        unsigned char c = text[i], small = (unsigned char)(c | ((unsigned char)(c - 'A') < 26 ? 0x20 : 0));
        low[i] = small;
        shape[i] = (unsigned char)(small - 'a') < 26 ? 'A' : (unsigned char)(c - '0') < 10 ? '0' : c;
    }
}

static int open_forms(Scan *scan, PyObject *object)
{
    Text *text = &scan->folded;
    if (text_open((Letters *)scan->self->letters, text, object) < 0)
        return -1;
    Py_ssize_t n = text->length;
    unsigned char *block = scan->low;
    if (n > scan->room) {
        block = PyMem_Realloc(scan->low, 2 * ((size_t)n + AFTER_TEXT));
        if (block == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        scan->room = n;
    }
    unsigned char *low = scan->low = block, *shape = scan->shape = block + n + AFTER_TEXT;
    const unsigned char *lows = scan->self->lows, *shapes = scan->self->shapes;
    if (text->narrow) {
        ascii_forms(text->narrow, low, shape, n);
    } else {
        for (Py_ssize_t i = 0; i < n; i++) {
            unsigned char c = text->wide[i] < 256 ? (unsigned char)text->wide[i] : '?';
            low[i] = lows[c], shape[i] = shapes[c];
        }
    }
    scan->has_zero = memchr(low, 0, (size_t)n) != NULL;
    memset(low + n, 0, AFTER_TEXT);
    memset(shape + n, 0, AFTER_TEXT);
    return 0;
}

/* The buffers of a scan that has ended serve the next; one that begins meanwhile (a call back lets others in) makes its own. */
static int open_buffers(Scan *scan)
{
    Scanner *self = scan->self;
    Spare *spare = &self->spare;
    size_t rules = (size_t)self->rules_count + 1;
    if (spare->done != NULL) {
        scan->low = spare->low, scan->room = spare->room, scan->done = spare->done, scan->waiting = spare->waiting;
        scan->found = spare->found, scan->done_base = spare->done_base;
        memset(spare, 0, sizeof *spare);
        return 0;
    }
    scan->room = -1;
    scan->done_base = 1;
    scan->done = PyMem_Calloc(rules, sizeof *scan->done);
    scan->waiting = PyMem_Malloc((size_t)self->waiting_most * sizeof *scan->waiting);
    if (scan->done == NULL || scan->waiting == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    return 0;
}

static int open_scan(Scan *scan, PyObject *text)
{
    const Scanner *self = scan->self;
    scan->text = text;
    if (open_buffers(scan) < 0 || open_forms(scan, text) < 0)
        return -1;
    if (may_be_folded(scan) || may_be_masked(scan)) {
        PyObject *folded = PyObject_CallFunctionObjArgs(self->fold, text, NULL);
        if (folded == NULL)
            return -1;
        scan->folded_object = folded;
        if (folded != text) {
            text_close(&scan->folded);
            if (open_forms(scan, folded) < 0)
                return -1;
            if (scan->folded.length != PyUnicode_GetLength(text)) {
                PyErr_SetString(PyExc_ValueError, "a folded text has another length");
                return -1;
            }
        }
    }
    return 0;
}

static void close_scan(Scan *scan)
{
    Spare *spare = &scan->self->spare;
    /* What this scan has put into done is less than the base of the next. */
    Py_ssize_t base = scan->done_base + (scan->folded.length > 0 ? scan->folded.length : 0) + 1;
    text_close(&scan->folded);
    Py_XDECREF(scan->folded_object);
    Py_XDECREF(scan->view);
    PyMem_Free(scan->near);
    places_release(scan->before);
    candidates_clear(&scan->found);
    if (spare->done == NULL && scan->done != NULL && scan->waiting != NULL && scan->room <= SPARE_CHARS_MAX
        && scan->found.size <= SPARE_FOUND_MAX && base < PY_SSIZE_T_MAX / 2) {
        *spare = (Spare){scan->low, scan->room, scan->done, base, scan->waiting, scan->found};
        return;
    }
    PyMem_Free(scan->low);
    PyMem_Free(scan->done);
    PyMem_Free(scan->waiting);
    candidates_free(&scan->found);
}

/* ------------------------------------------------------------------ answers */

/* The fields are written where the class has them (see find_fields), or set past its own guard against it: this is its making.
   A span holds numbers and strings alone, so that it is in no cycle and the collector need not look at it. */
static PyObject *make_span(const Scanner *self, const Candidate *c)
{
    PyObject *span = self->new_span((PyTypeObject *)self->span, 0);
    PyObject *values[6] = {PyLong_FromSsize_t(c->start), PyLong_FromSsize_t(c->end), Py_NewRef(c->type), PyFloat_FromDouble(c->score),
                           Py_NewRef(c->rule), Py_NewRef(c->reason)};
    int failed = span == NULL || values[0] == NULL || values[1] == NULL || values[3] == NULL;
    for (int i = 0; i < 6; i++) {
        if (!failed && self->field_at[0]) {
            memcpy((char *)span + self->field_at[i], &values[i], sizeof values[i]);
            continue;
        }
        failed = failed || PyObject_GenericSetAttr(span, self->fields[i], values[i]) < 0;
        Py_XDECREF(values[i]);
    }
    if (failed)
        Py_CLEAR(span);
    else
        PyObject_GC_UnTrack(span);
    return span;
}

static PyObject *answer_spans(Scan *scan)
{
    PyObject *out = PyList_New(scan->found.count);
    for (Py_ssize_t i = 0; out != NULL && i < scan->found.count; i++) {
        PyObject *span = make_span(scan->self, &scan->found.items[i]);
        if (span == NULL || PyList_SetItem(out, i, span) < 0)
            Py_CLEAR(out);
    }
    return out;
}

static PyObject *answer_candidates(Scan *scan)
{
    PyObject *out = PyList_New(scan->found.count);
    for (Py_ssize_t i = 0; out != NULL && i < scan->found.count; i++) {
        PyObject *span = make_span(scan->self, &scan->found.items[i]), *item = NULL;
        if (span != NULL)
            item = Py_BuildValue("(iN)", scan->found.items[i].rank, span);
        if (item == NULL || PyList_SetItem(out, i, item) < 0)
            Py_CLEAR(out);
    }
    return out;
}

static PyObject *scan_text(PyObject *object, PyObject *text, int line_bound, int resolved)
{
    Scan scan;
    PyObject *out = NULL;
    memset(&scan, 0, sizeof scan);
    scan.self = (Scanner *)object, scan.line_bound = line_bound, scan.raw = !resolved;
    if (open_scan(&scan, text) == 0 && scan_literals(&scan) == 0
        && runs_each(scan.self->runs, scan.shape, scan.folded.length, scan_run, &scan) == 0 && scan_text_rules(&scan) == 0) {
        const Scanner *self = scan.self;
        Resolving how = {(Letters *)self->letters, text, &scan.folded, self->is_no_name, self->t_email, self->n_names, self->rest};
        if (!resolved)
            out = answer_candidates(&scan);
        else if (resolve(&how, &scan.found) == 0)
            out = answer_spans(&scan);
    }
    close_scan(&scan);
    return out;
}

/* scan(text, line_bound, resolved): spans as Engine.scan gives them, or candidates with their ranks. */
static PyObject *scanner_scan(PyObject *object, PyObject *args)
{
    PyObject *text;
    int line_bound, resolved;
    if (!PyArg_ParseTuple(args, "Upp", &text, &line_bound, &resolved))
        return NULL;
    return scan_text(object, text, line_bound, resolved);
}

/* find(text): the same as scan(text, False, True), of a text that is not too long. */
static PyObject *scanner_find(PyObject *object, PyObject *text)
{
    if (!PyUnicode_Check(text) || PyUnicode_GetLength(text) > ((Scanner *)object)->chars_max) {
        PyErr_SetString(PyExc_ValueError, "no text, or too long a one");
        return NULL;
    }
    return scan_text(object, text, 0, 1);
}

/* ------------------------------------------------------------------ building */

static PyObject *item_of(PyObject *dict, const char *name)
{
    PyObject *value = PyDict_GetItemString(dict, name);
    if (value == NULL && !PyErr_Occurred())
        PyErr_Format(PyExc_KeyError, "the scanner needs %s", name);
    return value;
}

#define TAKE(FIELD)                                                 \
    do {                                                            \
        PyObject *value_ = item_of(parts, #FIELD);                  \
        if (value_ == NULL)                                         \
            return -1;                                              \
        self->FIELD = Py_NewRef(value_);                            \
    } while (0)

static int build_rules(Scanner *self, PyObject *rules)
{
    self->rules_count = PyList_Size(rules);
    if (self->rules_count < 0)
        return -1;
    self->rules = PyMem_Calloc((size_t)self->rules_count + 1, sizeof *self->rules);
    if (self->rules == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < self->rules_count; i++) {
        Rule *r = &self->rules[i];
        PyObject *object, *name, *type, *validator;
        if (!PyArg_ParseTuple(PyList_GetItem(rules, i), "OUUOddiiiiiipppppi:rule", &object, &name, &type, &validator,
                              &r->score, &r->validated_score, &r->group, &r->before, &r->after, &r->at, &r->context, &r->anti,
                              &r->required, &r->needs_words, &r->off, &r->structure, &r->sure, &r->check))
            return -1;
        r->object = object, r->name = name, r->type = type, r->validator = validator;
        r->secret = PyUnicode_CompareWithASCIIString(type, "PASSWORD") == 0 || PyUnicode_CompareWithASCIIString(type, "SECRET") == 0;
    }
    return 0;
}

static int build_text_rules(Scanner *self, PyObject *rules)
{
    Py_ssize_t count = PyList_Size(rules), needs = 0;
    if (count < 0)
        return -1;
    self->text_rules = PyMem_Calloc((size_t)count + 1, sizeof *self->text_rules);
    self->needs = PyMem_Calloc((size_t)count + 1, 256);
    if (self->text_rules == NULL || self->needs == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        TextRule *r = &self->text_rules[i];
        PyObject *near_find;
        const char *bytes;
        Py_ssize_t size;
        if (!PyArg_ParseTuple(PyList_GetItem(rules, i), "UOOO!iipy#:text rule", &r->name, &r->find, &near_find, &PyTuple_Type,
                              &r->parts, &r->own, &r->rank,
                              &r->model, &bytes, &size))
            return -1;
        if (size > 256) {
            PyErr_SetString(PyExc_ValueError, "a rule needs 256 characters at most");
            return -1;
        }
        for (Py_ssize_t k = 0; k < size; k += 1 + (unsigned char)bytes[k])
            if (k + 1 + (unsigned char)bytes[k] > size) {
                PyErr_SetString(PyExc_ValueError, "what a rule needs is cut off");
                return -1;
            }
        r->near_find = near_find == Py_None ? NULL : near_find;
        r->needs_first = (int)needs, r->needs = (int)size;
        memcpy(self->needs + needs, bytes, (size_t)size);
        needs += size;
        self->text_rules_count++;
        if (open_own(self, r) < 0)
            return -1;
    }
    return 0;
}

static int build_vocabularies(Scanner *self, PyObject *words, PyObject *vocabularies)
{
    Py_ssize_t count = PyList_Size(words), tables = PyList_Size(vocabularies), phrases = 0, parts = 0;
    if (count < 0 || tables < 0)
        return -1;
    self->word_ids_size = 64;
    while (self->word_ids_size < 2 * (size_t)count)
        self->word_ids_size *= 2;
    self->word_ids = PyMem_Calloc(self->word_ids_size, sizeof *self->word_ids);
    self->vocabularies = PyMem_Calloc((size_t)tables + 1, sizeof *self->vocabularies);
    if (self->word_ids == NULL || self->vocabularies == NULL)
        goto no_memory;
    for (Py_ssize_t i = 0; i < count; i++) {
        Text word;
        int failed = text_open((Letters *)self->letters, &word, PyList_GetItem(words, i));
        uint64_t hash = 0;
        if (!failed && word.narrow) {
            hash = hash_bytes(self->seed, word.narrow, word.length);
            hash |= !hash;
        } else if (!failed) {
            hash = hash_word(self, word.wide, word.length);
        }
        text_close(&word);
        if (failed)
            return -1;
        size_t mask = self->word_ids_size - 1, k = (size_t)(hash >> 8) & mask;
        while (self->word_ids[k].hash)
            k = (k + 1) & mask;
        self->word_ids[k].hash = hash, self->word_ids[k].id = (int32_t)i;
    }
    for (int pass = 0; pass < 2; pass++) {
        if (pass) {
            self->phrases = PyMem_Calloc((size_t)phrases + 1, sizeof *self->phrases);
            self->phrase_words = PyMem_Calloc((size_t)parts + 1, sizeof *self->phrase_words);
            if (self->phrases == NULL || self->phrase_words == NULL)
                goto no_memory;
        }
        phrases = parts = 0;
        for (Py_ssize_t i = 0; i < tables; i++) {
            const char *bits;
            Py_ssize_t size;
            PyObject *list;
            if (!PyArg_ParseTuple(PyList_GetItem(vocabularies, i), "y#O!", &bits, &size, &PyTuple_Type, &list))
                return -1;
            if (size * 8 < count) {
                PyErr_SetString(PyExc_ValueError, "a vocabulary has a bit for each word");
                return -1;
            }
            Py_ssize_t n = PyTuple_Size(list);
            self->vocabularies[i].bits = (const unsigned char *)bits;
            self->vocabularies[i].first = (int32_t)phrases, self->vocabularies[i].phrases = (int32_t)n;
            for (Py_ssize_t k = 0; k < n; k++) {
                PyObject *phrase = PyTuple_GetItem(list, k);
                Py_ssize_t length = PyTuple_Check(phrase) ? PyTuple_Size(phrase) : 0;
                if (length < 1) {
                    PyErr_SetString(PyExc_ValueError, "a phrase has words");
                    return -1;
                }
                for (Py_ssize_t w = 0; pass && w < length; w++) {
                    long id = PyLong_AsLong(PyTuple_GetItem(phrase, w));
                    if (id < 0 || id >= count) {
                        if (!PyErr_Occurred())
                            PyErr_SetString(PyExc_ValueError, "a phrase names a word that is not there");
                        return -1;
                    }
                    self->phrase_words[parts + w] = (int32_t)id;
                }
                if (pass) {
                    self->phrases[phrases].words = self->phrase_words + parts;
                    self->phrases[phrases].count = (int32_t)length;
                }
                phrases++, parts += length;
            }
        }
    }
    for (Py_ssize_t i = 0; i < self->rules_count; i++)
        if (self->rules[i].context >= tables || self->rules[i].anti >= tables) {
            PyErr_SetString(PyExc_ValueError, "a rule names a vocabulary that is not there");
            return -1;
        }
    return 0;
no_memory:
    PyErr_NoMemory();
    return -1;
}

static void set_bit(unsigned char *bits, uint32_t at)
{
    bits[at >> 3] |= (unsigned char)(1 << (at & 7));
}

static uint16_t pair_of(uint32_t first, uint32_t second)
{
    unsigned char bytes[2] = {(unsigned char)first, (unsigned char)second};
    uint16_t pair;
    memcpy(&pair, bytes, 2);
    return pair;
}

/* Marks what the first bytes of a literal let through: what follows a short one may be anything. */
static void mark_literal(Scanner *self, const unsigned char *bytes, Py_ssize_t size)
{
    uint32_t word = 0;
    for (int i = 0; i < 4 && i < size; i++)
        word |= (uint32_t)bytes[i] << (8 * i);
    if (size >= 4)
        set_bit(self->four, hash_four(word));
    else if (size == 3)
        set_bit(self->three, hash_four(word));
    else
        self->shortest[bytes[0]] = 1;
    unsigned bucket = size < 3 ? 7 : hash_four(word & 0xffff) % 7;
    for (uint32_t c = 0; c < 256; c++) {
        if (size == 1)
            self->heads[pair_of(bytes[0], c)] |= 1 << 7;
        if (size == 3)
            self->tails[pair_of(bytes[2], c)] |= (unsigned char)(1 << bucket);
    }
    if (size > 1)
        self->heads[pair_of(bytes[0], bytes[1])] |= (unsigned char)(1 << bucket);
    if (size > 3)
        self->tails[pair_of(bytes[2], bytes[3])] |= (unsigned char)(1 << bucket);
}

static int by_key(const void *x, const void *y)
{
    const LiteralOrder *a = x, *b = y;
    if (a->size != b->size)
        return a->size < b->size ? -1 : 1;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    return a->literal < b->literal ? -1 : a->literal > b->literal;
}

/* A table of the first four bytes (of shorter literals: of all) to the literals that begin so. */
static int build_keys(Scanner *self)
{
    LiteralOrder *order = self->literal_order = PyMem_Calloc((size_t)self->literals + 1, sizeof *order);
    self->literal_keys_size = 64;
    while (self->literal_keys_size < 2 * (size_t)self->literals)
        self->literal_keys_size *= 2;
    self->literal_keys = PyMem_Calloc(self->literal_keys_size, sizeof *self->literal_keys);
    if (!order || !self->literal_keys) {
        PyErr_NoMemory();
        return -1;
    }
    Py_ssize_t longest = 0, most = 0;
    for (Py_ssize_t i = 0; i < self->literals; i++) {
        int size = self->literal_length[i] < 4 ? self->literal_length[i] : 4;
        uint32_t key = 0;
        for (int k = 0; k < size; k++)
            key |= (uint32_t)self->literal_bytes[i][k] << (8 * k);
        order[i] = (LiteralOrder){.key = key, .size = size, .literal = (int32_t)i};
        memcpy(&order[i].head, self->literal_bytes[i], self->literal_length[i] < 8 ? (size_t)self->literal_length[i] : 8);
        memset(&order[i].mask, 0xff, self->literal_length[i] < 8 ? (size_t)self->literal_length[i] : 8);
        longest = self->literal_length[i] > longest ? self->literal_length[i] : longest;
    }
    qsort(order, (size_t)self->literals, sizeof *order, by_key);
    for (Py_ssize_t i = 0; i < self->literals;) {
        Py_ssize_t stop = i;
        for (; stop < self->literals && order[stop].key == order[i].key && order[stop].size == order[i].size; stop++)
            for (Py_ssize_t k = i; k < stop; k++) {
                int32_t one = order[k].literal, other = order[stop].literal;
                if (self->literal_length[one] == self->literal_length[other]
                    && memcmp(self->literal_bytes[one], self->literal_bytes[other], (size_t)self->literal_length[one]) == 0) {
                    PyErr_SetString(PyExc_ValueError, "a literal stands twice");
                    return -1;
                }
            }
        LiteralKey *slot = literal_key(self, order[i].key, order[i].size);
        *slot = (LiteralKey){order[i].key, order[i].size, (int32_t)i, (int32_t)(stop - i)};
        most = stop - i > most ? stop - i : most;
        i = stop;
    }
    /* At one place begin those of four keys at most, and a hit waits no longer than the longest is long. */
    self->waiting_most = (longest + 1) * 4 * (most + 1);
    return 0;
}

static int build_literals(Scanner *self, PyObject *literals)
{
    Py_ssize_t count = PyList_Size(literals), rules = 0;
    if (count < 0)
        return -1;
    self->literals = count;
    self->literal_first = PyMem_Calloc((size_t)count + 1, sizeof *self->literal_first);
    self->literal_count = PyMem_Calloc((size_t)count + 1, sizeof *self->literal_count);
    self->literal_length = PyMem_Calloc((size_t)count + 1, sizeof *self->literal_length);
    self->literal_bytes = PyMem_Calloc((size_t)count + 1, sizeof *self->literal_bytes);
    self->heads = PyMem_Calloc(1 << 16, 1);
    self->tails = PyMem_Malloc(1 << 16);
    self->three = PyMem_Calloc((size_t)1 << (HASH_BITS - 3), 1);
    self->four = PyMem_Calloc((size_t)1 << (HASH_BITS - 3), 1);
    if (!self->literal_first || !self->literal_count || !self->literal_length || !self->literal_bytes || !self->three || !self->four
        || !self->heads || !self->tails) {
        PyErr_NoMemory();
        return -1;
    }
    memset(self->tails, 1 << 7, 1 << 16); /* the last bucket is of those that have no more than two */
    for (int pass = 0; pass < 2; pass++) {
        rules = 0;
        for (Py_ssize_t i = 0; i < count; i++) {
            const char *bytes;
            Py_ssize_t size;
            PyObject *numbers;
            if (!PyArg_ParseTuple(PyList_GetItem(literals, i), "y#O!", &bytes, &size, &PyTuple_Type, &numbers))
                return -1;
            Py_ssize_t n = PyTuple_Size(numbers);
            if (size < 1 || size > LITERAL_MAX) {
                PyErr_SetString(PyExc_ValueError, "a literal has one to 255 characters");
                return -1;
            }
            self->literal_bytes[i] = (const unsigned char *)bytes; /* kept by the parts */
            self->literal_first[i] = (int32_t)rules, self->literal_count[i] = (int32_t)n, self->literal_length[i] = (int32_t)size;
            for (Py_ssize_t k = 0; pass && k < n; k++) {
                long number = PyLong_AsLong(PyTuple_GetItem(numbers, k));
                if (number >= self->rules_count || number < -2 * self->text_rules_count || (number == -1 && PyErr_Occurred())) {
                    if (!PyErr_Occurred())
                        PyErr_SetString(PyExc_ValueError, "a literal names a rule that is not there");
                    return -1;
                }
                self->literal_rules[rules + k] = (int32_t)number;
            }
            if (pass)
                mark_literal(self, self->literal_bytes[i], size);
            rules += n;
        }
        if (!pass && (self->literal_rules = PyMem_Calloc((size_t)rules + 1, sizeof *self->literal_rules)) == NULL) {
            PyErr_NoMemory();
            return -1;
        }
    }
    return build_keys(self);
}

/* Where a span's fields lie in it: one is made of six new objects, and they are looked for. */
static int find_fields(Scanner *self)
{
    PyObject *values[6] = {NULL}, *span = NULL, *size = PyObject_GetAttrString(self->span, "__basicsize__");
    Py_ssize_t bytes = size == NULL ? -1 : PyLong_AsSsize_t(size), at[6] = {0};
    int failed = bytes < 0, found = 0;
    for (int i = 0; i < 6 && !failed; i++)
        failed = (values[i] = PyLong_FromLong(100000 + i)) == NULL;
    if (!failed)
        failed = (span = PyObject_CallFunctionObjArgs(self->span, values[0], values[1], values[2], values[3], values[4], values[5], NULL)) == NULL;
    for (Py_ssize_t k = (Py_ssize_t)sizeof(PyObject); !failed && k + (Py_ssize_t)sizeof(PyObject *) <= bytes; k += (Py_ssize_t)sizeof(PyObject *))
        for (int i = 0; i < 6; i++)
            if (memcmp((char *)span + k, &values[i], sizeof values[i]) == 0)
                at[i] = k, found++;
    if (!failed && found == 6 && at[0] && at[1] && at[2] && at[3] && at[4] && at[5])
        memcpy(self->field_at, at, sizeof at);
    Py_XDECREF(span);
    Py_XDECREF(size);
    for (int i = 0; i < 6; i++)
        Py_XDECREF(values[i]);
    return failed ? -1 : 0;
}

static int build(Scanner *self, PyObject *parts)
{
    PyObject *rules, *text_rules, *words, *vocabularies, *literals, *reasons, *numbers;
    TAKE(letters);
    TAKE(tagger);
    TAKE(runs);
    TAKE(fold);
    TAKE(view);
    TAKE(words_of);
    TAKE(prepare);
    TAKE(span);
    TAKE(off);
    TAKE(is_no_name);
    TAKE(timeout_literal);
    TAKE(timeout_run);
    TAKE(rest);
    TAKE(t_email);
    TAKE(n_names);
    TAKE(t_person);
    TAKE(t_location);
    TAKE(model_reason);
    TAKE(judge);
    TAKE(narrowed);
    TAKE(sql);
    TAKE(code_words);
    self->keep = Py_NewRef(parts);
    if (!is_letters(self->letters) || (self->tagger != Py_None && !is_tagger(self->tagger)) || !is_runs(self->runs)
        || !PyFrozenSet_Check(self->off)) {
        PyErr_SetString(PyExc_TypeError, "a part of the scanner is of another type");
        return -1;
    }
    if (!(rules = item_of(parts, "rules")) || !(text_rules = item_of(parts, "text_rules")) || !(words = item_of(parts, "words")) || !(vocabularies = item_of(parts, "vocabularies"))
        || !(literals = item_of(parts, "literals")) || !(reasons = item_of(parts, "reasons"))
        || !(numbers = item_of(parts, "numbers")))
        return -1;
    unsigned long long seed;
    Py_ssize_t places_max;
    if (!PyArg_ParseTuple(numbers, "ddddnnKnn", &self->threshold, &self->for_, &self->more, &self->against, &self->words_before,
                          &self->words_after, &seed, &places_max, &self->chars_max))
        return -1;
    if (self->words_before < 0 || self->words_after < 0 || self->words_before + self->words_after > 2 * WINDOW_WORDS
        || places_max < 1 || places_max > 1 << 20) {
        PyErr_SetString(PyExc_ValueError, "a limit of the scanner is out of its range");
        return -1;
    }
    self->seed = mix(seed + 3);
    for (int c = 0; c < 256; c++) {
        int capital = c >= 'A' && c <= 'Z', letter = capital || (c >= 'a' && c <= 'z');
        int other = c >= 0x80 && (((Letters *)self->letters)->classes[0][c] & (LOWER | UPPER)); /* all of Latin-1 have a case */
        self->lows[c] = (unsigned char)(capital ? c | 0x20 : c);
        self->shapes[c] = (unsigned char)(letter ? 'A' : c >= '0' && c <= '9' ? '0' : other ? 0xe9 : c);
    }
    static const char *const fields[] = {"start", "end", "type", "score", "rule", "reason"};
    for (int i = 0; i < 6; i++)
        if ((self->fields[i] = PyUnicode_InternFromString(fields[i])) == NULL)
            return -1;
    if (!PyType_Check(self->span)) {
        PyErr_SetString(PyExc_TypeError, "a span is made of its class");
        return -1;
    }
    self->new_span = (allocfunc)PyType_GetSlot((PyTypeObject *)self->span, Py_tp_alloc);
    if (find_fields(self) < 0)
        return -1;
    self->verdicts = PyMem_Calloc(VERDICTS, sizeof *self->verdicts);
    if (self->verdicts == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    PyObject *folds = item_of(parts, "folded_bits");
    char *fold_bytes;
    Py_ssize_t fold_size;
    if (folds == NULL || PyBytes_AsStringAndSize(folds, &fold_bytes, &fold_size) < 0)
        return -1;
    if (fold_size != 0x2000) {
        PyErr_SetString(PyExc_ValueError, "bits of the first plane are 8192 bytes");
        return -1;
    }
    self->folded_bits = (const unsigned char *)fold_bytes;
    PyObject *caps_chars = item_of(parts, "caps_chars");
    if (caps_chars == NULL || ((self->caps_chars = PyLong_AsSsize_t(caps_chars)) < 0 && PyErr_Occurred()))
        return -1;
    if ((self->windows = PyMem_Calloc(WINDOWS, sizeof(Window))) == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    PyObject *codes = item_of(parts, "phone_codes");
    Py_ssize_t codes_size;
    char *code_bytes;
    if (codes == NULL || PyBytes_AsStringAndSize(codes, &code_bytes, &codes_size) < 0)
        return -1;
    if (codes_size != sizeof self->phone_codes) {
        PyErr_SetString(PyExc_ValueError, "codes of countries are 1110 bytes");
        return -1;
    }
    memcpy(self->phone_codes, code_bytes, sizeof self->phone_codes);
    PyObject *verhoeff = item_of(parts, "verhoeff");
    if (verhoeff == NULL || PyBytes_AsStringAndSize(verhoeff, &code_bytes, &codes_size) < 0)
        return -1;
    if (codes_size != sizeof self->verhoeff) {
        PyErr_SetString(PyExc_ValueError, "the steps of Verhoeff are 800 bytes");
        return -1;
    }
    for (Py_ssize_t i = 0; i < codes_size; i++)
        self->verhoeff[i] = (unsigned char)code_bytes[i] < 10 ? (unsigned char)code_bytes[i] : 0;
    PyObject *names = item_of(parts, "names"), *never = item_of(parts, "no_names");
    if (never == NULL || words_open(self, &self->no_names, never) < 0 || words_open(self, &self->code_starts, self->code_words) < 0)
        return -1;
    PyObject *no_passwords = item_of(parts, "no_passwords"), *no_given = no_passwords ? item_of(parts, "no_given") : NULL;
    if (no_given == NULL || words_open(self, &self->no_passwords, no_passwords) < 0 || words_open(self, &self->no_given, no_given) < 0)
        return -1;
    Py_ssize_t off = PySet_Size(self->off);
    if (off < 0)
        return -1;
    self->any_off = off > 0;
    self->off_label[1] = PySet_Contains(self->off, self->t_person);
    self->off_label[2] = PySet_Contains(self->off, self->t_location);
    if (self->off_label[1] < 0 || self->off_label[2] < 0)
        return -1;
    const char *glue, *signs;
    Py_ssize_t glue_size, signs_size;
    if (names == NULL
        || !PyArg_ParseTuple(names, "y#y#dn", &glue, &glue_size, &signs, &signs_size, &self->code_score, &self->line_max))
        return -1;
    for (Py_ssize_t i = 0; i < glue_size; i++)
        self->glue[(unsigned char)glue[i]] = 1;
    for (Py_ssize_t i = 0; i < signs_size; i++)
        self->code_sign[(unsigned char)signs[i]] = 1;
    if (self->line_max < 1 || self->line_max > 1 << 20 || !PyAnySet_Check(self->code_words)) {
        PyErr_SetString(PyExc_ValueError, "a limit of the rule for names is out of its range");
        return -1;
    }
    if (!PyTuple_Check(reasons) || PyTuple_Size(reasons) != REASONS) {
        PyErr_SetString(PyExc_ValueError, "there are eight reasons");
        return -1;
    }
    for (int i = 0; i < REASONS; i++)
        self->reasons[i] = Py_NewRef(PyTuple_GetItem(reasons, i));
    if (build_rules(self, rules) < 0 || build_text_rules(self, text_rules) < 0
        || build_vocabularies(self, words, vocabularies) < 0 || build_literals(self, literals) < 0)
        return -1;
    self->numbers = PyDict_New();
    for (Py_ssize_t i = 0; self->numbers != NULL && i < self->rules_count; i++) {
        PyObject *number = PyLong_FromSsize_t(i);
        if (number == NULL || PyDict_SetItem(self->numbers, self->rules[i].object, number) < 0)
            Py_CLEAR(self->numbers);
        Py_XDECREF(number);
    }
    if (self->numbers == NULL)
        return -1;
    PyObject *run_places = item_of(parts, "places");
    if (run_places == NULL || places_open(self, run_places) < 0)
        return -1;
    self->nothing.references = 1; /* its own: it is never freed */
    self->places_max = (size_t)places_max;
    self->places_size = 64;
    while (self->places_size < 2 * self->places_max)
        self->places_size *= 2;
    self->places = PyMem_Calloc(self->places_size, sizeof *self->places);
    if (self->places == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    return 0;
}

static PyObject *scanner_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *parts;
    if (kwargs != NULL && PyDict_Size(kwargs) != 0) {
        PyErr_SetString(PyExc_TypeError, "by place only");
        return NULL;
    }
    if (!PyArg_ParseTuple(args, "O!", &PyDict_Type, &parts))
        return NULL;
    allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    PyObject *self = alloc(type, 0);
    if (self != NULL && build((Scanner *)self, parts) < 0)
        Py_CLEAR(self);
    return self;
}

#define EACH_OBJECT(DO)                                                                                                  \
    DO(self->letters); DO(self->tagger); DO(self->runs); DO(self->fold); DO(self->view); DO(self->words_of); DO(self->prepare); DO(self->kinds); DO(self->span); \
    DO(self->off); DO(self->is_no_name); DO(self->timeout_literal); DO(self->timeout_run); DO(self->rest);               \
    DO(self->t_email); DO(self->t_person); DO(self->t_location); DO(self->model_reason); DO(self->judge); DO(self->narrowed); DO(self->sql);  \
    DO(self->code_words); DO(self->n_names); DO(self->keep); DO(self->numbers);

static int scanner_traverse(PyObject *object, visitproc visit, void *arg)
{
    Scanner *self = (Scanner *)object;
    Py_VISIT(Py_TYPE(object));
    EACH_OBJECT(Py_VISIT)
    return 0;
}

/* A scanner has no part that can be taken from it alone: a cycle through one is broken at its other members. */
static void scanner_dealloc(PyObject *object)
{
    Scanner *self = (Scanner *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    EACH_OBJECT(Py_CLEAR)
    for (int i = 0; i < REASONS; i++)
        Py_CLEAR(self->reasons[i]);
    for (int i = 0; i < 6; i++)
        Py_CLEAR(self->fields[i]);
    if (self->places != NULL)
        forget_places(self);
    PyMem_Free(self->places);
    places_close(self);
    for (Py_ssize_t i = 0; self->rules != NULL && i < self->rules_count; i++) {
        Py_CLEAR(self->rules[i].search);
        PyMem_Free(self->rules[i].program);
        PyMem_Free(self->rules[i].set);
    }
    PyMem_Free(self->rules);
    PyMem_Free(self->text_rules);
    PyMem_Free(self->needs);
    PyMem_Free(self->keys);
    PyMem_Free(self->verdicts);
    PyMem_Free(self->spare.low);
    PyMem_Free(self->spare.done);
    PyMem_Free(self->spare.waiting);
    candidates_free(&self->spare.found);
    PyMem_Free(self->three);
    PyMem_Free(self->heads);
    PyMem_Free(self->tails);
    PyMem_Free(self->four);
    PyMem_Free(self->literal_keys);
    PyMem_Free(self->literal_order);
    PyMem_Free((void *)self->literal_bytes);
    PyMem_Free(self->windows);
    PyMem_Free(self->literal_first);
    PyMem_Free(self->literal_count);
    PyMem_Free(self->literal_rules);
    PyMem_Free(self->literal_length);
    PyMem_Free(self->word_ids);
    PyMem_Free(self->vocabularies);
    PyMem_Free(self->phrases);
    PyMem_Free(self->phrase_words);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
}

/* narrow_alone by itself, for the test that it is names.narrowed_alone. */
static PyObject *scanner_narrowed(PyObject *object, PyObject *args)
{
    Scanner *self = (Scanner *)object;
    PyObject *value;
    int after_alnum, before_alnum, doubtful;
    Text text;
    Py_ssize_t start, end;
    unsigned char low[256];
    if (!PyArg_ParseTuple(args, "O!pp", &PyUnicode_Type, &value, &after_alnum, &before_alnum)
        || text_open((Letters *)self->letters, &text, value) < 0)
        return NULL;
    int fits = text.narrow != NULL && text.length <= (Py_ssize_t)sizeof low, is = 0;
    for (Py_ssize_t i = 0; fits && i < text.length; i++)
        low[i] = self->lows[text.plain[i]];
    if (fits)
        is = narrow_alone(self, text.plain, low, text.length, after_alnum, before_alnum, &start, &end, &doubtful);
    else
        PyErr_SetString(PyExc_ValueError, "ASCII text of at most 256 characters");
    text_close(&text);
    if (!fits)
        return NULL;
    return is ? Py_BuildValue("(nnO)", start, end, doubtful ? Py_True : Py_False) : Py_NewRef(Py_None);
}

static PyMethodDef scanner_methods[] = {
    {"scan", scanner_scan, METH_VARARGS, "scan(text, line_bound, resolved): spans, or (rank, span) of every candidate"},
    {"find", scanner_find, METH_O, "find(text): spans"},
    {"narrowed", scanner_narrowed, METH_VARARGS, "narrowed(value, after_alnum, before_alnum): names.narrowed_alone of a short ASCII value"},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot scanner_slots[] = {
    {Py_tp_new, scanner_new},         {Py_tp_dealloc, scanner_dealloc}, {Py_tp_traverse, scanner_traverse},
    {Py_tp_methods, scanner_methods}, {0, NULL},
};

PyType_Spec scanner_spec = {
    "masking._native.Scanner", sizeof(Scanner), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, scanner_slots,
};
