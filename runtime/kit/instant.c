/* SPDX-License-Identifier: Apache-2.0 */
/* Points in time and spans: dates as base/date.h has them, and numbers since 1970. */
#include "kit/instant.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/date.h"

enum { NS = 1000000000 };

static const struct {
        const char *name;
        int64_t per_second;
} units[] = {{"unix", 1}, {"unix_ms", 1000}, {"unix_us", 1000000}, {"unix_ns", NS}};

const char *
sqi_instant_check(struct sq_str format)
{
        for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
                if (sq_str_is(format, units[i].name))
                        return NULL;
        if (sqi_date_check(format) && (format.len == 0 || !memchr(format.ptr, '%', format.len)))
                return "a format of times is iso8601, unix, unix_ms, unix_us, unix_ns, or has % in it, as '%d/%b/%Y'";
        return sqi_date_check(format);
}

static bool
read_unix(struct sq_str text, int64_t per_second, struct sq_time *ret)
{
        struct sq_value number;
        int64_t rest, whole;

        if (!sq_read_number(text, &number) || number.type == SQ_UINT)
                return false;
        if (number.type == SQ_FLOAT) {
                double seconds = number.as.f / (double)per_second;
                if (!(seconds > -1e15 && seconds < 1e15))
                        return false;
                whole = (int64_t)seconds - ((double)(int64_t)seconds > seconds);
                *ret = (struct sq_time){whole, (uint32_t)((seconds - (double)whole) * NS)};
                return true;
        }
        whole = number.as.i / per_second;
        rest = number.as.i % per_second;
        whole -= rest < 0;
        rest += rest < 0 ? per_second : 0;
        *ret = (struct sq_time){whole, (uint32_t)(rest * (NS / per_second))};
        return true;
}

bool
sqi_instant_read(struct sq_str text, struct sq_str format, int year, struct sq_time *ret)
{
        for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
                if (sq_str_is(format, units[i].name))
                        return read_unix(text, units[i].per_second, ret);
        return sqi_date_read(text, format, year, ret);
}

/* As snprintf(). In two halves where it is more than 64 bits. */
static size_t
write_wide(__int128 value, char *buffer, size_t size)
{
        const int64_t half = 1000000000000000000;
        long long high = (long long)(value / half), low = (long long)(value % half);

        if (high == 0)
                return (size_t)snprintf(buffer, size, "%lld", low);
        return (size_t)snprintf(buffer, size, "%lld%018lld", high, low < 0 ? -low : low);
}

size_t
sqi_instant_write(struct sq_time time, struct sq_str format, char *buffer, size_t size)
{
        for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
                if (sq_str_is(format, units[i].name)) {
                        __int128 value = (__int128)time.sec * units[i].per_second +
                                         time.nsec / (NS / units[i].per_second);
                        return write_wide(value, buffer, size);
                }
        return sqi_date_write(time, format, buffer, size);
}

/* ---- Spans ------------------------------------------------------------------------------------------- */

int
sqi_span_read(struct sq_value value, int64_t *ret_ns)
{
        static const struct {
                const char *unit;
                int64_t ns;
        } spans[] = {{"ns", 1},        {"us", 1000},       {"ms", 1000000},     {"s", NS},
                     {"m", 60LL * NS}, {"h", 3600LL * NS}, {"d", 86400LL * NS}, {"w", 604800LL * NS}};
        struct sq_str text = {value.as.ptr, value.len}, unit;
        int64_t scale = NS;
        struct sq_value number = value;
        double ns;

        if (value.type == SQ_STR) {
                for (unit = text; unit.len && (strchr("0123456789.-+", *unit.ptr) && *unit.ptr); unit.ptr++)
                        unit.len--;
                text.len -= unit.len;
                for (size_t i = 0; i < sizeof(spans) / sizeof(*spans); i++)
                        if (sq_str_is(unit, spans[i].unit)) {
                                scale = spans[i].ns;
                                unit.len = 0;
                        }
                if (unit.len || !sq_read_number(text, &number))
                        return -EINVAL;
        }
        if (number.type == SQ_INT)
                return __builtin_mul_overflow(number.as.i, scale, ret_ns) ? -ERANGE : 0;
        ns = number.type == SQ_FLOAT ? number.as.f * (double)scale : 1e300;
        if (!(ns > -9.2e18 && ns < 9.2e18))
                return -ERANGE;
        *ret_ns = (int64_t)ns;
        return 0;
}
