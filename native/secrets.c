/* The validators of the secret families, as masking/detect/secrets*.py have them.
 *
 * Each takes an ASCII value and says ACCEPTED, REFUSED, NO_OPINION, or ASK where Python's patterns would have to be run:
 * a value that begins as a reference does, or holds brackets.
 */
#include "scan.h"

#include <math.h>

typedef struct {
    const unsigned char *at;
    Py_ssize_t n;
} Value;

static unsigned char small(unsigned char c)
{
    return is_upper(c) ? c | 0x20 : c;
}

/* Whether the small letters of *word* stand at *i*, whatever their case. */
static int stands(Value v, Py_ssize_t i, const char *word)
{
    for (; *word; word++, i++)
        if (i >= v.n || small(v.at[i]) != (unsigned char)*word)
            return 0;
    return 1;
}

static int begins_with(Value v, const char *word) /* as it is written */
{
    size_t size = strlen(word);
    return (size_t)v.n >= size && memcmp(v.at, word, size) == 0;
}

static int has_digit(Value v)
{
    for (Py_ssize_t i = 0; i < v.n; i++)
        if (is_digit(v.at[i]))
            return 1;
    return 0;
}

static int has_any(Value v, const char *signs)
{
    for (Py_ssize_t i = 0; i < v.n; i++)
        if (v.at[i] != 0 && strchr(signs, v.at[i]) != NULL)
            return 1;
    return 0;
}

static int distinct(Value v)
{
    unsigned char seen[256] = {0};
    int count = 0;
    for (Py_ssize_t i = 0; i < v.n; i++)
        count += !seen[v.at[i]]++;
    return count;
}

/* set(text) <= secrets_table._FILLER */
static int is_filler(Value v)
{
    for (Py_ssize_t i = 0; i < v.n; i++)
        if (v.at[i] == 0 || strchr("xX0*.#-_ ", v.at[i]) == NULL)
            return 0;
    return 1;
}

/* The part of not-a-real-secret from the second letter on. */
static int is_not_real(Value v, Py_ssize_t i)
{
    if (!stands(v, i, "not"))
        return 0;
    i += 3;
    i += i < v.n && (v.at[i] == '-' || v.at[i] == '_');
    if (i >= v.n || small(v.at[i]) != 'a')
        return 0;
    i++;
    i += i < v.n && (v.at[i] == '-' || v.at[i] == '_');
    return stands(v, i, "real") || stands(v, i, "secret");
}

/* secrets_table.placeholder */
static int placeholder(Value v)
{
    if (is_filler(v))
        return 1;
    for (Py_ssize_t i = 0; i < v.n; i++) {
        int next = i + 1 < v.n ? v.at[i + 1] : 0, is = 0;
        switch (small(v.at[i])) {
        case '*': is = stands(v, i, "***"); break;
        case '.': is = stands(v, i, "..."); break;
        case '<': is = is_letter((unsigned char)next); break;
        case '$': is = next == '{'; break;
        case '{': is = next == '{'; break;
        case '%': is = next == '('; break;
        case 'c':
            if ((is = stands(v, i, "change"))) {
                Py_ssize_t k = i + 6;
                k += k < v.n && (v.at[k] == '-' || v.at[k] == '_');
                is = stands(v, k, "me") || stands(v, k, "it");
            }
            break;
        case 'd': is = stands(v, i, "dummy"); break;
        case 'e': is = stands(v, i, "example") || stands(v, i, "env["); break;
        case 'f': is = stands(v, i, "foobar"); break;
        case 'g': is = stands(v, i, "getenv"); break;
        case 'i': is = stands(v, i, "insert"); break;
        case 'l': is = stands(v, i, "lorem"); break;
        case 'm': is = stands(v, i, "masked"); break;
        case 'n': is = is_not_real(v, i); break;
        case 'o': is = stands(v, i, "os.environ"); break;
        case 'p': is = stands(v, i, "placeholder") || stands(v, i, "process.env"); break;
        case 'r': is = stands(v, i, "redact") || stands(v, i, "replace") || stands(v, i, "removed"); break;
        case 's': is = stands(v, i, "secrets."); break;
        case 'v': is = stands(v, i, "vault."); break;
        case 'x': is = stands(v, i, "xxxx"); break;
        case 'y': is = stands(v, i, "your"); break;
        default: break;
        }
        if (is)
            return 1;
    }
    return 0;
}

/* secrets_generic._CODE */
static int is_code_word(Value v)
{
    static const char *const words[] = {"pass",   "pwd",    "secret",  "user",    "field",  "input",   "value", "hash",  "param",  "config",
                                        "setting", "option", "request", "getenv", "environ", "self.", "this.", "prompt", "credential"};
    for (Py_ssize_t i = 0; i + 3 <= v.n; i++) {
        unsigned char c = small(v.at[i]);
        if (c < 'c' || c > 'v')
            continue;
        for (size_t k = 0; k < sizeof words / sizeof *words; k++)
            if ((unsigned char)words[k][0] == c && stands(v, i, words[k]))
                return 1;
    }
    return 0;
}

static int is_vowel(unsigned char c)
{
    return c == 'a' || c == 'e' || c == 'i' || c == 'o' || c == 'u' || c == 'y';
}

/* secrets_table.wordy */
static int wordy(Value v)
{
    Py_ssize_t spoken = 0;
    for (Py_ssize_t i = 0; i < v.n;) {
        Py_ssize_t end = i + 1;
        if (!is_letter(v.at[i])) {
            i++;
            continue;
        }
        while (end < v.n && is_lower(v.at[end]))
            end++;
        if (end - i < 4) {
            for (end = i; end < v.n && is_upper(v.at[end]); end++)
                ;
            if (end - i < 4) {
                i++;
                continue;
            }
        }
        Py_ssize_t vowels = 0, row = 0, longest = 0;
        for (Py_ssize_t k = i; k < end; k++) {
            int is = is_vowel(small(v.at[k]));
            vowels += is;
            row = is ? 0 : row + 1;
            longest = row > longest ? row : longest;
        }
        double share = (double)vowels / (double)(end - i);
        if (0.2 <= share && share <= 0.7 && longest < 5)
            spoken += end - i;
        i = end;
    }
    return (double)spoken > 0.6 * (double)v.n;
}

/* secrets_table.entropy: the characters in the order in which they come first. */
static double entropy(Value v)
{
    int counts[256] = {0}, count = 0;
    unsigned char order[256];
    double total = 0.0;
    for (Py_ssize_t i = 0; i < v.n; i++)
        if (!counts[v.at[i]]++)
            order[count++] = v.at[i];
    for (int i = 0; i < count; i++) {
        double share = (double)counts[order[i]] / (double)v.n;
        total += share * log2(share);
    }
    return -total;
}

/* secrets_generic._IDENTIFIER, of the whole */
static int is_identifier(Value v)
{
    for (Py_ssize_t i = 0;;) {
        if (i >= v.n || !(is_letter(v.at[i]) || v.at[i] == '_'))
            return 0;
        while (i < v.n && (is_letter(v.at[i]) || v.at[i] == '_' || is_digit(v.at[i])))
            i++;
        if (i == v.n)
            return 1;
        if (v.at[i] == '.')
            i++;
        else if (stands(v, i, "->") || stands(v, i, "::"))
            i += 2;
        else
            return 0;
    }
}

/* secrets_generic._DATE, of the whole; no line ends in it. */
static int is_date(Value v)
{
    static const char form[] = "0000-00-00";
    Py_ssize_t i = 0;
    if (v.n >= 10) {
        for (; i < 10 && (form[i] == '0' ? is_digit(v.at[i]) : v.at[i] == '-'); i++)
            ;
        if (i == 10)
            return 1;
    }
    for (i = 0; i < 2 && i < v.n && is_digit(v.at[i]); i++)
        ;
    return i && i + 1 < v.n && (v.at[i] == ':' || v.at[i] == '/' || v.at[i] == '.') && is_digit(v.at[i + 1]);
}

static int is_uuid(Value v)
{
    if (v.n != 36)
        return 0;
    for (Py_ssize_t i = 0; i < 36; i++) {
        unsigned char c = small(v.at[i]);
        if (i == 8 || i == 13 || i == 18 || i == 23 ? c != '-' : !(is_digit(c) || (c >= 'a' && c <= 'f')))
            return 0;
    }
    return 1;
}

/* What only Python's patterns can tell: a reference (they all begin with one of these), or more than one line. */
static int may_be_reference(Value v)
{
    return v.n == 0 || strchr("$%{<[(@#&!", v.at[0]) != NULL || has_any(v, "\n\r\v\f\x1c\x1d\x1e");
}

static Value stripped(Value v, const char *left, const char *right)
{
    while (v.n && v.at[0] && strchr(left, v.at[0]) != NULL)
        v.at++, v.n--;
    while (v.n && v.at[v.n - 1] && strchr(right, v.at[v.n - 1]) != NULL)
        v.n--;
    return v;
}

static int in_words(const Scanner *self, const Words *words, Value v)
{
    unsigned char low[64];
    if (v.n > (Py_ssize_t)sizeof low)
        return 0;
    for (Py_ssize_t i = 0; i < v.n; i++)
        low[i] = small(v.at[i]);
    return words_hold(self, words, low, v.n);
}

/* secrets_generic.password */
static int password(const Scanner *self, Value v)
{
    if (may_be_reference(v))
        return ASK;
    if (placeholder(v) || in_words(self, &self->no_passwords, v) || distinct(v) < 3 || (!has_digit(v) && is_code_word(v)))
        return REFUSED;
    return begins_with(v, "/") || begins_with(v, "./") || begins_with(v, "~/") || begins_with(v, "http://") || begins_with(v, "https://")
               ? REFUSED
               : NO_OPINION;
}

/* secrets_generic.bare_password */
static int bare_password(const Scanner *self, Value v)
{
    v = stripped(v, "", ".,;:");
    if (v.n < 4)
        return REFUSED;
    int first = password(self, v), letters = 1;
    if (first != NO_OPINION)
        return first;
    if (is_date(v))
        return REFUSED;
    if (has_any(v, "(["))
        return ASK;
    for (Py_ssize_t i = 0; i < v.n && letters; i++)
        letters = is_letter(v.at[i]);
    if (letters)
        return REFUSED;
    return is_identifier(v) && (!has_digit(v) || is_code_word(v)) ? REFUSED : NO_OPINION;
}

/* secrets_generic.line_password */
static int line_password(const Scanner *self, Value v)
{
    if (v.n < 5)
        return REFUSED;
    int first = password(self, v), lower = 0, upper = 0;
    if (first != NO_OPINION)
        return first;
    for (Py_ssize_t i = 0; i < v.n; i++)
        lower |= is_lower(v.at[i]), upper |= is_upper(v.at[i]);
    return has_any(v, "_") || is_code_word(v) || lower == upper ? REFUSED : NO_OPINION;
}

/* secrets_generic.secret_value */
static int secret_value(Value v)
{
    v = stripped(v, "\"'`.,;:", "\"'`.,;:");
    int digit = has_digit(v), lower = 0, upper = 0;
    for (Py_ssize_t i = 0; i < v.n; i++)
        lower |= is_lower(v.at[i]), upper |= is_upper(v.at[i]);
    if (v.n < 10 || digit + lower + upper < 2)
        return REFUSED;
    if (may_be_reference(v))
        return ASK;
    if (placeholder(v) || is_date(v))
        return REFUSED;
    static const char *const paths[] = {"/", "./", "~/", "http", "arn:", "data:", "file:", "urn:"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        if (begins_with(v, paths[i]))
            return REFUSED;
    if (wordy(v))
        return REFUSED;
    if (is_uuid(v))
        return NO_OPINION;
    double bits = entropy(v);
    if (!digit && (v.n < 20 || (is_identifier(v) && bits < 4)))
        return REFUSED;
    return bits >= (v.n >= 16 ? 3.0 : 2.9) ? NO_OPINION : REFUSED;
}

/* secrets_table.random_looking */
static int random_looking(Value v)
{
    if (v.n == 0)
        return ASK;
    if (placeholder(v) || distinct(v) < 6 || wordy(v))
        return REFUSED;
    double least = log2((double)v.n) * 0.55;
    return entropy(v) < (least < 3.0 ? least : 3.0) ? REFUSED : NO_OPINION;
}

/* secrets_table.not_placeholder */
static int not_placeholder(Value v)
{
    Value body = v;
    Py_ssize_t n = 0;
    while (n < v.n && is_letter(v.at[n]))
        n++;
    if (n >= 2 && n <= 12 && n < v.n && (v.at[n] == '-' || v.at[n] == '_' || v.at[n] == '.'))
        body.at += n + 1, body.n -= n + 1;
    return placeholder(v) || is_filler(body) ? REFUSED : NO_OPINION;
}

/* secrets.header_value */
static int header_value(Value v)
{
    if (placeholder(v) || distinct(v) < 4 || wordy(v))
        return REFUSED;
    return has_digit(v) || v.n >= 24 ? NO_OPINION : REFUSED;
}

/* secrets_generic.given_password */
static int given_password(const Scanner *self, Value v)
{
    if (v.n == 0 || strchr("-$<{`([*.+#@%&", v.at[0]) != NULL || has_any(v, "\n"))
        return ASK;
    if (begins_with(v, "http://") || begins_with(v, "https://") || begins_with(v, "ftp://") || (v.n > 2 && placeholder(v))
        || in_words(self, &self->no_given, v))
        return REFUSED;
    int capitals = 1;
    for (Py_ssize_t i = 0; i < v.n && capitals; i++)
        capitals = is_upper(v.at[i]);
    return capitals ? ASK : NO_OPINION; /* PASS may stand for one */
}

/* secrets_generic.environment_password */
static int environment_password(const Scanner *self, Value v)
{
    int given = given_password(self, v), first;
    if (given != NO_OPINION)
        return given;
    Py_ssize_t digits = 0, letters = 0, lines = 0;
    for (Py_ssize_t i = 0; i < v.n; i++)
        digits += is_digit(v.at[i]), letters += is_letter(v.at[i]), lines += v.at[i] == '_';
    if (v.n < 3 || digits == v.n)
        return REFUSED;
    if ((first = password(self, v)) != NO_OPINION)
        return first;
    return lines && letters && letters + lines == v.n ? REFUSED : NO_OPINION;
}

int check_secret(const Scanner *self, int which, const unsigned char *value, Py_ssize_t length)
{
    Value v = {value, length};
    switch (which) {
    case CHECK_PASSWORD: return password(self, v);
    case CHECK_BARE_PASSWORD: return bare_password(self, v);
    case CHECK_LINE_PASSWORD: return line_password(self, v);
    case CHECK_GIVEN_PASSWORD: return given_password(self, v);
    case CHECK_ENVIRONMENT_PASSWORD: return environment_password(self, v);
    case CHECK_SECRET_VALUE: return secret_value(v);
    case CHECK_RANDOM_LOOKING: return random_looking(v);
    case CHECK_NOT_PLACEHOLDER: return not_placeholder(v);
    case CHECK_HEADER_VALUE: return header_value(v);
    case CHECK_COOKIE_VALUE: return has_digit(v) ? random_looking(v) : REFUSED;
    default: return ASK;
    }
}
