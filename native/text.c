/* Letters as Python knows them, and the code points of one text. */
#include "native.h"

static int load(PyObject *ask, Py_UCS4 page, void *out, Py_ssize_t wanted)
{
    PyObject *answer = PyObject_CallFunction(ask, "i", (int)page);
    if (answer == NULL)
        return -1;
    char *bytes;
    Py_ssize_t size;
    int failed = PyBytes_AsStringAndSize(answer, &bytes, &size);
    if (!failed && size != wanted) {
        PyErr_SetString(PyExc_TypeError, "a page of letters has another length");
        failed = -1;
    }
    if (!failed)
        memcpy(out, bytes, (size_t)wanted);
    Py_DECREF(answer);
    return failed;
}

int letters_load(Letters *self, Py_UCS4 page)
{
    unsigned char *copy = PyMem_Malloc(256);
    if (copy == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    if (load(self->ask_classes, page, copy, 256) < 0) {
        PyMem_Free(copy);
        return -1;
    }
    if (self->classes[page] != NULL) /* another thread was faster */
        PyMem_Free(copy);
    else
        self->classes[page] = copy;
    return 0;
}

int letters_load_lower(Letters *self, Py_UCS4 page)
{
    Py_UCS4 *copy = PyMem_Malloc(256 * sizeof *copy);
    if (copy == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    if (load(self->ask_lower, page, copy, 256 * (Py_ssize_t)sizeof *copy) < 0) {
        PyMem_Free(copy);
        return -1;
    }
    if (self->lower[page] != NULL)
        PyMem_Free(copy);
    else
        self->lower[page] = copy;
    return 0;
}

static PyObject *letters_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *ask_classes, *ask_lower;
    if (kwargs != NULL && PyDict_Size(kwargs) != 0) {
        PyErr_SetString(PyExc_TypeError, "by place only");
        return NULL;
    }
    if (!PyArg_ParseTuple(args, "OO", &ask_classes, &ask_lower))
        return NULL;
    allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Letters *self = (Letters *)alloc(type, 0);
    if (self == NULL)
        return NULL;
    self->ask_classes = Py_NewRef(ask_classes), self->ask_lower = Py_NewRef(ask_lower);
    self->ask_ascii = PyObject_GetAttrString((PyObject *)&PyUnicode_Type, "isascii");
    if (self->ask_ascii == NULL || letters_load(self, 0) < 0 || letters_load_lower(self, 0) < 0) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static int letters_traverse(PyObject *object, visitproc visit, void *arg)
{
    Letters *self = (Letters *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->ask_classes);
    Py_VISIT(self->ask_lower);
    Py_VISIT(self->ask_ascii);
    return 0;
}

static int letters_clear(PyObject *object)
{
    Letters *self = (Letters *)object;
    Py_CLEAR(self->ask_classes);
    Py_CLEAR(self->ask_lower);
    Py_CLEAR(self->ask_ascii);
    return 0;
}

static void letters_dealloc(PyObject *object)
{
    Letters *self = (Letters *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    letters_clear(object);
    for (size_t i = 0; i < PAGES; i++) {
        PyMem_Free(self->classes[i]);
        PyMem_Free(self->lower[i]);
    }
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
}

static PyType_Slot letters_slots[] = {
    {Py_tp_new, letters_new},         {Py_tp_dealloc, letters_dealloc}, {Py_tp_traverse, letters_traverse},
    {Py_tp_clear, letters_clear},     {0, NULL},
};

PyType_Spec letters_spec = {
    "masking._native.Letters", sizeof(Letters), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, letters_slots,
};

/* Whether *object* is a Letters; types of this module are told apart by the function that frees them. */
int is_letters(PyObject *object)
{
    return (destructor)PyType_GetSlot(Py_TYPE(object), Py_tp_dealloc) == letters_dealloc;
}

/* ASCII text is read where it lies (its UTF-8 is its own memory); other text is copied once. */
int text_open(const Letters *letters, Text *text, PyObject *object)
{
    memset(text, 0, sizeof *text);
    text->object = object;
    if (!PyUnicode_Check(object)) {
        PyErr_SetString(PyExc_TypeError, "only text can be scanned");
        return -1;
    }
    text->length = PyUnicode_GetLength(object);
    if (text->length < 0)
        return -1;
    /* UTF-8 is kept by the string for as long as it lives: it is only asked for where it costs nothing. */
    PyObject *is_ascii = PyObject_CallFunctionObjArgs(letters->ask_ascii, object, NULL);
    if (is_ascii == NULL)
        return -1;
    int ascii = is_ascii == Py_True;
    Py_DECREF(is_ascii);
    if (ascii) {
        Py_ssize_t size = 0;
        text->plain = text->narrow = (const unsigned char *)PyUnicode_AsUTF8AndSize(object, &size);
        return text->narrow == NULL ? -1 : 0;
    }
    text->wide = PyMem_Malloc(((size_t)text->length + 1) * (sizeof *text->wide + 1));
    if (text->wide == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    if (PyUnicode_AsUCS4(object, text->wide, text->length + 1, 1) == NULL)
        return -1;
    unsigned char *plain = (unsigned char *)(text->wide + text->length + 1);
    for (Py_ssize_t i = 0; i < text->length; i++)
        plain[i] = text->wide[i] < NOT_PLAIN ? (unsigned char)text->wide[i] : NOT_PLAIN;
    plain[text->length] = 0;
    text->plain = plain;
    return 0;
}

void text_close(Text *text)
{
    PyMem_Free(text->wide);
    text->wide = NULL;
}
