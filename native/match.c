/* Patterns over ASCII text, as masking/program.py writes them: the backtracking of ``re``, in the same order of attempts. */
#include "scan.h"

enum {
    ACCEPT, CHAR, SET, SPLIT, GREEDY, LAZY, POSSESSIVE, AHEAD, BEHIND, SET_AHEAD, SET_BEHIND, BOUNDARY, END, OPEN, CLOSE, ATOMIC, WHATS
};

#define NONE (-1)
#define GIVEN_UP (-2)
#define STEPS_MAX 20000 /* of one search; what needs more is asked of Python, which has a limit of time */
#define DEPTH_MAX 200

typedef struct {
    int32_t what, after, x, y, z;
} Node;

struct Program {
    int32_t nodes, sets, first, begin, back;
    const Node *node;
    const unsigned char *set; /* 16 bytes each */
};

typedef struct {
    const Program *program;
    const unsigned char *text; /* of which only floor … limit is there */
    Py_ssize_t floor, limit, group_start, group_end;
    int steps, depth;
} Match;

static inline int in(const Program *program, int32_t set, unsigned char c)
{
    return c < 128 && program->set[16 * set + (c >> 3)] >> (c & 7) & 1;
}

static Py_ssize_t follow(Match *m, int32_t at, Py_ssize_t i);

static inline Py_ssize_t go(Match *m, int32_t at, Py_ssize_t i)
{
    if (m->depth >= DEPTH_MAX)
        return GIVEN_UP;
    m->depth++;
    Py_ssize_t end = follow(m, at, i);
    m->depth--;
    return end;
}

/* How many of *most* characters from *i* on are of the set. */
static inline Py_ssize_t count(const Match *m, int32_t set, Py_ssize_t i, Py_ssize_t most)
{
    Py_ssize_t n = 0;
    most = most < m->limit - i ? most : m->limit - i;
    while (n < most && in(m->program, set, m->text[i + n]))
        n++;
    return n;
}

/* As many as may be, then one less each time the rest does not follow. */
static Py_ssize_t greedy(Match *m, const Node *node, Py_ssize_t i)
{
    Py_ssize_t n = count(m, node->x, i, node->z);
    const Node *after = &m->program->node[node->after];
    for (; n >= node->y; n--) {
        if (after->what == CHAR && (i + n >= m->limit || m->text[i + n] != after->x))
            continue;
        if (after->what == SET && (i + n >= m->limit || !in(m->program, after->x, m->text[i + n])))
            continue;
        Py_ssize_t end = go(m, node->after, i + n);
        if (end != NONE)
            return end;
    }
    return NONE;
}

static Py_ssize_t lazy(Match *m, const Node *node, Py_ssize_t i)
{
    Py_ssize_t n = count(m, node->x, i, node->y);
    if (n < node->y)
        return NONE;
    for (;; n++) {
        Py_ssize_t end = go(m, node->after, i + n);
        if (end != NONE)
            return end;
        if (n >= node->z || i + n >= m->limit || !in(m->program, node->x, m->text[i + n]))
            return NONE;
    }
}

/* A way of its own, time after time; where it ended. */
static Py_ssize_t atomic(Match *m, const Node *node, Py_ssize_t i)
{
    for (int32_t n = 0; n < node->z; n++) {
        Py_ssize_t end = go(m, node->x, i);
        if (end == GIVEN_UP)
            return GIVEN_UP;
        if (end == NONE)
            return n < node->y ? NONE : i;
        i = end;
    }
    return i;
}

static int worded(const Match *m, int32_t set, Py_ssize_t i)
{
    return i >= m->floor && i < m->limit && in(m->program, set, m->text[i]);
}

/* Where the match that goes on from node *at* and place *i* ends. */
static Py_ssize_t follow(Match *m, int32_t at, Py_ssize_t i)
{
    const Program *program = m->program;
    for (;;) {
        const Node *node = &program->node[at];
        Py_ssize_t end;
        if (++m->steps > STEPS_MAX)
            return GIVEN_UP;
        switch (node->what) {
        case ACCEPT: return i;
        case CHAR:
            if (i >= m->limit || m->text[i] != node->x)
                return NONE;
            i++;
            break;
        case SET:
            if (i >= m->limit || !in(program, node->x, m->text[i]))
                return NONE;
            i++;
            break;
        case SPLIT:
            if (node->z < 0 || (i < m->limit && in(program, node->z, m->text[i]))) {
                end = go(m, node->x, i);
                if (end != NONE)
                    return end;
            }
            at = node->y;
            continue;
        case GREEDY: return greedy(m, node, i);
        case LAZY: return lazy(m, node, i);
        case POSSESSIVE:
            end = count(m, node->x, i, node->z);
            if (end < node->y)
                return NONE;
            i += end;
            break;
        case AHEAD:
        case BEHIND:
            if (node->what == BEHIND && i - node->z < m->floor)
                end = NONE;
            else
                end = go(m, node->x, node->what == BEHIND ? i - node->z : i);
            if (end == GIVEN_UP)
                return GIVEN_UP;
            if ((end == NONE) != node->y)
                return NONE;
            break;
        case SET_AHEAD:
            if ((i < m->limit && in(program, node->x, m->text[i])) == node->y)
                return NONE;
            break;
        case SET_BEHIND:
            if ((i > m->floor && in(program, node->x, m->text[i - 1])) == node->y)
                return NONE;
            break;
        case BOUNDARY:
            if ((worded(m, node->x, i - 1) != worded(m, node->x, i)) == node->y)
                return NONE;
            break;
        case END:
            if (i != m->limit)
                return NONE;
            break;
        case OPEN:
        case CLOSE: {
            Py_ssize_t *mark = node->what == OPEN ? &m->group_start : &m->group_end, before = *mark;
            *mark = i;
            end = go(m, node->after, i);
            if (end == NONE)
                *mark = before;
            return end;
        }
        case ATOMIC:
            end = atomic(m, node, i);
            if (end < 0)
                return end;
            i = end;
            break;
        default: return GIVEN_UP;
        }
        at = node->after;
    }
}

int program_search(const Program *program, const Text *text, Py_ssize_t pos, Py_ssize_t limit, int only_here, Found *found)
{
    Match m = {.program = program, .text = text->plain, .limit = limit};
    m.floor = pos > program->back ? pos - program->back : 0;
    if (plain_at(text, m.floor, limit) == NULL)
        return GIVEN_UP;
    /* What may not stand before a match is what most patterns begin with. */
    const Node *first = &program->node[program->first];
    int looks_back = first->what == SET_BEHIND;
    for (Py_ssize_t i = pos; i <= m.limit; i++) {
        if (looks_back && (i > m.floor && in(program, first->x, m.text[i - 1])) == first->y) {
            if (only_here)
                return NONE;
            continue;
        }
        if (program->begin >= 0 && (i == m.limit || !in(program, program->begin, m.text[i]))) {
            if (only_here)
                return NONE;
            continue;
        }
        m.group_start = m.group_end = NONE;
        Py_ssize_t end = follow(&m, program->first, i);
        if (end == GIVEN_UP)
            return GIVEN_UP;
        if (end >= 0) {
            int marked = m.group_start >= 0 && m.group_end >= 0;
            *found = (Found){i, end, marked ? m.group_start : NONE, marked ? m.group_end : NONE};
            return 1;
        }
        if (only_here)
            break;
    }
    return NONE;
}

static int is_node(const Program *p, int32_t number)
{
    return number >= 0 && number < p->nodes;
}

static int is_set(const Program *p, int32_t number)
{
    return number >= 0 && number < p->sets;
}

/* Whether every number of a node is one that is there. */
static int is_sound(const Program *p, const Node *node)
{
    int goes_on = is_node(p, node->after);
    switch (node->what) {
    case ACCEPT: return 1;
    case CHAR: return goes_on && node->x >= 0 && node->x < 128;
    case SET:
    case SET_AHEAD:
    case SET_BEHIND:
    case BOUNDARY: return goes_on && is_set(p, node->x);
    case SPLIT: return is_node(p, node->x) && is_node(p, node->y) && (node->z < 0 || is_set(p, node->z));
    case GREEDY:
    case LAZY:
    case POSSESSIVE: return goes_on && is_set(p, node->x) && node->y >= 0 && node->z >= node->y;
    case AHEAD: return goes_on && is_node(p, node->x);
    case BEHIND: return goes_on && is_node(p, node->x) && node->z > 0 && node->z <= p->back;
    case END:
    case OPEN:
    case CLOSE: return goes_on;
    case ATOMIC: return goes_on && is_node(p, node->x) && node->y >= 0 && node->z >= node->y;
    default: return 0;
    }
}

/* Reads (nodes, sets, first, begin, back); the program keeps its own copy. NULL with an error set. */
Program *program_open(PyObject *answer)
{
    const char *nodes, *sets;
    Py_ssize_t nodes_size, sets_size;
    Program head;
    if (!PyTuple_Check(answer)
        || !PyArg_ParseTuple(answer, "y#y#iii", &nodes, &nodes_size, &sets, &sets_size, &head.first, &head.begin, &head.back)) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_TypeError, "a program is a tuple");
        return NULL;
    }
    head.nodes = (int32_t)(nodes_size / (Py_ssize_t)sizeof(Node)), head.sets = (int32_t)(sets_size / 16);
    if (nodes_size > 1 << 24 || sets_size > 1 << 24 || nodes_size % (Py_ssize_t)sizeof(Node) || sets_size % 16
        || !is_node(&head, head.first) || head.back < 0 || (head.begin >= 0 && !is_set(&head, head.begin))) {
        PyErr_SetString(PyExc_ValueError, "a program of another form");
        return NULL;
    }
    char *block = PyMem_Malloc(sizeof head + (size_t)nodes_size + (size_t)sets_size);
    if (block == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    Program *program = (Program *)(void *)block;
    memcpy(block + sizeof head, nodes, (size_t)nodes_size);
    memcpy(block + sizeof head + nodes_size, sets, (size_t)sets_size);
    head.node = (const Node *)(const void *)(block + sizeof head), head.set = (const unsigned char *)block + sizeof head + nodes_size;
    *program = head;
    for (int32_t i = 0; i < program->nodes; i++)
        if (!is_sound(program, &program->node[i])) {
            PyMem_Free(block);
            PyErr_SetString(PyExc_ValueError, "a node of a program names what is not there");
            return NULL;
        }
    return program;
}

/* search(program, text, pos, endpos, at): (start, end, start of the group, its end), None, or NotImplemented where it gave up:
   the whole of this file by itself, for the tests that hold it beside re. */
PyObject *match_search(PyObject *module, PyObject *args)
{
    PyObject *answer, *object, *out = NULL;
    Py_ssize_t pos, limit;
    int at;
    Text text = {0};
    Found found;
    (void)module;
    if (!PyArg_ParseTuple(args, "OUnnp", &answer, &object, &pos, &limit, &at))
        return NULL;
    Program *program = program_open(answer);
    if (program == NULL)
        return NULL;
    Py_ssize_t length = PyUnicode_GetLength(object);
    text.length = length, text.plain = text.narrow = (const unsigned char *)PyUnicode_AsUTF8AndSize(object, &length);
    if (text.narrow != NULL && (length != text.length || pos < 0 || limit > length))
        PyErr_SetString(PyExc_ValueError, "ASCII text, and places of it");
    else if (text.narrow != NULL) {
        int there = pos > limit ? NONE : program_search(program, &text, pos, limit, at, &found);
        out = there == 1      ? Py_BuildValue("(nnnn)", found.start, found.end, found.group_start, found.group_end)
              : there == NONE ? Py_NewRef(Py_None)
                              : Py_NewRef(Py_NotImplemented);
    }
    PyMem_Free(program);
    return out;
}
