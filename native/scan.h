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

/* A pattern over ASCII text (match.c). */
typedef struct Program Program;

typedef struct {
    Py_ssize_t start, end, group_start, group_end; /* group_…: of the group asked for, -1: it is not in the match */
} Found;

/* 1: the first match that begins in pos … limit (or at pos alone); -1: there is none; -2: ask Python. */
int program_search(const Program *program, const Text *text, Py_ssize_t pos, Py_ssize_t limit, int only_here, Found *found);
Program *program_open(PyObject *answer); /* PyMem_Free frees it */

typedef struct {
    Program *program; /* may be NULL */
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
#define LONGEST_WORD 32 /* of a small set that is asked about words beyond ASCII */
#define WORDS_SLOTS 512

/* A few short words. */
typedef struct {
    uint64_t hashes[WORDS_SLOTS]; /* 0: free */
    int count;
    Py_ssize_t longest;
} Words;

enum { FIND_PYTHON = 0, FIND_NAMES, FIND_EMAIL, FIND_URL, FIND_COLONS, FIND_IBAN, FIND_LABELLED, FIND_SAID };

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

/* A shape that a run may hold, and its places among run_spots. */
typedef struct {
    uint64_t hash; /* 0: free */
    int32_t first, count;
} RunShape;

typedef struct {
    int32_t rule;
    double score;
} RunSpot;

#define RUN_FORMS_MAX 12

typedef struct {
    Program *program;
    double score;
} RunForm;

enum { RUN_PLAIN = 0, RUN_CARD, RUN_PHONE };

/* A finder over shapes (masking.rules.RunForms). */
typedef struct {
    int kind, forms;
    int32_t rule;
    Py_ssize_t letters_min, letters_max;
    RunForm form[RUN_FORMS_MAX];
} RunFind;

typedef struct {
    uint64_t hash;
    int32_t id;
} WordId;

#define HASH_BITS 16
#define LITERAL_MAX 255
#define LITERAL_BLOCK 1024
#define AFTER_TEXT 8 /* zeros behind the forms of a text */

/* The literals that begin with *key*, in literal_order. */
typedef struct {
    uint32_t key;
    int32_t size, first, count; /* count 0: free */
} LiteralKey;

typedef struct {
    uint64_t head, mask; /* its first eight bytes */
    uint32_t key;
    int32_t size, literal;
} LiteralOrder;

typedef struct {
    int32_t literal;
    Py_ssize_t stop;
} Hit;

enum { PLAIN_PERSON, PLAIN_EMAIL, PLAIN_PHONE, PLAIN_SSN, PLAIN_CARD, LABELLED_KINDS };

#define SPARE_CHARS_MAX (1 << 18) /* larger buffers are not kept */
#define SPARE_FOUND_MAX (1 << 12)

/* The buffers that no scan uses now. */
typedef struct {
    unsigned char *low;
    Py_ssize_t room, *done, done_base;
    Hit *waiting;
    Candidates found;
} Spare;

typedef struct {
    PyObject_HEAD
    PyObject *letters, *tagger, *runs;
    PyObject *fold, *view, *prepare, *words_of, *span, *off, *is_no_name, *judge, *narrowed, *sql, *code_words;
    PyObject *reasons[REASONS], *timeout_literal, *timeout_run, *rest, *model_reason;
    PyObject *t_email, *t_person, *t_location, *n_names;
    unsigned char glue[256], code_sign[256];
    const unsigned char *folded_bits; /* a bit for each code point of the first plane; borrowed of the parts */
    double code_score;
    int off_label[3];
    Py_ssize_t caps_chars;
    void *windows; /* Window[WINDOWS] */
    uint64_t *verdicts; /* what Python said last of a value under a rule: a hash, its last two bits the verdict */
    unsigned char verhoeff[800], phone_codes[1110], lows[256], shapes[256]; /* codes of one, two, three digits */
    allocfunc new_span;
    PyObject *fields[6];
    Py_ssize_t field_at[6]; /* where they lie in a span; 0: not known */
    PyObject *iban_reason; /* borrowed of its rule's parts */
    Words no_names, not_tld, no_values, code_starts; /* code_starts: names.CODE_WORDS */
    Words no_passwords, no_given;                    /* secrets_generic._TYPES; what given_password refuses */
    int any_off; /* types are off */
    PyObject *plain[LABELLED_KINDS]; /* the types whose quoted values are judged here; borrowed of their rule's parts */
    double quoted_score;
    unsigned char separators[256], email_local[256], iban_country[26 * 26]; /* the length of a country's IBAN, 0: none */
    uint64_t *keys; /* of labelled values: a hash, its last eight bits are the number of the type that the key declares, 0: none */
    PyObject *kinds; /* a list of those types; the first is None */
    size_t keys_used;
    Py_ssize_t line_max, chars_max;
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
    /* literals: which three and four first bytes may begin one, and which do */
    unsigned char *heads, *tails; /* of two bytes: the buckets whose literals begin with them, or have them as the next two */
    unsigned char *three, *four, shortest[256]; /* bits of the hashes of three bytes, of four; shortest: the first of less */
    LiteralKey *literal_keys;
    size_t literal_keys_size;
    LiteralOrder *literal_order;
    const unsigned char **literal_bytes; /* borrowed of the parts */
    Py_ssize_t waiting_most;
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
    RunShape *run_shapes;
    size_t run_shapes_size;
    RunSpot *run_spots;
    Py_ssize_t run_longest, run_finds_count;
    RunFind *run_finds;
    Places nothing; /* what stands in most runs that are met for the first time; not kept */
    Spare spare;
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
    Py_ssize_t room;                /* for a text so long */
    int has_zero; /* something is masked already */
    int line_bound, raw; /* raw: as they are found, for Python to go on with */
    Candidates found;
    /* of the runs */
    Places *before;
    Py_ssize_t before_offset, reached;
    Py_ssize_t *done; /* per rule: where its last literal match ended, counted from done_base; less: not in this text */
    Py_ssize_t done_base;
    Py_ssize_t *near; /* hits of the text rules' literals: rule number and offset in turn */
    Py_ssize_t near_count, near_size;
    Hit *waiting;     /* literals found, by their ends */
    Py_ssize_t waiting_count;
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
int words_hold_wide(const Scanner *self, const Words *words, const Py_UCS4 *low, Py_ssize_t length); /* of words that are not ASCII */

/* places.c */
int places_open(Scanner *self, PyObject *parts);
void places_close(Scanner *self);
int places_made(const Scanner *self, const unsigned char *shape, Py_ssize_t length, Places **places);
void places_release(Places *places); /* scan.c */

/* narrow.c */
int narrow_alone(const Scanner *self, const unsigned char *value, const unsigned char *low, Py_ssize_t length, int after_alnum,
                 int before_alnum, Py_ssize_t *start, Py_ssize_t *end, int *doubtful);

enum { CHECK_NONE = 0, CHECK_PHONE, CHECK_CARD, CHECK_IPV4, CHECK_SSN, CHECK_SSN_UNISSUED, CHECK_ITIN, CHECK_AADHAAR, CHECK_NIK,
       CHECK_PASSWORD, CHECK_BARE_PASSWORD, CHECK_LINE_PASSWORD, CHECK_GIVEN_PASSWORD, CHECK_ENVIRONMENT_PASSWORD, CHECK_SECRET_VALUE,
       CHECK_RANDOM_LOOKING, CHECK_NOT_PLACEHOLDER, CHECK_HEADER_VALUE, CHECK_COOKIE_VALUE, CHECK_SECTION };
enum { REFUSED, ACCEPTED, NO_OPINION, ASK };

int check(const Scanner *self, int which, const unsigned char *value, Py_ssize_t length);        /* checks.c */
int check_secret(const Scanner *self, int which, const unsigned char *value, Py_ssize_t length); /* secrets.c */

static inline int in_set(const Charset *set, Py_UCS4 c)
{
    return c < 256 ? set->bits[c >> 3] >> (c & 7) & 1 : set->beyond;
}

#endif
