/* The compiled loops of the masking engine.
 *
 * Everything here repeats what a Python module of masking/ does (each file names its own), to the last bit: the same order
 * of double additions (built with -ffp-contract=off), the same ties, the same limits. What a letter is, what a word beyond
 * ASCII is worth and what may stand in a run of a new shape are asked of Python once and remembered. Tests compare both
 * on random and real texts.
 *
 * CPython's limited API (3.11 and later). No global state: each object owns its tables. The interpreter's lock is held
 * throughout; a call back into Python may let other threads in, so tables are looked up anew after each.
 */
#include "native.h"

/* Raised whenever what Python and C ask of each other changes: an older binary is then left alone. */
#define NATIVE_VERSION 12

static int module_exec(PyObject *module)
{
    PyType_Spec *specs[] = {&letters_spec, &tagger_spec, &runs_spec, &scanner_spec};
    const char *names[] = {"Letters", "Tagger", "RunFinder", "Scanner"};
    for (int i = 0; i < 4; i++) {
        PyObject *type = PyType_FromModuleAndSpec(module, specs[i], NULL);
        if (type == NULL)
            return -1;
        int failed = PyModule_AddObjectRef(module, names[i], type);
        Py_DECREF(type);
        if (failed < 0)
            return -1;
    }
    return PyModule_AddIntConstant(module, "VERSION", NATIVE_VERSION);
}

static PyMethodDef module_methods[] = {
    {"search", match_search, METH_VARARGS, "search(program, text, pos, endpos, at): a program of masking.program alone"},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot module_slots[] = {{Py_mod_exec, module_exec}, {0, NULL}};

static struct PyModuleDef module_def = {
    PyModuleDef_HEAD_INIT, "_native", "The hot loops of masking; see masking/native.py.", 0, module_methods, module_slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__native(void);

PyMODINIT_FUNC PyInit__native(void)
{
    return PyModuleDef_Init(&module_def);
}
