/* SPDX-License-Identifier: Apache-2.0 */
/* Points in time, read and written by formats. Nothing here asks for the machine's zone or locale. */
#include "base/date.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { NS = 1000000000 };

static const char *const months[] = {"January", "February", "March",     "April",   "May",      "June",
                                     "July",    "August",   "September", "October", "November", "December"};
static const char *const days[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};

/* A time as its parts. */
struct parts {
        int year, month, day, hour, minute, second, offset; /* offset: seconds east */
        int yday;                                           /* from 1; 0: by month and day */
        int half;                                           /* 1: AM, 2: PM */
        uint32_t nsec;
        bool is_unix;
        int64_t seconds;
};

struct cursor {
        const char *at, *end;
};

static const char *
expand(char directive)
{
        switch (directive) {
        case 'T':
                return "%H:%M:%S";
        case 'D':
                return "%m/%d/%y";
        case 'F':
                return "%Y-%m-%d";
        case 'R':
                return "%H:%M";
        default:
                return NULL;
        }
}

static bool
is_iso(struct sq_str format)
{
        return format.len == 7 && memcmp(format.ptr, "iso8601", 7) == 0;
}

const char *
sqi_date_check(struct sq_str format)
{
        if (is_iso(format))
                return NULL;
        if (format.len == 0 || !memchr(format.ptr, '%', format.len))
                return "a format of dates is iso8601, or has % in it, as '%d/%b/%Y'";
        for (size_t i = 0; i < format.len; i++)
                if (format.ptr[i] == '%' &&
                    (i + 1 == format.len || !strchr("YmdeHMSyjbBaAfzTDFRspI%", format.ptr[++i]) || !format.ptr[i]))
                        return "a format of times has one of Y m d e H M S y j b B a A f z T D F R s p I % behind each %";
        return NULL;
}

/* ---- Reading ----------------------------------------------------------------------------------------- */

static bool
read_digits(struct cursor *in, unsigned least, unsigned most, int *ret)
{
        unsigned n = 0;

        for (*ret = 0; n < most && in->at < in->end && *in->at >= '0' && *in->at <= '9'; n++)
                *ret = *ret * 10 + (*in->at++ - '0');
        return n >= least;
}

static bool
read_name(struct cursor *in, const char *const *names, int n, int *ret)
{
        size_t left = (size_t)(in->end - in->at), len;

        for (int i = 0; i < n; i++) {
                len = strlen(names[i]);
                if (left >= len && strncasecmp(in->at, names[i], len) == 0)
                        in->at += len;
                else if (left >= 3 && strncasecmp(in->at, names[i], 3) == 0)
                        in->at += 3;
                else
                        continue;
                *ret = i;
                return true;
        }
        return false;
}

static bool
read_fraction(struct cursor *in, uint32_t *ret)
{
        uint32_t scale = NS;
        const char *start = in->at;

        for (*ret = 0; in->at < in->end && *in->at >= '0' && *in->at <= '9'; in->at++)
                *ret += (scale /= 10) * (uint32_t)(*in->at - '0');
        return in->at > start;
}

static bool
read_zone(struct cursor *in, int *ret)
{
        int hours, minutes = 0, sign;

        if (in->at == in->end)
                return false;
        if (*in->at == 'Z' || *in->at == 'z') {
                in->at++;
                *ret = 0;
                return true;
        }
        sign = *in->at == '-' ? -1 : *in->at == '+' ? 1 : 0;
        in->at++;
        if (sign == 0 || !read_digits(in, 2, 2, &hours))
                return false;
        if (in->at < in->end && *in->at == ':')
                in->at++;
        if (in->at < in->end && *in->at >= '0' && *in->at <= '9' && !read_digits(in, 2, 2, &minutes))
                return false;
        *ret = sign * (hours * 3600 + minutes * 60);
        return hours < 24 && minutes < 60;
}

/* At most 18 digits, which is longer than the world will be. */
static bool
read_seconds(struct cursor *in, struct parts *parts)
{
        bool negative = in->at < in->end && *in->at == '-';
        const char *start = in->at += negative;
        int64_t seconds = 0;

        for (; in->at < in->end && *in->at >= '0' && *in->at <= '9' && in->at - start < 18; in->at++)
                seconds = seconds * 10 + (*in->at - '0');
        parts->is_unix = true;
        parts->seconds = negative ? -seconds : seconds;
        return in->at > start;
}

static bool read_parts(struct cursor *in, struct sq_str format, struct parts *parts);

static bool
read_half(struct cursor *in, struct parts *parts)
{
        static const char *const halves[] = {"AM", "PM"};
        size_t left = (size_t)(in->end - in->at);

        for (int i = 0; i < 2; i++)
                if (left >= 2 && strncasecmp(in->at, halves[i], 2) == 0) {
                        in->at += 2;
                        parts->half = i + 1;
                        return true;
                }
        return false;
}

static bool
read_directive(struct cursor *in, char directive, struct parts *parts)
{
        const char *expanded = expand(directive);
        int unused;

        if (expanded)
                return read_parts(in, (struct sq_str){expanded, strlen(expanded)}, parts);
        switch (directive) {
        case 'Y':
                return read_digits(in, 4, 4, &parts->year);
        case 'y':
                if (!read_digits(in, 2, 2, &parts->year))
                        return false;
                parts->year += parts->year < 69 ? 2000 : 1900;
                return true;
        case 'm':
                return read_digits(in, 1, 2, &parts->month);
        case 'e':
                while (in->at < in->end && *in->at == ' ')
                        in->at++;
                return read_digits(in, 1, 2, &parts->day);
        case 'd':
                return read_digits(in, 1, 2, &parts->day);
        case 'H':
        case 'I':
                return read_digits(in, 1, 2, &parts->hour);
        case 'M':
                return read_digits(in, 1, 2, &parts->minute);
        case 'S':
                return read_digits(in, 1, 2, &parts->second);
        case 'j':
                return read_digits(in, 1, 3, &parts->yday);
        case 'b':
        case 'B':
                if (!read_name(in, months, 12, &parts->month))
                        return false;
                parts->month++;
                return true;
        case 'a':
        case 'A':
                return read_name(in, days, 7, &unused);
        case 'f':
                return read_fraction(in, &parts->nsec);
        case 'z':
                return read_zone(in, &parts->offset);
        case 's':
                return read_seconds(in, parts);
        case 'p':
                return read_half(in, parts);
        default:
                return in->at < in->end && *in->at++ == directive;
        }
}

static bool
read_parts(struct cursor *in, struct sq_str format, struct parts *parts)
{
        for (size_t i = 0; i < format.len; i++) {
                char c = format.ptr[i];
                if (c == ' ') {
                        if (in->at == in->end || *in->at != ' ')
                                return false;
                        while (in->at < in->end && *in->at == ' ')
                                in->at++;
                } else if (c == '%' && i + 1 < format.len) {
                        if (!read_directive(in, format.ptr[++i], parts))
                                return false;
                } else if (in->at == in->end || *in->at++ != c)
                        return false;
        }
        return true;
}

static bool
is_leap(int year)
{
        return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int
days_of(int year, int month)
{
        static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

        return lengths[month - 1] + (month == 2 && is_leap(year));
}

/* From 1970-01-01 to the first of the month, in years that begin in March (H. Hinnant, days_from_civil). */
static int64_t
days_before(int year, int month)
{
        int64_t years = year - (month <= 2), era = (years >= 0 ? years : years - 399) / 400, of_era = years - era * 400;
        int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5;

        return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* A leap second is the second behind it. */
static bool
join(struct parts *parts, struct sq_time *ret)
{
        int64_t day;

        if (parts->is_unix) {
                *ret = (struct sq_time){parts->seconds, parts->nsec};
                return true;
        }
        if (parts->half) {
                if (parts->hour < 1 || parts->hour > 12)
                        return false;
                parts->hour = parts->hour % 12 + (parts->half == 2 ? 12 : 0);
        }
        if (parts->month < 1 || parts->month > 12 || parts->day < 1 ||
            parts->day > days_of(parts->year, parts->month) || parts->hour > 23 || parts->minute > 59 ||
            parts->second > 60 || parts->yday > 365 + is_leap(parts->year))
                return false;
        day = parts->yday ? days_before(parts->year, 1) + parts->yday - 1
                          : days_before(parts->year, parts->month) + parts->day - 1;
        *ret = (struct sq_time){day * 86400 + parts->hour * 3600 + parts->minute * 60 + parts->second - parts->offset,
                                parts->nsec};
        return true;
}

/* The seconds, or nothing of them. */
static bool
read_seconds_of_iso(struct cursor *in, struct parts *parts)
{
        if (in->at == in->end || *in->at != ':')
                return true;
        if (!read_parts(in, (struct sq_str){":%S", 3}, parts))
                return false;
        if (in->at == in->end || (*in->at != '.' && *in->at != ','))
                return true;
        in->at++;
        return read_fraction(in, &parts->nsec);
}

static bool
read_iso(struct cursor *in, struct parts *parts)
{
        if (!read_parts(in, (struct sq_str){"%Y-%m-%d", 8}, parts))
                return false;
        if (in->at == in->end)
                return true;
        if (*in->at != 'T' && *in->at != 't' && *in->at != ' ')
                return false;
        in->at++;
        if (!read_parts(in, (struct sq_str){"%H:%M", 5}, parts) || !read_seconds_of_iso(in, parts))
                return false;
        if (in->at == in->end)
                return true;
        in->at += *in->at == ' ';
        return read_zone(in, &parts->offset);
}

bool
sqi_date_read(struct sq_str text, struct sq_str format, int year, struct sq_time *ret)
{
        struct cursor in = {text.ptr, text.ptr + text.len};
        struct parts parts = {.year = year, .month = 1, .day = 1};
        bool read = is_iso(format) ? read_iso(&in, &parts) : read_parts(&in, format, &parts);

        return read && in.at == in.end && join(&parts, ret);
}

/* ---- Writing ----------------------------------------------------------------------------------------- */

struct output {
        char *buffer;
        size_t size, len;
};

static void
put(struct output *out, const char *text, size_t n)
{
        size_t room = out->len + 1 < out->size ? out->size - 1 - out->len : 0;

        if (room > 0)
                memcpy(out->buffer + out->len, text, n < room ? n : room);
        out->len += n;
}

static void
put_text(struct output *out, const char *text)
{
        put(out, text, strlen(text));
}

/* Filled up to `width`, of which a sign is a part. */
static void
put_number(struct output *out, int64_t number, size_t width, char fill)
{
        char digits[24], *at = digits + sizeof(digits);
        const char *const end = at;
        bool negative = number < 0;
        uint64_t left = negative ? -(uint64_t)number : (uint64_t)number;

        do
                *--at = (char)('0' + left % 10);
        while (left /= 10);
        while ((size_t)(end - at) + negative < width)
                *--at = fill;
        if (negative)
                *--at = '-';
        put(out, at, (size_t)(end - at));
}

static void write_parts(struct output *out, struct sq_str format, const struct tm *tm, struct sq_time time);

/* Without zeroes at its end, but for one digit. */
static void
write_fraction(struct output *out, uint32_t nsec)
{
        size_t n = 9;

        for (; n > 1 && nsec % 10 == 0; n--)
                nsec /= 10;
        put_number(out, nsec, n, '0');
}

static void
write_directive(struct output *out, char directive, const struct tm *tm, struct sq_time time)
{
        const char *expanded = expand(directive);

        if (expanded) {
                write_parts(out, (struct sq_str){expanded, strlen(expanded)}, tm, time);
                return;
        }
        switch (directive) {
        case 'Y':
                put_number(out, (int64_t)tm->tm_year + 1900, 4, '0');
                return;
        case 'b':
                put(out, months[tm->tm_mon], 3);
                return;
        case 'B':
                put_text(out, months[tm->tm_mon]);
                return;
        case 'a':
                put(out, days[tm->tm_wday], 3);
                return;
        case 'A':
                put_text(out, days[tm->tm_wday]);
                return;
        case 'f':
                write_fraction(out, time.nsec);
                return;
        case 'z':
                put_text(out, "+0000");
                return;
        case 's':
                put_number(out, time.sec, 1, '0');
                return;
        case 'p':
                put_text(out, tm->tm_hour < 12 ? "AM" : "PM");
                return;
        case 'e':
                put_number(out, tm->tm_mday, 2, ' ');
                return;
        case 'j':
                put_number(out, tm->tm_yday + 1, 3, '0');
                return;
        case '%':
                put(out, "%", 1);
                return;
        default:
                put_number(out,
                           directive == 'm'   ? tm->tm_mon + 1
                           : directive == 'd' ? tm->tm_mday
                           : directive == 'H' ? tm->tm_hour
                           : directive == 'I' ? (tm->tm_hour + 11) % 12 + 1
                           : directive == 'M' ? tm->tm_min
                           : directive == 'S' ? tm->tm_sec
                                              : (tm->tm_year % 100 + 100) % 100,
                           2, '0');
        }
}

static void
write_parts(struct output *out, struct sq_str format, const struct tm *tm, struct sq_time time)
{
        for (size_t i = 0; i < format.len; i++)
                if (format.ptr[i] == '%' && i + 1 < format.len)
                        write_directive(out, format.ptr[++i], tm, time);
                else
                        put(out, format.ptr + i, 1);
}

size_t
sqi_date_write(struct sq_time time, struct sq_str format, char *buffer, size_t size)
{
        struct output out = {buffer, size, 0};
        time_t seconds = time.sec;
        struct tm tm;

        if (gmtime_r(&seconds, &tm)) {
                if (!is_iso(format))
                        write_parts(&out, format, &tm, time);
                else if (time.nsec)
                        write_parts(&out, (struct sq_str){"%FT%T.%fZ", 9}, &tm, time);
                else
                        write_parts(&out, (struct sq_str){"%FT%TZ", 6}, &tm, time);
        }
        if (size)
                buffer[out.len < size ? out.len : size - 1] = '\0';
        return out.len;
}
