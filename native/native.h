/* What the parts of the compiled loops share. See native.c for the rules that hold in all of them. */
#ifndef SIGNOFF_NATIVE_H
#define SIGNOFF_NATIVE_H

#define Py_LIMITED_API 0x030b0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ letters (text.c; masking/letters.py) */

enum { SKIP = 0, LETTER = 1, DIGIT = 2, SINGLE = 3, TOKEN_BITS = 3, ALNUM = 4, SMALL = 8, SPACE = 16, WORDLY = 32, LOWER = 64, UPPER = 128 };
#define PAGES (0x110000 >> 8)
#define COMPLEX 0xFFFFFFFFu

typedef struct {
    PyObject_HEAD
    PyObject *ask_classes, *ask_lower, *ask_ascii;
    unsigned char *classes[PAGES]; /* page 0 is always there */
    Py_UCS4 *lower[PAGES];
} Letters;

int is_letters(PyObject *object);
int letters_load(Letters *self, Py_UCS4 page);       /* 0, or -1 with an error set */
int letters_load_lower(Letters *self, Py_UCS4 page); /* the same */

/* The bits of a code point; -1: an error is set. */
static inline int class_of(Letters *self, Py_UCS4 c)
{
    Py_UCS4 page = c >> 8;
    if (page >= PAGES)
        return SKIP;
    if (self->classes[page] == NULL && letters_load(self, page) < 0)
        return -1;
    return self->classes[page][c & 0xff];
}

/* The lower case of a code point, or COMPLEX; an error is set where the page could not be had. */
static inline Py_UCS4 lower_of(Letters *self, Py_UCS4 c)
{
    Py_UCS4 page = c >> 8;
    if (page >= PAGES || (self->lower[page] == NULL && letters_load_lower(self, page) < 0))
        return COMPLEX;
    return self->lower[page][c & 0xff];
}

/* ------------------------------------------------------------------ one text (text.c) */

/* Code points: one byte each where the text is ASCII, four otherwise, and then bytes beside them for what of it is. */
typedef struct {
    PyObject *object; /* borrowed */
    Py_ssize_t length;
    const unsigned char *narrow; /* NULL: it is not ASCII */
    const unsigned char *plain;  /* as narrow; where a character is not ASCII, NOT_PLAIN; a zero ends it */
    Py_UCS4 *wide;               /* owned; plain lies behind it */
} Text;

#define NOT_PLAIN 0x80

int text_open(const Letters *letters, Text *text, PyObject *object); /* 0, or -1 with an error set; close it in both cases */
void text_close(Text *text);

static inline Py_UCS4 char_at(const Text *text, Py_ssize_t i)
{
    return text->narrow ? text->narrow[i] : text->wide[i];
}

static inline int class_at(Letters *self, const Text *text, Py_ssize_t i)
{
    unsigned char c = text->plain[i];
    return c < NOT_PLAIN ? self->classes[0][c] : class_of(self, text->wide[i]);
}

/* The characters start … end as bytes, or NULL where not all of them are ASCII. */
static inline const unsigned char *plain_at(const Text *text, Py_ssize_t start, Py_ssize_t end)
{
    unsigned char all = 0;
    for (Py_ssize_t i = start; text->narrow == NULL && i < end; i++)
        all |= text->plain[i];
    return all < NOT_PLAIN ? text->plain + start : NULL;
}

/* ------------------------------------------------------------------ small things */

/* Of ASCII characters. */
static inline int is_upper(unsigned char c)
{
    return (unsigned char)(c - 'A') < 26;
}

static inline int is_lower(unsigned char c)
{
    return (unsigned char)(c - 'a') < 26;
}

static inline int is_letter(unsigned char c)
{
    return is_lower(c | 0x20);
}

static inline int is_digit(unsigned char c)
{
    return (unsigned char)(c - '0') < 10;
}

static inline uint64_t mix(uint64_t h)
{
    h ^= h >> 32;
    h *= 0xd6e8feb86659fd93ULL;
    h ^= h >> 29;
    h *= 0xa0761d6478bd642fULL;
    h ^= h >> 32;
    return h;
}

/* A keyed hash of bytes; who does not know the seed can prepare no collisions. */
static inline uint64_t hash_bytes(uint64_t seed, const unsigned char *bytes, Py_ssize_t length)
{
    uint64_t h = seed ^ ((uint64_t)length * 0x9e3779b97f4a7c15ULL), word;
    for (; length >= 8; bytes += 8, length -= 8) {
        memcpy(&word, bytes, 8);
        h = mix(h ^ word);
    }
    if (length) {
        word = 0;
        for (Py_ssize_t i = 0; i < length; i++)
            word |= (uint64_t)bytes[i] << (8 * i);
        h = mix(h ^ word);
    }
    return mix(h + seed);
}

/* hash_bytes of a few bytes of which *room* may be read. */
static inline uint64_t hash_near(uint64_t seed, const unsigned char *bytes, Py_ssize_t length, Py_ssize_t room)
{
    uint64_t word;
    if (length > 8 || room < 8 || length < 1 || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__)
        return hash_bytes(seed, bytes, length);
    memcpy(&word, bytes, 8);
    if (length < 8)
        word &= (1ULL << 8 * length) - 1;
    return mix(mix((seed ^ ((uint64_t)length * 0x9e3779b97f4a7c15ULL)) ^ word) + seed);
}

/* ------------------------------------------------------------------ names (names.c) */

/* What one word adds, in hundredths: to itself and to its neighbours. Small, so that the words in use stay near; open_table
   refuses weights whose sums might not fit. */
typedef struct {
    int16_t own[2], before[2], after[2], before2[2], after2[2];
    uint16_t kind;
    int16_t hopeless;
} Word;

#define WORD_MAX INT16_MAX

typedef struct Tagger Tagger;

/* Called for every name in order; 0, or -1 with an error set. */
typedef int (*name_found)(void *context, Py_ssize_t start, Py_ssize_t end, int label, double score);

/* The gazetteer's flags of a lower-case ASCII word. */
int tagger_flags(PyObject *tagger, const unsigned char *low, size_t length);
int tagger_names(PyObject *tagger, const Text *text, name_found found, void *context);

int is_tagger(PyObject *object);

/* ------------------------------------------------------------------ digit runs (runs.c) */

/* Called for every run of a shape; *odd*: it is one of the odd shapes. 0, or -1 with an error set. */
typedef int (*run_found)(void *context, const unsigned char *shape, Py_ssize_t length, Py_ssize_t at, int odd);

int runs_each(PyObject *finder, const unsigned char *shape, Py_ssize_t length, run_found found, void *context);
PyObject *runs_places(PyObject *finder, const unsigned char *shape, Py_ssize_t length, int odd);
int runs_nothing(PyObject *finder, const unsigned char *shape, Py_ssize_t length); /* nothing can stand in this run */
int is_runs(PyObject *object);

/* ------------------------------------------------------------------ candidates and their resolution (resolve.c) */

enum { RANK_MODEL = 1, RANK_PATTERN, RANK_KEY, RANK_CERTAIN, RANK_STRUCTURE };

/* What may be found; the objects are owned. */
typedef struct {
    Py_ssize_t start, end;
    double score;
    PyObject *type, *rule, *reason;
    int rank, taken;
    Py_ssize_t order;
} Candidate;

typedef struct {
    Candidate *items;
    Py_ssize_t count, size;
} Candidates;

int candidates_add(Candidates *all, int rank, Py_ssize_t start, Py_ssize_t end, double score, PyObject *type, PyObject *rule,
                   PyObject *reason);
void candidates_clear(Candidates *all); /* keeps its memory */
void candidates_free(Candidates *all);

/* What resolve needs to know of the text and of Python. */
typedef struct {
    Letters *letters;
    PyObject *text;     /* as it was given */
    const Text *folded; /* the same, for reading where both are the same object */
    PyObject *is_no_name, *email, *names, *rest;
} Resolving;

int resolve(const Resolving *how, Candidates *all); /* leaves what stands, sorted */

PyObject *match_search(PyObject *module, PyObject *args); /* match.c */

extern PyType_Spec letters_spec, tagger_spec, runs_spec, scanner_spec;

#endif
