/* The scanner: what its parts share. */
#ifndef SIGNOFF_SCAN_H
#define SIGNOFF_SCAN_H
#include "native.h"

#define WINDOW_WORDS 64
#define REASONS 8

/* A set of characters: those of Latin-1 one by one, all others together. */
typedef struct {
    unsigned char bits[32];
    int beyond;
} Charset;

typedef struct {
    PyObject *object, *name, *type, *search, *validator; /* validator may be None */
    double score, validated_score;
    int group, before, after, at;
    int context, anti; /* numbers of vocabularies, -1: none */
    int secret; /* resolve.SECRETS */
    int required, needs_words, off, structure, sure; /* the rank that its own score earns */
    int check;                                       /* a validator that exists in C (checks.c), 0: none */
    /* What a match needs, asked of Python when the first of its literals is met. */
    int prepared, sets, run_length;
    Charset *set; /* forbidden before it (the first), in its run (the second), and what it must begin with */
    int forbidden;
    unsigned char must[256], must_all; /* the bits of what its window must hold */
} Rule;

typedef struct {
    PyObject *name, *find, *near_find, *parts; /* near_find may be NULL */
    int own;                           /* one of FIND_…: the part of it that is done here */
    int rank, model;                   /* rank: 0 as the score says */
    int needs_first, needs;            /* strings: the text must hold one of them; none: always */
} TextRule;

#define VERDICTS 4096
#define SMALL_SET 256

/* A few short words. */
typedef struct {
    uint64_t hashes[SMALL_SET];
    int count;
    Py_ssize_t longest;
} Words;

enum { FIND_PYTHON = 0, FIND_NAMES, FIND_EMAIL, FIND_URL, FIND_COLONS, FIND_IBAN, FIND_LABELLED };

typedef struct {
    int32_t *words; /* ids in a row */
    int32_t count;
} Phrase;

typedef struct {
    const unsigned char *bits; /* one bit for each known word */
    int32_t first, phrases;
} Vocabulary;

typedef struct {
    int32_t rule, spots;
    int32_t first; /* the first of its spots */
} Group;

typedef struct {
    int32_t start, end;
    double score;
} Spot;

typedef struct {
    Py_ssize_t references;
    int32_t groups, spots;
    Group *group;
    Spot *spot;
} Places;

typedef struct {
    uint64_t hash; /* 0: free */
    Places *places;
} PlacesSlot;

typedef struct {
    uint64_t hash;
    int32_t id;
} WordId;

enum { PLAIN_PERSON, PLAIN_EMAIL, PLAIN_PHONE, PLAIN_SSN, PLAIN_CARD, LABELLED_KINDS };

typedef struct {
    PyObject_HEAD
    PyObject *letters, *tagger, *runs;
    PyObject *fold, *view, *prepare, *words_of, *span, *off, *is_no_name, *judge, *narrowed, *sql, *code_words;
    PyObject *reasons[REASONS], *timeout_literal, *timeout_run, *rest, *model_reason;
    PyObject *t_email, *t_person, *t_location, *n_names;
    unsigned char glue[256], code_sign[256];
    double code_score;
    int off_label[3];
    void *windows; /* Window[WINDOWS] */
    uint64_t *verdicts; /* what Python said last of a value under a rule: a hash, its last two bits the verdict */
    unsigned char verhoeff[800], phone_codes[1110], lows[256], shapes[256]; /* codes of one, two, three digits */
    allocfunc new_span;
    PyObject *fields[6];
    PyObject *iban_reason; /* borrowed of its rule's parts */
    Words no_names, not_tld, no_values;
    PyObject *plain[LABELLED_KINDS]; /* the types whose quoted values are judged here; borrowed of their rule's parts */
    double quoted_score;
    unsigned char email_local[256], iban_country[26 * 26]; /* the length of a country's IBAN, 0: none */
    uint64_t *keys; /* of labelled values: a hash, its last eight bits are the number of the type that the key declares, 0: none */
    PyObject *kinds; /* a list of those types; the first is None */
    size_t keys_used;
    Py_ssize_t line_max;
    PyObject *keep; /* what the pointers below point into */
    PyObject *numbers; /* Rule to its number */
    double threshold, for_, more, against;
    Py_ssize_t words_before, words_after;
    uint64_t seed;
    Rule *rules;
    Py_ssize_t rules_count;
    TextRule *text_rules;
    Py_ssize_t text_rules_count;
    unsigned char *needs;
    /* the automaton */
    uint16_t *next;
    unsigned char byte_class[256];
    int classes;
    uint16_t first_out;
    Py_ssize_t states;
    int32_t *out_literal;  /* of the states from first_out on: a literal that ends there */
    uint16_t *out_link;    /* the next state whose literals end there as well, 0: none */
    int32_t *literal_first, *literal_count, *literal_rules, *literal_length;
    Py_ssize_t literals;
    /* words and vocabularies */
    WordId *word_ids;
    size_t word_ids_size;
    Vocabulary *vocabularies;
    Phrase *phrases;
    int32_t *phrase_words;
    /* shapes */
    PlacesSlot *places;
    size_t places_size, places_used, places_max;
} Scanner;

/* What a pattern's search said of a window: where its match begins and ends in it, none where both are 0. */
typedef struct {
    uint64_t hash; /* of the rule and the window; 0: free */
    int32_t start, end;
} Window;

/* One scan. */
typedef struct {
    Scanner *self;
    Text folded;
    PyObject *text, *folded_object; /* folded_object: owned */
    PyObject *view;                 /* made when Python first asks */
    unsigned char *low, *shape;     /* one block */
    unsigned char seen[256];
    int line_bound, raw; /* raw: as they are found, for Python to go on with */
    Candidates found;
    /* of the runs */
    Places *before;
    Py_ssize_t before_offset, reached;
    Py_ssize_t *done; /* per rule: where its last literal match ended */
    Py_ssize_t *near; /* hits of the text rules' literals: rule number and offset in turn */
    Py_ssize_t near_count, near_size;
    const TextRule *rule; /* the one at work */
    int searches;         /* asked of Python so far */
} Scan;

/* The words near a candidate: ids of the known ones in order (-1: unknown). */
typedef struct {
    int there;
    int count;
    int32_t ids[2 * WINDOW_WORDS];
} Near;

int near_words(Scan *scan, Py_ssize_t start, Py_ssize_t end, Near *near);          /* words.c */
int vocabulary_count(const Scanner *self, int number, const Near *near);
uint64_t hash_word(const Scanner *self, const Py_UCS4 *word, Py_ssize_t length);

int weigh(Scan *scan, const Rule *rule, Py_ssize_t start, Py_ssize_t end, double score, Near *near);
int add_found(Scan *scan, int rank, Py_ssize_t start, Py_ssize_t end, double score, PyObject *type, PyObject *rule,
              PyObject *reason);
int rank_of(const TextRule *rule, double score);

PyObject *scan_view(Scan *scan); /* borrowed; NULL with an error set */
int take_span(Scan *scan, const TextRule *rule, PyObject *span);
int take_spans(Scan *scan, const TextRule *rule, PyObject *spans);
int find_own(Scan *scan, const TextRule *rule); /* finders.c */
int open_own(Scanner *self, const TextRule *rule);
int words_open(const Scanner *self, Words *words, PyObject *list);
int words_hold(const Scanner *self, const Words *words, const unsigned char *low, Py_ssize_t length);

enum { CHECK_NONE = 0, CHECK_PHONE, CHECK_CARD, CHECK_IPV4, CHECK_SSN, CHECK_SSN_UNISSUED, CHECK_ITIN, CHECK_AADHAAR, CHECK_NIK };
enum { REFUSED, ACCEPTED, NO_OPINION, ASK };

int check(const Scanner *self, int which, const unsigned char *value, Py_ssize_t length); /* checks.c */

static inline int in_set(const Charset *set, Py_UCS4 c)
{
    return c < 256 ? set->bits[c >> 3] >> (c & 7) & 1 : set->beyond;
}

#endif
