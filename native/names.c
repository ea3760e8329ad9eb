/* Tagging of names: what masking/names/tagger.py does, over the same table (masking/names/table.py).
 *
 * Sums are of whole hundredths, so that their order is all one; the decoding adds doubles in the order of the Python code.
 * What a token that is not ASCII is worth is asked of Python once and remembered.
 */
#include "native.h"

#define AFTER_APOSTROPHE_MAX 20
#define RING 512
#define BATCH 24 /* tokens that are looked up together */
#define TOKEN_MAX 64 /* characters; longer ones are asked of Python */
#define BYTES_MAX (3 * TOKEN_MAX) /* the same in UTF-8, of the characters that are read here */
#define FLAG_BITS 5
#define FEATURES_MAX 12 /* of one word, of one kind: see rate */
#define SIGNS 32
#define WEIGHT_BITS 12
#define WORD_BITS 14
#define NEAR_BITS 16
#define FIGURES_KEPT 4 /* numbers of more digits are rated each time anew: there are too many to be remembered */

enum { CW, PW, NW, QW, MW, C3, P3, N3, C2, PREFIXES };
enum { FORM_x = 1, FORM_X, FORM_Xx, FORM_XX, FORM_u, FORM_xX, FORM_XxX, FORM_0, FORM_LINE = FORM_0 + 6 };

/* A word seen, in the order in which they were; half a line of the processor's memory. What does not fit is not kept. */
typedef struct {
    uint64_t hash;
    Word word;
} Seen;

typedef struct {
    uint32_t tag;  /* a part of its hash */
    int32_t place; /* among the words seen, plus one; 0: free */
} WordSlot;

typedef struct {
    uint64_t key; /* 0: free; kinds are stored plus one */
    int16_t left[2], right[2];
} PairSlot;

typedef struct {
    Py_ssize_t start, end;
    Word word;
} Token;

typedef struct {
    double score[2];
    unsigned char back[3], label;
} Step;

struct Tagger {
    PyObject_HEAD
    PyObject *letters, *table, *ask_word;
    double t[9], slack;
    uint64_t seed;
    Py_ssize_t words_max, word_chars_max, stretch_max;
    int32_t bias, hopeless;
    const uint32_t *weight_index, *word_index;
    const uint64_t *weight_keys, *gazetteer;
    const int16_t *weights;
    uint32_t *near;
    size_t features, entries;
    WordSlot *words;
    size_t words_size, words_used, seen_size;
    Seen *seen;
    Token *ring; /* of no call now; NULL: one has it */
    Step *steps;
    PairSlot *pairs;
    size_t pairs_size, pairs_used;
    uint32_t crc[256], prefix[PREFIXES][BYTES_MAX + 1];
    Word signs[NOT_PLAIN]; /* what tokens of one character that is neither letter nor digit are worth */
    unsigned char kinds[256]; /* what a character of Text.plain is to a token; of NOT_PLAIN it is not known */
    Word edge;
    Word worth[(FORM_LINE + 1) << FLAG_BITS]; /* of a kind alone; kind 0: not summed yet */
};

/* ------------------------------------------------------------------ the table */

static inline uint32_t crc_on(const Tagger *self, uint32_t crc, int byte)
{
    return self->crc[(crc ^ (uint32_t)byte) & 0xff] ^ (crc >> 8);
}

static uint32_t crc_forwards_on(const Tagger *self, uint32_t crc, const unsigned char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        crc = crc_on(self, crc, bytes[i]);
    return crc;
}

static uint32_t crc_backwards_on(const Tagger *self, uint32_t crc, const unsigned char *bytes, size_t length)
{
    while (length > 0)
        crc = crc_on(self, crc, bytes[--length]);
    return crc;
}

/* Adds what the feature *prefix* and *rest* weighs; *first*: the first half of its key. Most that are asked for are not there:
   the second half is made where the first is met. */
static void add_weight_of(const Tagger *self, uint32_t first, const char *prefix, const unsigned char *rest, size_t length, int16_t out[2])
{
    for (uint32_t i = self->near[first >> (32 - NEAR_BITS)], stop = self->near[(first >> (32 - NEAR_BITS)) + 1]; i < stop; i++)
        if ((uint32_t)(self->weight_keys[i] >> 32) == first) {
            uint32_t second = crc_on(self, crc_backwards_on(self, 0xffffffff, rest, length), prefix[1]);
            if ((uint32_t)self->weight_keys[i] != ~crc_on(self, second, prefix[0]))
                continue;
            out[0] = (int16_t)(out[0] + self->weights[2 * i]);
            out[1] = (int16_t)(out[1] + self->weights[2 * i + 1]);
            return;
        }
}

static void add_weight(const Tagger *self, const unsigned char *name, size_t length, int16_t out[2])
{
    const char prefix[2] = {(char)name[0], (char)name[1]};
    add_weight_of(self, ~crc_forwards_on(self, 0xffffffff, name, length), prefix, name + 2, length - 2, out);
}

/* The features that are a prefix and the same word, or the same end of it. Cyclic redundancy checks are linear: the one of a
   prefix and a word is the word's own, begun at zero, and what becomes of the prefix's over as many zero bytes. */
static const char prefixes[PREFIXES][3] = {"cw", "pw", "nw", "qw", "mw", "c3", "p3", "n3", "c2"};

static void open_prefixes(Tagger *self)
{
    for (int k = 0; k < PREFIXES; k++) {
        uint32_t crc = crc_forwards_on(self, 0xffffffff, (const unsigned char *)prefixes[k], 2);
        for (int n = 0; n <= BYTES_MAX; n++, crc = crc_on(self, crc, 0))
            self->prefix[k][n] = crc;
    }
}

static void add_prefixed(const Tagger *self, int k, uint32_t own, const unsigned char *word, size_t length, int16_t out[2])
{
    add_weight_of(self, ~(own ^ self->prefix[k][length]), prefixes[k], word, length, out);
}

static int flags_of(const Tagger *self, const unsigned char *low, size_t length)
{
    const uint64_t flags = (1 << FLAG_BITS) - 1;
    uint32_t crc = ~crc_forwards_on(self, 0xffffffff, low, length), first = crc >> (32 - WORD_BITS);
    for (uint32_t i = self->word_index[first], stop = self->word_index[first + 1]; i < stop; i++)
        if ((uint32_t)(self->gazetteer[i] >> 32) == crc
            && (((uint32_t)self->gazetteer[i] ^ ~crc_backwards_on(self, 0xffffffff, low, length)) & (uint32_t)~flags) == 0)
            return (int)(self->gazetteer[i] & flags);
    return 0;
}

/* An index of the keys' first NEAR_BITS bits, finer than the file's: two or three keys to look at instead of fifty. */
static int index_near(Tagger *self)
{
    self->near = PyMem_Malloc(((1 << NEAR_BITS) + 1) * sizeof *self->near);
    if (self->near == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    uint32_t next = 0;
    for (uint32_t i = 0; i < self->features; i++) {
        uint32_t first = (uint32_t)(self->weight_keys[i] >> (64 - NEAR_BITS));
        while (next <= first)
            self->near[next++] = i;
    }
    while (next <= 1 << NEAR_BITS)
        self->near[next++] = (uint32_t)self->features;
    return 0;
}

static int open_table(Tagger *self, PyObject *table)
{
    char *raw;
    Py_ssize_t size;
    uint32_t counts[2];
    if (PyBytes_AsStringAndSize(table, &raw, &size) < 0)
        return -1;
    size_t head = 8 + 32 + 9 * 8 + 8, indices = 4 * (((1 << WEIGHT_BITS) + 1) + ((1 << WORD_BITS) + 1));
    size_t keys = (head + indices + 7) / 8 * 8;
    if ((size_t)size < keys || memcmp(raw, "SGNAMES1", 8) != 0)
        goto wrong;
    memcpy(counts, raw + head - 8, 8);
    self->features = counts[0], self->entries = counts[1];
    if ((size_t)size != keys + 12 * self->features + 8 * self->entries)
        goto wrong;
    memcpy(self->t, raw + 40, 72);
    /* Bytes objects begin at a multiple of eight, and every part at one of its own size. */
    self->weight_index = (const uint32_t *)(const void *)(raw + head);
    self->word_index = self->weight_index + (1 << WEIGHT_BITS) + 1;
    self->weight_keys = (const uint64_t *)(const void *)(raw + keys);
    self->gazetteer = self->weight_keys + self->features;
    self->weights = (const int16_t *)(const void *)(self->gazetteer + self->entries);
    if ((uintptr_t)self->weight_keys % 8 != 0)
        goto wrong;
    for (size_t i = 0; i < 2 * self->features; i++)
        if (abs(self->weights[i]) > (WORD_MAX - abs(self->bias)) / FEATURES_MAX)
            goto wrong;
    for (size_t i = 0; i < 1 << WEIGHT_BITS; i++)
        if (self->weight_index[i] > self->weight_index[i + 1] || self->weight_index[i + 1] > self->features)
            goto wrong;
    for (size_t i = 0; i < 1 << WORD_BITS; i++)
        if (self->word_index[i] > self->word_index[i + 1] || self->word_index[i + 1] > self->entries)
            goto wrong;
    self->table = Py_NewRef(table);
    return index_near(self);
wrong:
    PyErr_SetString(PyExc_ValueError, "this is no table of names");
    return -1;
}

/* ------------------------------------------------------------------ what a word is worth */

typedef struct {
    unsigned char bytes[BYTES_MAX + 32];
    size_t length;
} Name;

static void put(Name *name, const void *bytes, size_t length)
{
    memcpy(name->bytes + name->length, bytes, length);
    name->length += length;
}

static void put_form(Name *name, int place)
{
    static const char *const forms[] = {"", "x", "X", "Xx", "XX", "u", "xX", "XxX", "01", "02", "03", "04", "05", "06", "\xc2\xb6"};
    if (place >= SIGNS) {
        unsigned char sign = (unsigned char)(place - SIGNS);
        put(name, &sign, 1);
    } else {
        put(name, forms[place], strlen(forms[place]));
    }
}

static void put_group(Name *name, int flags)
{
    if (!flags)
        put(name, "-", 1);
    for (int i = 0; i < FLAG_BITS; i++)
        if (flags & 1 << i)
            put(name, "gslnw" + i, 1);
}

static void put_kind(Name *name, int kind)
{
    put_form(name, kind >> FLAG_BITS);
    put_group(name, kind & ((1 << FLAG_BITS) - 1));
}

/* The place of a token's shape; see masking/names/features.py. */
static int form_of(const unsigned char *token, size_t length)
{
    unsigned char first = token[0];
    if (first >= '0' && first <= '9')
        return FORM_0 + (int)(length > 6 ? 6 : length) - 1;
    if (first == '\n')
        return FORM_LINE;
    if (!is_upper(first) && !is_lower(first))
        return SIGNS + first;
    int upper = 0, lower = 0, title = 1, cased = 0;
    for (size_t i = 0; i < length; i++) {
        if (is_upper(token[i])) {
            upper++;
            title = title && !cased;
            cased = 1;
        } else if (is_lower(token[i])) {
            lower++;
            title = title && cased;
            cased = 1;
        } else {
            cased = 0;
        }
    }
    if (!upper)
        return FORM_x;
    if (length == 1)
        return FORM_X;
    if (title || (upper == 1 && lower > 0 && is_upper(first)))
        return FORM_Xx;
    if (!lower)
        return FORM_XX;
    return is_lower(first) ? FORM_xX : FORM_XxX;
}

#define FEATURE(PREFIX, OUT, ...)             \
    do {                                      \
        Name name_ = {.length = 0};           \
        Name *name = &name_;                  \
        put(name, PREFIX, strlen(PREFIX));    \
        __VA_ARGS__;                          \
        add_weight(self, name->bytes, name->length, OUT); \
    } while (0)

/* What a token is worth by its kind alone. */
static void rate_kind(const Tagger *self, int kind, Word *word)
{
    int form = kind >> FLAG_BITS, flags = kind & ((1 << FLAG_BITS) - 1);
    memset(word, 0, sizeof *word);
    word->kind = (uint16_t)kind;
    FEATURE("c1", word->own, (void)name);
    FEATURE("cs", word->own, put_form(name, form));
    FEATURE("cg", word->own, put_group(name, flags));
    FEATURE("ck", word->own, put_kind(name, kind));
    if (form >= FORM_0 && form < FORM_LINE)
        FEATURE("cd", word->own, put_form(name, form));
    FEATURE("ps", word->before, put_form(name, form));
    FEATURE("pk", word->before, put_kind(name, kind));
    FEATURE("ns", word->after, put_form(name, form));
    FEATURE("nk", word->after, put_kind(name, kind));
    FEATURE("qk", word->before2, put_kind(name, kind));
    FEATURE("mk", word->after2, put_kind(name, kind));
}

static void start_with_kind(Tagger *self, int kind, Word *word)
{
    if (kind >= (FORM_LINE + 1) << FLAG_BITS) {
        rate_kind(self, kind, word);
        return;
    }
    if (!self->worth[kind].kind)
        rate_kind(self, kind, &self->worth[kind]);
    *word = self->worth[kind];
}

/* A token in lower case as UTF-8: its length, where its first three characters end, and where its last three and two begin. */
typedef struct {
    unsigned char bytes[BYTES_MAX + 1];
    size_t size, first_three, last_three, last_two;
} Lowered;

/* The worth of a token of *length* characters that has that form. */
static void rate_form(Tagger *self, int form, const Lowered *low, size_t length, Word *word)
{
    int flags = form <= FORM_XxX ? flags_of(self, low->bytes, low->size) : 0; /* the gazetteer is of words */
    start_with_kind(self, form << FLAG_BITS | flags, word);
    uint32_t own = crc_forwards_on(self, 0, low->bytes, low->size);
    if (form <= FORM_XxX) {
        const unsigned char *three = low->bytes + low->last_three, *two = low->bytes + low->last_two;
        size_t in_three = low->size - low->last_three, in_two = low->size - low->last_two;
        unsigned char digit = (unsigned char)('0' + (length < 9 ? length : 9));
        uint32_t last = crc_forwards_on(self, 0, three, in_three);
        add_prefixed(self, CW, own, low->bytes, low->size, word->own);
        add_prefixed(self, C3, last, three, in_three, word->own);
        add_prefixed(self, P3, last, three, in_three, word->before);
        add_prefixed(self, N3, last, three, in_three, word->after);
        add_prefixed(self, C2, crc_forwards_on(self, 0, two, in_two), two, in_two, word->own);
        FEATURE("cv", word->own, (put_form(name, form), put(name, low->bytes, low->size)));
        FEATURE("ca", word->own, (put_form(name, form), put(name, three, in_three)));
        FEATURE("cp", word->own, put(name, low->bytes, low->first_three));
        FEATURE("cl", word->own, (put_form(name, form), put(name, &digit, 1)));
    }
    add_prefixed(self, PW, own, low->bytes, low->size, word->before);
    add_prefixed(self, NW, own, low->bytes, low->size, word->after);
    add_prefixed(self, QW, own, low->bytes, low->size, word->before2);
    add_prefixed(self, MW, own, low->bytes, low->size, word->after2);
    if (form != FORM_x)
        word->own[0] = (int16_t)(word->own[0] + self->bias), word->own[1] = (int16_t)(word->own[1] + self->bias);
    word->hopeless = word->own[0] < self->hopeless && word->own[1] < self->hopeless;
}

/* The worth of an ASCII token of at most TOKEN_MAX characters. */
static void rate(Tagger *self, const unsigned char *token, size_t length, Word *word)
{
    Lowered low;
    int form = form_of(token, length);
    for (size_t i = 0; i < length; i++)
        low.bytes[i] = is_upper(token[i]) ? token[i] | 0x20 : token[i];
    low.size = length, low.first_three = length < 3 ? length : 3;
    low.last_three = length - low.first_three, low.last_two = length < 2 ? 0 : length - 2;
    if (form == FORM_LINE)
        memcpy(low.bytes, "\xc2\xb6", low.size = 2);
    rate_form(self, form, &low, length, word);
}

/* Letters of alphabets and scripts in use, of which str.isalpha holds and UTF-8 needs three bytes at most. */
static int is_common_letter(Py_UCS4 c)
{
    return (c >= 0xc0 && c <= 0x24f) || (c >= 0x1e00 && c <= 0x1eff) || (c >= 0x370 && c <= 0x52f) || (c >= 0x5d0 && c <= 0x5ea) || (c >= 0x620 && c <= 0x64a)
           || (c >= 0x3041 && c <= 0x30ff) || (c >= 0x4e00 && c <= 0x9fff) || (c >= 0xac00 && c <= 0xd7a3);
}

/* Reads one character of a word into *low*; its class: 1 small, 2 capital, 0 neither; -1: Python is to be asked, or an error is set. */
static int read_letter(Letters *letters, Py_UCS4 c, Lowered *low)
{
    int bits = class_of(letters, c), class = bits & UPPER ? 2 : bits & LOWER ? 1 : 0;
    if (bits < 0)
        return -1;
    int inside = low->size > 0 && (c == '\'' || c == 0x2019);
    if (!inside && ((bits & TOKEN_BITS) != LETTER || !(c < NOT_PLAIN || is_common_letter(c))))
        return -1;
    Py_UCS4 small = lower_of(letters, c);
    /* What is neither and has a lower case all the same is a letter for the beginnings of words. */
    if (small > 0xffff || (!class && small != c) || (small >= 0xd800 && small < 0xe000))
        return -1;
    unsigned char *out = low->bytes + low->size;
    if (small < 0x80) {
        out[0] = (unsigned char)small;
        low->size += 1;
    } else if (small < 0x800) {
        out[0] = (unsigned char)(0xc0 | small >> 6), out[1] = (unsigned char)(0x80 | (small & 0x3f));
        low->size += 2;
    } else {
        out[0] = (unsigned char)(0xe0 | small >> 12), out[1] = (unsigned char)(0x80 | (small >> 6 & 0x3f));
        out[2] = (unsigned char)(0x80 | (small & 0x3f));
        low->size += 3;
    }
    return class;
}

/* The same of a word that is not ASCII: 1; 0: Python is to be asked; -1: an error is set. */
static int rate_wide(Tagger *self, const Text *text, Py_ssize_t start, Py_ssize_t end, Word *word)
{
    Lowered low = {.size = 0};
    int small = 0, capital = 0, first = 0, title = 1, cased = 0, others = 0;
    for (Py_ssize_t i = start; i < end; i++) {
        low.first_three = i - start == 3 ? low.size : low.first_three;
        low.last_three = end - i == 3 ? low.size : low.last_three;
        low.last_two = end - i == 2 ? low.size : low.last_two;
        int class = read_letter((Letters *)self->letters, char_at(text, i), &low);
        if (class < 0)
            return PyErr_Occurred() ? -1 : 0;
        first = i == start ? class : first;
        small += class == 1, capital += class == 2, others += class == 2 && i > start;
        title = title && (class == 2 ? !cased : class == 1 ? cased : 1);
        cased = class != 0;
    }
    if (end - start <= 3)
        low.first_three = low.size;
    int form = small && !capital                                          ? FORM_x
               : end - start == 1 && first == 2                           ? FORM_X
               : (title && small + capital) || (first == 2 && small && !others) ? FORM_Xx
               : capital && !small                                        ? FORM_XX
               : first == 0                                               ? FORM_u
               : first == 1                                               ? FORM_xX
                                                                          : FORM_XxX;
    rate_form(self, form, &low, (size_t)(end - start), word);
    return 1;
}

static int parse_word(PyObject *answer, Word *word)
{
    long row[12];
    if (!PyTuple_Check(answer) || PyTuple_Size(answer) != 12) {
        PyErr_SetString(PyExc_TypeError, "a word is twelve numbers");
        return -1;
    }
    for (Py_ssize_t i = 0; i < 12; i++) {
        row[i] = PyLong_AsLong(PyTuple_GetItem(answer, i));
        if (row[i] == -1 && PyErr_Occurred())
            return -1;
        if (row[i] < -WORD_MAX || row[i] > (i == 0 ? UINT16_MAX : WORD_MAX) || (i == 0 && row[i] < 0)) {
            PyErr_SetString(PyExc_ValueError, "a number of a word is out of its range");
            return -1;
        }
    }
    int16_t *const places[] = {word->own, word->before, word->after, word->before2, word->after2};
    word->kind = (uint16_t)row[0], word->hopeless = row[1] != 0;
    for (int i = 0; i < 10; i++)
        places[i / 2][i % 2] = (int16_t)row[i + 2];
    return 0;
}

/* ------------------------------------------------------------------ words and pairs remembered */

static const Word *seen_word(const Tagger *self, uint64_t hash)
{
    size_t mask = self->words_size - 1, i = (size_t)(hash >> 8) & mask;
    for (; self->words[i].place; i = (i + 1) & mask) {
        const Seen *seen = &self->seen[self->words[i].place - 1];
        if (self->words[i].tag == (uint32_t)(hash >> 32) && seen->hash == hash)
            return &seen->word;
    }
    return NULL;
}

static void put_slot(Tagger *self, uint64_t hash, int32_t place)
{
    size_t mask = self->words_size - 1, i = (size_t)(hash >> 8) & mask;
    while (self->words[i].place)
        i = (i + 1) & mask;
    self->words[i] = (WordSlot){(uint32_t)(hash >> 32), place};
}

/* Keeps a word; both tables grow with what is in them. */
static int keep_word(Tagger *self, uint64_t hash, const Word *word)
{
    if ((Py_ssize_t)self->words_used >= self->words_max) {
        memset(self->words, 0, self->words_size * sizeof *self->words);
        self->words_used = 0;
    }
    if (self->words_used == self->seen_size) {
        size_t size = 2 * self->seen_size;
        Seen *seen = PyMem_Realloc(self->seen, size * sizeof *seen);
        if (seen == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        self->seen = seen, self->seen_size = size;
    }
    if (2 * (self->words_used + 1) > self->words_size) {
        WordSlot *bigger = PyMem_Calloc(2 * self->words_size, sizeof *bigger);
        if (bigger == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        PyMem_Free(self->words);
        self->words = bigger, self->words_size *= 2;
        for (size_t i = 0; i < self->words_used; i++)
            put_slot(self, self->seen[i].hash, (int32_t)i + 1);
    }
    Seen *seen = &self->seen[self->words_used++];
    seen->hash = hash, seen->word = *word;
    put_slot(self, hash, (int32_t)self->words_used);
    return 0;
}

/* Of eight bytes at most no two have the same: each step of mix can be undone. */
static uint64_t hash_word_of(uint64_t seed, const unsigned char *bytes, Py_ssize_t length, Py_ssize_t room)
{
    uint64_t word = 0;
    if (length > 8)
        return hash_bytes(seed, bytes, length);
    if (room < 8)
        memcpy(&word, bytes, (size_t)length);
    else
        memcpy(&word, bytes, 8);
    if (length < 8 && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
        word &= (1ULL << 8 * length) - 1;
    else if (length < 8)
        word &= ~(~0ULL >> 8 * length);
    return mix(seed ^ ((uint64_t)length * 0x9e3779b97f4a7c15ULL) ^ word);
}

/* What a token is remembered under, 0: it is too long. */
static uint64_t hash_token(const Tagger *self, const Text *text, Py_ssize_t start, Py_ssize_t end)
{
    if (end - start > self->word_chars_max)
        return 0;
    const unsigned char *token = plain_at(text, start, end);
    uint64_t hash = token ? hash_word_of(self->seed, token, end - start, text->length - start)
                          : hash_bytes(~self->seed, (const unsigned char *)(text->wide + start), 4 * (end - start));
    return hash | !hash; /* 0 says free */
}

static int look_up(Tagger *self, const Text *text, Py_ssize_t start, Py_ssize_t end, uint64_t hash, Word *out)
{
    if (hash) {
        const Word *word = seen_word(self, hash);
        if (word != NULL) {
            *out = *word;
            return 0;
        }
    }
    Py_ssize_t length = end - start;
    const unsigned char *token = hash ? plain_at(text, start, end) : NULL;
    int rated = hash && length <= TOKEN_MAX;
    if (rated && token)
        rate(self, token, (size_t)length, out);
    else if (rated && (rated = rate_wide(self, text, start, end, out)) < 0)
        return -1;
    if (!rated) {
        PyObject *piece = PyUnicode_Substring(text->object, start, end);
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
    }
    /* Looked up anew: the question may have let another thread in. */
    return !hash || seen_word(self, hash) != NULL ? 0 : keep_word(self, hash, out);
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
    uint64_t key = (uint64_t)(uint32_t)(a + 1) << 32 | (uint32_t)(b + 1);
    PairSlot *slot = pair_slot(self->pairs, self->pairs_size, key);
    if (slot->key == key) {
        *out = *slot;
        return 0;
    }
    memset(out, 0, sizeof *out);
    out->key = key;
    FEATURE("d", out->left, (put_kind(name, a), put(name, "\xc2\xa6", 2), put_kind(name, b)));
    FEATURE("e", out->right, (put_kind(name, a), put(name, "\xc2\xa6", 2), put_kind(name, b)));
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
    *pair_slot(self->pairs, self->pairs_size, key) = *out;
    self->pairs_used++;
    return 0;
}

/* ------------------------------------------------------------------ tokens, one by one */

typedef struct {
    Tagger *tagger;
    const Text *text;
    Py_ssize_t at;
    Token *ring; /* tokens base … base + count */
    Py_ssize_t base, count;
    int at_end;
} Tokens;

typedef struct {
    Py_ssize_t start, end;
    uint64_t hash; /* 0: it is not kept */
    enum { PIECE_WORD, PIECE_SIGN, PIECE_FIGURES } what; /* sign: one of Tagger.signs; figures: a number that is not kept */
} Piece;

/* The next tokens of the text, at most BATCH; their number, or -1 with an error set. */
static int next_pieces(Tokens *ts, Piece *pieces)
{
    Tagger *self = ts->tagger;
    Letters *letters = (Letters *)self->letters;
    const Text *text = ts->text;
    const unsigned char *kinds = self->kinds, *plain = text->plain; /* a zero ends it, which is neither letter nor digit */
    Py_ssize_t length = text->length, at = ts->at;
    int n = 0;
    while (n < BATCH) {
        int kind = SKIP;
        while (kinds[plain[at]] == SKIP && at < length)
            at++;
        for (; at < length; at++) {
            kind = class_at(letters, text, at);
            if (kind < 0)
                return -1;
            kind &= TOKEN_BITS;
            if (kind != SKIP)
                break;
        }
        if (at >= length) {
            ts->at_end = 1;
            break;
        }
        Py_ssize_t start = at, end = start + 1;
        if (kind == LETTER || kind == DIGIT) {
            int next = 0;
            while (kinds[plain[end]] == kind)
                end++;
            if (plain[end] == NOT_PLAIN)
                while (end < length && (next = class_at(letters, text, end)) >= 0 && (next & TOKEN_BITS) == kind)
                    end++;
            if (next < 0)
                return -1;
            Py_UCS4 mark = end < length ? char_at(text, end) : 0;
            if (kind == LETTER && (mark == '\'' || mark == 0x2019)) {
                Py_ssize_t more = end + 1;
                next = 0;
                while (more < length && more - end <= AFTER_APOSTROPHE_MAX
                       && (next = class_at(letters, text, more)) >= 0 && (next & TOKEN_BITS) == LETTER)
                    more++;
                if (next < 0)
                    return -1;
                if (more > end + 1)
                    end = more;
            }
        }
        pieces[n].start = start, pieces[n].end = end;
        pieces[n].what = kind == SINGLE && plain[start] < NOT_PLAIN ? PIECE_SIGN
                         : kind == DIGIT && end - start > FIGURES_KEPT && end - start <= TOKEN_MAX && plain_at(text, start, end) ? PIECE_FIGURES
                                                                                                             : PIECE_WORD;
        if (pieces[n].what == PIECE_WORD) {
            pieces[n].hash = hash_token(self, text, start, end);
            __builtin_prefetch(&self->words[(size_t)(pieces[n].hash >> 8) & (self->words_size - 1)]);
        }
        n++;
        at = end;
    }
    ts->at = at;
    return n;
}

/* Reads tokens until number *index* is there, some at a time: what is remembered of one comes while the others are read.
   1: it is; 0: the text has no more; -1: an error is set. */
static int read_tokens(Tokens *ts, Py_ssize_t index, Py_ssize_t needed)
{
    Tagger *self = ts->tagger;
    while (index >= ts->base + ts->count) {
        if (ts->at_end)
            return 0;
        if (ts->count + BATCH > RING) { /* what lies before the tokens still needed goes */
            Py_ssize_t drop = needed - ts->base;
            memmove(ts->ring, ts->ring + drop, (size_t)(ts->count - drop) * sizeof *ts->ring);
            ts->base += drop, ts->count -= drop;
        }
        Piece pieces[BATCH];
        int n = next_pieces(ts, pieces);
        for (int i = 0; i < n; i++) {
            if (pieces[i].what != PIECE_WORD)
                continue;
            int32_t place = self->words[(size_t)(pieces[i].hash >> 8) & (self->words_size - 1)].place;
            __builtin_prefetch(&self->seen[place ? place - 1 : 0]);
        }
        for (int i = 0; i < n; i++) {
            Token *token = &ts->ring[ts->count];
            token->start = pieces[i].start, token->end = pieces[i].end;
            if (pieces[i].what == PIECE_SIGN)
                token->word = self->signs[ts->text->plain[pieces[i].start]];
            else if (pieces[i].what == PIECE_FIGURES)
                rate(self, ts->text->plain + pieces[i].start, (size_t)(pieces[i].end - pieces[i].start), &token->word);
            else if (look_up(self, ts->text, pieces[i].start, pieces[i].end, pieces[i].hash, &token->word) < 0)
                return -1;
            ts->count++;
        }
        if (n < 0)
            return -1;
    }
    return 1;
}

static inline int reach(Tokens *ts, Py_ssize_t index, Py_ssize_t needed)
{
    return index < ts->base + ts->count ? 1 : read_tokens(ts, index, needed);
}

#define WORD(ts, i) ((ts)->ring[(i) - (ts)->base].word)

/* ------------------------------------------------------------------ decoding */

typedef struct {
    name_found found;
    void *context;
    Py_ssize_t start, end, last; /* of the run that is open; last: its last token */
    int label;                   /* 0: none open */
    double margin;
} Open;

static int close_run(Open *run)
{
    if (!run->label)
        return 0;
    double margin = run->margin > 0.0 ? run->margin : 0.0;
    double score = 0.5 + 0.05 * margin;
    if (!(score < 0.85))
        score = 0.85;
    int label = run->label;
    run->label = 0;
    return run->found(run->context, run->start, run->end, label, score);
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

static int decode(Tokens *ts, Py_ssize_t start, Py_ssize_t stop, Open *run, Step *steps)
{
    Tagger *self = ts->tagger;
    const double *t = self->t;
    double best = -1e9;
    Py_ssize_t count = stop - start;
    PairSlot g = {.key = 0};
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
        /* What this one and the next are together was looked up for the one before. */
        if (i == start && look_up_pair(self, p1->kind, w->kind, &g) < 0)
            return -1;
        PairSlot f = g;
        if (look_up_pair(self, w->kind, n1->kind, &g) < 0)
            return -1;
        for (int k = 0; k < 2; k++) {
            int32_t sum = w->own[k] + p1->before[k] + n1->after[k] + p2->before2[k] + n2->after2[k] + f.left[k] + g.right[k];
            double score = sum / 100.0;
            steps[i - start].score[k] = score;
            if (score > best)
                best = score;
        }
    }
    if (!(best + self->slack >= 0.0))
        return 0;
    double so = 0.0, sp = -1e9, sl = -1e9, no, np, nl;
    for (Py_ssize_t i = 0; i < count; i++) {
        Step *step = &steps[i];
        step->back[0] = (unsigned char)best_of(so + t[0], sp + t[3], sl + t[6], &no);
        step->back[1] = (unsigned char)best_of(so + t[1], sp + t[4], sl + t[7], &np);
        step->back[2] = (unsigned char)best_of(so + t[2], sp + t[5], sl + t[8], &nl);
        so = no, sp = np + step->score[0], sl = nl + step->score[1];
    }
    int label = best_of(so + t[0], sp + t[3], sl + t[6], &no);
    for (Py_ssize_t i = count - 1; i >= 0; i--) {
        steps[i].label = (unsigned char)label;
        label = steps[i].back[label];
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        label = steps[i].label;
        if (!label)
            continue;
        Py_ssize_t at = start + i;
        double margin = steps[i].score[label - 1];
        const Token *token = &ts->ring[at - ts->base];
        if (run->label == label && run->last == at - 1) {
            run->last = at, run->end = token->end;
            if (margin > run->margin)
                run->margin = margin;
            continue;
        }
        if (close_run(run) < 0)
            return -1;
        run->label = label, run->start = token->start, run->end = token->end, run->last = at, run->margin = margin;
    }
    return 0;
}

static int tag(Tokens *ts, Open *run, Step *steps)
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
        if (decode(ts, i, j, run, steps) < 0)
            return -1;
        i = j;
    }
}

int tagger_flags(PyObject *object, const unsigned char *low, size_t length)
{
    return flags_of((Tagger *)object, low, length);
}

int tagger_names(PyObject *object, const Text *text, name_found found, void *context)
{
    Tagger *self = (Tagger *)object;
    Token *ring = self->ring;
    Step *steps = self->steps;
    int failed = -1;
    /* A call that begins while another is at work (a call back lets others in) makes its own. */
    self->ring = NULL, self->steps = NULL;
    if (!ring)
        ring = PyMem_Malloc(RING * sizeof *ring);
    if (!steps)
        steps = PyMem_Malloc((size_t)self->stretch_max * sizeof *steps);
    if (!ring || !steps) {
        PyErr_NoMemory();
    } else {
        Tokens ts = {self, text, 0, ring, 0, 0, 0};
        Open run = {found, context, 0, 0, 0, 0, 0.0};
        failed = tag(&ts, &run, steps) < 0 || close_run(&run) < 0 ? -1 : 0;
    }
    if (!self->ring && !self->steps) {
        self->ring = ring, self->steps = steps;
    } else {
        PyMem_Free(ring);
        PyMem_Free(steps);
    }
    return failed;
}

static int append(void *context, Py_ssize_t start, Py_ssize_t end, int label, double score)
{
    PyObject *item = Py_BuildValue("(nnid)", start, end, label, score);
    if (item == NULL)
        return -1;
    int failed = PyList_Append(context, item);
    Py_DECREF(item);
    return failed;
}

static PyObject *tagger_find(PyObject *object, PyObject *argument)
{
    Text text;
    PyObject *found = PyList_New(0);
    if (found == NULL)
        return NULL;
    if (text_open((Letters *)((Tagger *)object)->letters, &text, argument) < 0 || tagger_names(object, &text, append, found) < 0)
        Py_CLEAR(found);
    text_close(&text);
    return found;
}

/* ------------------------------------------------------------------ the type */

static PyObject *tagger_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *letters, *table, *ask_word;
    double slack;
    unsigned long long seed;
    int bias, hopeless;
    Py_ssize_t words_max, word_chars_max, stretch_max;
    if (kwargs != NULL && PyDict_Size(kwargs) != 0) {
        PyErr_SetString(PyExc_TypeError, "by place only");
        return NULL;
    }
    if (!PyArg_ParseTuple(args, "OO!OiidKnnn", &letters, &PyBytes_Type, &table, &ask_word, &bias, &hopeless, &slack, &seed,
                          &words_max, &word_chars_max, &stretch_max))
        return NULL;
    if (words_max < 1 || words_max > (1 << 24) || word_chars_max < 1 || word_chars_max > TOKEN_MAX || stretch_max < 1
        || stretch_max > RING - BATCH - 8 || bias < -WORD_MAX / 2 || bias > WORD_MAX / 2) {
        PyErr_SetString(PyExc_ValueError, "a limit of the tagger is out of its range");
        return NULL;
    }
    if (!is_letters(letters)) {
        PyErr_SetString(PyExc_TypeError, "the first argument is the letters");
        return NULL;
    }
    allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Tagger *self = (Tagger *)alloc(type, 0);
    if (self == NULL)
        return NULL;
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int k = 0; k < 8; k++)
            c = c & 1 ? c >> 1 ^ 0xedb88320 : c >> 1;
        self->crc[i] = c;
    }
    open_prefixes(self);
    self->slack = slack, self->seed = mix(seed + 1);
    for (int c = 0; c < 256; c++)
        self->kinds[c] = c < NOT_PLAIN ? ((Letters *)letters)->classes[0][c] & TOKEN_BITS : 0xff;
    if (self->kinds[0] == LETTER || self->kinds[0] == DIGIT) {
        PyErr_SetString(PyExc_ValueError, "zero is no letter and no digit");
        Py_DECREF(self);
        return NULL;
    }
    self->bias = bias, self->hopeless = hopeless;
    self->words_max = words_max, self->word_chars_max = word_chars_max, self->stretch_max = stretch_max;
    self->letters = Py_NewRef(letters), self->ask_word = Py_NewRef(ask_word);
    self->words_size = 1024, self->seen_size = 512;
    self->pairs_size = 1024;
    self->words = PyMem_Calloc(self->words_size, sizeof *self->words);
    self->seen = PyMem_Malloc(self->seen_size * sizeof *self->seen);
    self->pairs = PyMem_Calloc(self->pairs_size, sizeof *self->pairs);
    if (self->words == NULL || self->pairs == NULL || self->seen == NULL) {
        PyErr_NoMemory();
    } else if (open_table(self, table) == 0) {
        rate(self, (const unsigned char *)"\n", 1, &self->edge);
        for (int c = 0; c < NOT_PLAIN; c++)
            if (self->kinds[c] == SINGLE) {
                unsigned char sign = (unsigned char)c;
                rate(self, &sign, 1, &self->signs[c]);
            }
        return (PyObject *)self;
    }
    Py_DECREF(self);
    return NULL;
}

static int tagger_traverse(PyObject *object, visitproc visit, void *arg)
{
    Tagger *self = (Tagger *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->letters);
    Py_VISIT(self->ask_word);
    return 0;
}

static int tagger_clear(PyObject *object)
{
    Py_CLEAR(((Tagger *)object)->ask_word);
    return 0;
}

static void tagger_dealloc(PyObject *object)
{
    Tagger *self = (Tagger *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    tagger_clear(object);
    Py_CLEAR(self->letters);
    Py_CLEAR(self->table);
    PyMem_Free(self->near);
    PyMem_Free(self->words);
    PyMem_Free(self->pairs);
    PyMem_Free(self->seen);
    PyMem_Free(self->ring);
    PyMem_Free(self->steps);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
}

int is_tagger(PyObject *object)
{
    return (destructor)PyType_GetSlot(Py_TYPE(object), Py_tp_dealloc) == tagger_dealloc;
}

static PyMethodDef tagger_methods[] = {
    {"find", tagger_find, METH_O, "(start, end, label, score) of every name in the text"},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot tagger_slots[] = {
    {Py_tp_new, tagger_new},         {Py_tp_dealloc, tagger_dealloc}, {Py_tp_traverse, tagger_traverse},
    {Py_tp_clear, tagger_clear},     {Py_tp_methods, tagger_methods}, {0, NULL},
};

PyType_Spec tagger_spec = {
    "masking._native.Tagger", sizeof(Tagger), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, tagger_slots,
};
