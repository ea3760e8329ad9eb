/* The words near a candidate and what a vocabulary makes of them: what masking/context.py does. */
#include "scan.h"

uint64_t hash_word(const Scanner *self, const Py_UCS4 *word, Py_ssize_t length)
{
    unsigned char small[128];
    Py_UCS4 all = 0;
    if (length <= (Py_ssize_t)sizeof small) {
        for (Py_ssize_t i = 0; i < length; i++) {
            all |= word[i];
            small[i] = (unsigned char)word[i];
        }
        if (all < 0x80) {
            uint64_t h = hash_bytes(self->seed, small, length);
            return h | !h;
        }
    }
    uint64_t h = hash_bytes(~self->seed, (const unsigned char *)word, 4 * length);
    return h | !h;
}

static int32_t id_of(const Scanner *self, uint64_t hash)
{
    size_t mask = self->word_ids_size - 1;
    for (size_t i = (size_t)(hash >> 8) & mask; self->word_ids[i].hash; i = (i + 1) & mask)
        if (self->word_ids[i].hash == hash)
            return self->word_ids[i].id;
    return -1;
}

static void put_id(Near *near, int32_t id)
{
    if (near->count < 2 * WINDOW_WORDS)
        near->ids[near->count++] = id;
}

static int is_capital(unsigned char c)
{
    return (unsigned char)(c - 'A') < 26;
}

static int is_small(unsigned char c)
{
    return (unsigned char)(c - 'a') < 26;
}

/* As side, of ASCII alone: [A-Z]+(?![a-z]) or [A-Z]?[a-z]+ are the words. */
static void plain_side(Scan *scan, const unsigned char *text, Py_ssize_t start, Py_ssize_t size, Near *near)
{
    const unsigned char *low = scan->low + start;
    for (Py_ssize_t i = 0; i < size;) {
        Py_ssize_t stop = i;
        while (stop < size && is_capital(text[stop]))
            stop++;
        if (stop == i || (stop < size && is_small(text[stop]))) {
            if (stop > i + 1)
                stop--;
            else
                while (stop < size && is_small(text[stop]))
                    stop++;
        }
        if (stop == i) {
            i++;
            continue;
        }
        uint64_t h = stop - i > 64 ? 0 : hash_near(scan->self->seed, low + i, stop - i, scan->folded.length - start - i);
        put_id(near, stop - i > 64 ? -1 : id_of(scan->self, h | !h));
        i = stop;
    }
}

/* Adds the words of one side; 0, 1 when Python must be asked, -1 with an error set. */
static int side(Scan *scan, Py_ssize_t start, Py_ssize_t end, Near *near)
{
    Letters *letters = (Letters *)scan->self->letters;
    const Text *text = &scan->folded;
    const unsigned char *ascii = letters->classes[0], *plain = plain_at(text, start, end);
    if (plain != NULL) {
        plain_side(scan, plain, start, end - start, near);
        return 0;
    }
    for (Py_ssize_t i = start; i < end;) {
        Py_UCS4 c = char_at(text, i);
        Py_ssize_t stop = i;
        if (c >= 'A' && c <= 'Z') {
            while (stop < end && (c = char_at(text, stop)) >= 'A' && c <= 'Z')
                stop++;
            if (stop < end && c >= 'a' && c <= 'z') {
                if (stop - i > 1)
                    stop--;
                else
                    goto small;
            }
        } else {
        small:
            if (stop == i && c >= 'A' && c <= 'Z')
                stop++;
            while (stop < end) {
                c = char_at(text, stop);
                int bits = c < NOT_PLAIN ? ascii[c] : class_of(letters, c);
                if (bits < 0)
                    return -1;
                if (!(bits & SMALL))
                    break;
                stop++;
            }
            if (stop == i) {
                i++;
                continue;
            }
        }
        Py_ssize_t length = stop - i;
        if (plain_at(text, i, stop) != NULL) {
            const unsigned char *word = scan->low + i;
            if (length > 64)
                put_id(near, -1);
            else {
                uint64_t h = hash_near(scan->self->seed, word, length, text->length - i);
                put_id(near, id_of(scan->self, h | !h));
            }
        } else {
            Py_UCS4 low[64];
            if (length > 64) {
                put_id(near, -1);
            } else {
                for (Py_ssize_t k = 0; k < length; k++)
                    if ((low[k] = lower_of(letters, char_at(text, i + k))) == COMPLEX)
                        return PyErr_Occurred() ? -1 : 1;
                put_id(near, id_of(scan->self, hash_word(scan->self, low, length)));
            }
        }
        i = stop;
    }
    return 0;
}

static int alnum(Scan *scan, Py_ssize_t i)
{
    int bits = class_at((Letters *)scan->self->letters, &scan->folded, i);
    return bits < 0 ? -1 : (bits & ALNUM) != 0;
}

static int ask_python(Scan *scan, Py_ssize_t start, Py_ssize_t end, Near *near)
{
    near->count = 0;
    PyObject *words = PyObject_CallFunction(scan->self->words_of, "Onni", scan->folded.object, start, end, scan->line_bound);
    if (words == NULL)
        return -1;
    Py_ssize_t count = PyList_Check(words) ? PyList_Size(words) : -1;
    int failed = count < 0 ? -1 : 0;
    if (failed)
        PyErr_SetString(PyExc_TypeError, "words are a list");
    for (Py_ssize_t i = 0; i < count && !failed; i++) {
        Text word;
        failed = text_open((Letters *)scan->self->letters, &word, PyList_GetItem(words, i));
        if (!failed && word.narrow) {
            uint64_t h = hash_bytes(scan->self->seed, word.narrow, word.length);
            put_id(near, word.length <= 64 ? id_of(scan->self, h | !h) : -1);
        } else if (!failed) {
            put_id(near, word.length <= 64 ? id_of(scan->self, hash_word(scan->self, word.wide, word.length)) : -1);
        }
        text_close(&word);
    }
    Py_DECREF(words);
    return failed;
}

int near_words(Scan *scan, Py_ssize_t start, Py_ssize_t end, Near *near)
{
    Py_ssize_t length = scan->folded.length, before = scan->self->words_before, after = scan->self->words_after;
    Py_ssize_t left = start > before ? start - before : 0, right = end + after;
    near->there = 1, near->count = 0;
    if (scan->line_bound) {
        for (Py_ssize_t i = start - 1; i >= left; i--)
            if (scan->low[i] == '\n') {
                left = i + 1;
                break;
            }
        for (Py_ssize_t i = end; i < right && i < length; i++)
            if (scan->low[i] == '\n') {
                right = i;
                break;
            }
    }
    int is = 0;
    if (left && (is = alnum(scan, left - 1)) > 0)
        while (left < start && (is = alnum(scan, left)) > 0)
            left++;
    if (is >= 0 && right < length && (is = alnum(scan, right)) > 0)
        while (right > end && (is = alnum(scan, right - 1)) > 0)
            right--;
    if (is < 0)
        return -1;
    if (right > length)
        right = length;
    int ask = side(scan, left, start, near);
    if (!ask)
        ask = side(scan, end, right, near);
    return ask > 0 ? ask_python(scan, start, end, near) : ask;
}

int vocabulary_count(const Scanner *self, int number, const Near *near)
{
    const Vocabulary *vocabulary = &self->vocabularies[number];
    int n = 0;
    for (int i = 0; i < near->count; i++) {
        int32_t id = near->ids[i];
        if (id < 0 || !(vocabulary->bits[id >> 3] >> (id & 7) & 1))
            continue;
        int again = 0;
        for (int k = 0; k < i && !again; k++)
            again = near->ids[k] == id;
        n += !again;
    }
    for (int32_t p = 0; p < vocabulary->phrases; p++) {
        const Phrase *phrase = &self->phrases[vocabulary->first + p];
        for (int i = 0; i + phrase->count <= near->count; i++)
            if (near->ids[i] == phrase->words[0] && memcmp(near->ids + i, phrase->words, (size_t)phrase->count * sizeof *phrase->words) == 0) {
                n++;
                break;
            }
    }
    return n;
}
