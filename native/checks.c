/* The checks that most candidates go through, as masking/detect has them; every other is asked of Python.
 *
 * Each takes an ASCII value and says ACCEPTED, REFUSED, NO_OPINION, or ASK where it cannot tell.
 */
#include "scan.h"

#define SECTION_MAX 39 /* network.SECTION_MAX */

static size_t digits_of(const unsigned char *value, Py_ssize_t length, unsigned char *digits, size_t most)
{
    size_t n = 0;
    for (Py_ssize_t i = 0; i < length; i++)
        if (value[i] >= '0' && value[i] <= '9') {
            if (n < most)
                digits[n] = value[i] - '0';
            n++;
        }
    return n;
}

static int all_same(const unsigned char *digits, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (digits[i] != digits[0])
            return 0;
    return 1;
}

static int number_of_digits(const unsigned char *digits, int n)
{
    int value = 0;
    for (int i = 0; i < n; i++)
        value = 10 * value + digits[i];
    return value;
}

static int is_year(const unsigned char *four)
{
    return ((four[0] == '1' && four[1] == '9') || (four[0] == '2' && four[1] == '0')) && four[2] >= '0' && four[2] <= '9'
           && four[3] >= '0' && four[3] <= '9';
}

/* phone._YEARS */
static int is_years(const unsigned char *value, Py_ssize_t length)
{
    Py_ssize_t i = 4;
    if (length < 9 || !is_year(value))
        return 0;
    i += value[i] == ' ';
    if (value[i++] != '-')
        return 0;
    i += value[i] == ' ';
    return length - i == 4 && is_year(value + i);
}

/* phone.valid */
static int phone(const Scanner *self, const unsigned char *value, Py_ssize_t length)
{
    unsigned char digits[64];
    Py_ssize_t mark = 0, first = 0;
    while (mark < length && (value[mark] | 0x20) != 'x') {
        if ((value[mark] >= 'a' && value[mark] <= 'z') || (value[mark] >= 'A' && value[mark] <= 'Z'))
            return REFUSED;
        mark++;
    }
    for (Py_ssize_t i = mark + 1; i < length; i++)
        if (value[i] < '0' || value[i] > '9')
            return REFUSED;
    if (mark + 1 == length)
        return REFUSED;
    size_t n = digits_of(value, mark, digits, sizeof digits), zeros = 0;
    if (n > sizeof digits)
        return ASK;
    if (n && all_same(digits, n))
        return REFUSED;
    if (n == 8 && is_years(value, length))
        return REFUSED;
    while (first < length && value[first] == ' ')
        first++;
    if (first < length && (value[first] < 0x20 || value[first] > 0x7e))
        return ASK;
    if (first < length && value[first] == '+') {
        while (zeros < n && digits[zeros] == 0)
            zeros++;
        n -= zeros;
        if (n < 7 || n > 16)
            return REFUSED;
        const unsigned char *d = digits + zeros;
        if (!self->phone_codes[d[0]] && !self->phone_codes[10 + number_of_digits(d, 2)]
            && !self->phone_codes[110 + number_of_digits(d, 3)])
            return REFUSED;
    }
    return NO_OPINION;
}

/* payment._issued */
static int issued(const unsigned char *d, size_t n)
{
    int one = d[0], two = number_of_digits(d, 2), three = number_of_digits(d, 3), four = number_of_digits(d, 4);
    return (one == 4 && (n == 13 || n == 16 || n == 19)) || (51 <= two && two <= 55 && n == 16)
           || (2221 <= four && four <= 2720 && n == 16) || ((two == 34 || two == 37) && n == 15)
           || (((300 <= three && three <= 305) || two == 36 || two == 38 || two == 39) && 14 <= n && n <= 19)
           || ((four == 6011 || (644 <= three && three <= 649) || two == 62 || two == 65 || two == 81) && 16 <= n && n <= 19)
           || (3528 <= four && four <= 3589 && 16 <= n && n <= 19)
           || ((two == 50 || (56 <= two && two <= 58) || two == 60 || two == 63 || (67 <= two && two <= 69)) && 12 <= n && n <= 19)
           || (2200 <= four && four <= 2204 && 16 <= n && n <= 19);
}

/* payment.card */
static int card(const unsigned char *value, Py_ssize_t length)
{
    unsigned char digits[64];
    size_t n = digits_of(value, length, digits, sizeof digits);
    if (n < 4 || n > sizeof digits)
        return ASK;
    if (all_same(digits, n))
        return REFUSED;
    int total = 0;
    for (size_t i = 0; i < n; i++) {
        int d = digits[n - 1 - i];
        total += i % 2 ? (d > 4 ? 2 * d - 9 : 2 * d) : d;
    }
    if (total % 10 != 0)
        return digits[0] >= 3 && digits[0] <= 6 && n >= 13 && n <= 19 ? NO_OPINION : REFUSED;
    return issued(digits, n) ? ACCEPTED : NO_OPINION;
}

/* network._is_like_section: small numbers, and neither a private address nor an example of one. */
static int like_section(const int *numbers)
{
    int equal = 1, rising = 1;
    for (int i = 0; i < 4; i++) {
        if (numbers[i] < 1 || numbers[i] > SECTION_MAX)
            return 0;
        if (i) {
            equal &= numbers[i] == numbers[i - 1];
            rising &= numbers[i] == numbers[i - 1] + 1;
        }
    }
    int resolver = numbers[0] == 8 && numbers[1] == 8 && numbers[2] == 4 && numbers[3] == 4;
    int falling = numbers[0] == 4 && numbers[1] == 3 && numbers[2] == 2 && numbers[3] == 1;
    return numbers[0] != 10 && !equal && !rising && !resolver && !falling;
}

/* network.ipv4, and network.ipv4_like_section where *section* */
static int ipv4(const unsigned char *value, Py_ssize_t length, int section)
{
    int numbers[4], count = 0;
    for (Py_ssize_t i = 0; i < length;) {
        int number = 0;
        Py_ssize_t start = i;
        for (; i < length && value[i] != '.'; i++) {
            if (value[i] < '0' || value[i] > '9' || i - start > 3)
                return ASK;
            number = 10 * number + value[i] - '0';
        }
        if (i == start || count == 4)
            return ASK;
        if (number > 255 || (i - start > 1 && value[start] == '0'))
            return REFUSED;
        numbers[count++] = number;
        i++;
    }
    if (count != 4)
        return ASK;
    return like_section(numbers) == section ? NO_OPINION : REFUSED;
}

/* The digits of a number as checks.bare leaves them; the count, or -1 where something else stands between. */
static int bare_digits(const unsigned char *value, Py_ssize_t length, unsigned char *d, int most)
{
    int n = 0;
    for (Py_ssize_t i = 0; i < length; i++) {
        if (value[i] >= '0' && value[i] <= '9') {
            if (n < most)
                d[n] = value[i] - '0';
            n++;
        } else if (value[i] == 0 || strchr(" -./()+\t", value[i]) == NULL) {
            return -1;
        }
    }
    return n;
}

/* ids_us.ssn, ssn_unissued, itin: nine digits, with what checks.bare takes away between them. */
static int social(const unsigned char *value, Py_ssize_t length, int which)
{
    unsigned char d[9];
    int n = bare_digits(value, length, d, 9);
    if (n < 0)
        return ASK;
    if (n != 9)
        return REFUSED;
    int area = number_of_digits(d, 3), group = number_of_digits(d + 3, 2), serial = number_of_digits(d + 5, 4);
    int taxpayer = d[0] == 9 && ((50 <= group && group <= 65) || (70 <= group && group <= 88) || (90 <= group && group <= 92) || (94 <= group && group <= 99));
    int printed = (area == 78 && group == 5 && serial == 1120) || (area == 219 && group == 9 && serial == 9999);
    int could = 0;
    switch (which) {
    case CHECK_SSN: could = area != 0 && area != 666 && d[0] != 9 && group != 0 && serial != 0 && !printed && !all_same(d, 9); break;
    case CHECK_SSN_UNISSUED: could = d[0] == 9 && !all_same(d, 9) && !taxpayer; break;
    default: could = taxpayer; break;
    }
    return could ? NO_OPINION : REFUSED;
}

/* ids_south_asia.aadhaar */
static int aadhaar(const Scanner *self, const unsigned char *value, Py_ssize_t length)
{
    unsigned char d[12];
    int n = bare_digits(value, length, d, 12), state = 0, same = 1;
    if (n < 0)
        return ASK;
    if (n != 12 || d[0] < 2)
        return REFUSED;
    for (int i = 0; i < 6; i++)
        same = same && d[i] == d[11 - i];
    if (same)
        return REFUSED;
    for (int i = 0; i < 12; i++)
        state = self->verhoeff[100 * (i % 8) + 10 * state + d[11 - i]];
    return state == 0 ? ACCEPTED : REFUSED;
}

static int is_day(int year, int month, int day)
{
    static const unsigned char days[] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (month < 1 || month > 12 || day < 1)
        return 0;
    return day <= days[month] + (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
}

/* ids_asia.id_nik */
static int nik(const unsigned char *value, Py_ssize_t length)
{
    unsigned char d[16];
    int n = bare_digits(value, length, d, 16);
    if (n < 0)
        return ASK;
    if (n != 16)
        return REFUSED;
    int province = number_of_digits(d, 2), day = number_of_digits(d + 6, 2), month = number_of_digits(d + 8, 2);
    int year = number_of_digits(d + 10, 2);
    if (province < 11 || province > 96 || number_of_digits(d + 12, 4) == 0 || number_of_digits(d + 2, 2) == 0)
        return REFUSED;
    day -= day > 40 ? 40 : 0;
    return is_day(2000 + year, month, day) || is_day(1900 + year, month, day) ? NO_OPINION : REFUSED;
}

int check(const Scanner *self, int which, const unsigned char *value, Py_ssize_t length)
{
    switch (which) {
    case CHECK_PHONE: return phone(self, value, length);
    case CHECK_CARD: return card(value, length);
    case CHECK_IPV4: return ipv4(value, length, 0);
    case CHECK_SECTION: return ipv4(value, length, 1);
    case CHECK_SSN:
    case CHECK_SSN_UNISSUED:
    case CHECK_ITIN: return social(value, length, which);
    case CHECK_AADHAAR: return aadhaar(self, value, length);
    case CHECK_NIK: return nik(value, length);
    default: return check_secret(self, which, value, length);
    }
}
