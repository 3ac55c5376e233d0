/* SPDX-License-Identifier: Apache-2.0 */
/* Values of records into values of declared types: squall-formats.h has the rule. */
#include <math.h>
#include <squall-kit.h>
#include <string.h>
#include <strings.h>

#include "kit/instant.h"

/* From here on a double may stand for its whole neighbours, too: 2^53 + 1 reads as 2^53. */
#define INEXACT 0x1p53

static const char *
read_format(const char *text, size_t len, bool nullable, struct sq_conversion *ret)
{
        struct sq_str format = {text, len};
        const char *wrong;

        for (; format.len > 0 && *format.ptr == ' '; format.ptr++)
                format.len--;
        if (format.len == 0)
                format = (struct sq_str){"iso8601", 7};
        wrong = sqi_instant_check(format);
        if (!wrong)
                *ret = (struct sq_conversion){SQ_TIME, nullable, format};
        return wrong;
}

const char *
sq_conversion_read(const char *text, struct sq_conversion *ret)
{
        static const enum sq_type types[] = {SQ_STR, SQ_INT, SQ_UINT,  SQ_FLOAT, SQ_BOOL,
                                             SQ_BIN, SQ_ANY, SQ_ARRAY, SQ_MAP};
        size_t len = strlen(text);
        bool nullable = len > 0 && text[len - 1] == '?';

        for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
                if (sq_str_is((struct sq_str){text, len - nullable}, sq_type_name(types[i]))) {
                        *ret = (struct sq_conversion){.type = types[i], .nullable = nullable};
                        return NULL;
                }
        if (strncmp(text, "time", 4) == 0 && (text[4] == ' ' || len - nullable == 4))
                return read_format(text + 4, len - nullable - 4, nullable, ret);
        return "right is str, int, uint, float, bool, bin, any, array, map or time FORMAT, each with ? behind it if it "
               "may be null";
}

static bool
is_empty_text(struct sq_value value)
{
        return value.type == SQ_STR && value.len == 0;
}

/* A whole number, as SQ_INT or SQ_UINT. */
static bool
whole_of(struct sq_value value, struct sq_value *ret)
{
        struct sq_value number;

        if (!sq_number_of(value, &number))
                return false;
        if (number.type == SQ_FLOAT) {
                if (!(fabs(number.as.f) < INEXACT) || number.as.f != floor(number.as.f))
                        return false;
                number = sq_int((int64_t)number.as.f);
        }
        *ret = number;
        return true;
}

static bool
to_int(struct sq_value value, struct sq_value *ret)
{
        struct sq_value number;

        if (!whole_of(value, &number) || (number.type == SQ_UINT && number.as.u > INT64_MAX))
                return false;
        *ret = sq_int(number.as.i);
        return true;
}

static bool
to_uint(struct sq_value value, struct sq_value *ret)
{
        struct sq_value number;

        if (!whole_of(value, &number) || (number.type == SQ_INT && number.as.i < 0))
                return false;
        *ret = sq_uint(number.as.u);
        return true;
}

static bool
to_float(struct sq_value value, struct sq_value *ret)
{
        struct sq_value number;
        double real;

        if (!sq_number_of(value, &number))
                return false;
        real = sq_real_of(number);
        if (!isfinite(real))
                return false;
        *ret = sq_float(real);
        return true;
}

static bool
to_bool(struct sq_value value, struct sq_value *ret)
{
        if (value.type == SQ_BOOL)
                *ret = value;
        else if (value.type == SQ_STR && value.len == 4 && strncasecmp(value.as.ptr, "true", 4) == 0)
                *ret = sq_bool(true);
        else if (value.type == SQ_STR && value.len == 5 && strncasecmp(value.as.ptr, "false", 5) == 0)
                *ret = sq_bool(false);
        else
                return false;
        return true;
}

static bool
to_bin(struct sq_value value, struct sq_value *ret)
{
        if (value.type != SQ_BIN && value.type != SQ_STR)
                return false;
        value.type = SQ_BIN;
        *ret = value;
        return true;
}

static bool
to_time(struct sq_str format, struct sq_value value, struct sq_value *ret)
{
        struct sq_str text = {value.as.ptr, value.len};
        struct sq_time time;
        char number[32];

        if (value.type == SQ_TIME) {
                *ret = value;
                return true;
        }
        if (value.type == SQ_INT || value.type == SQ_UINT || value.type == SQ_FLOAT)
                text = (struct sq_str){number, sq_json(value, number, sizeof(number))};
        else if (value.type != SQ_STR)
                return false;
        if (text.len == 0 || !sqi_instant_read(text, format, 1970, &time))
                return false;
        *ret = sq_time(time);
        return true;
}

static bool
same_type(enum sq_type type, struct sq_value value, struct sq_value *ret)
{
        if (value.type != type)
                return false;
        *ret = value;
        return true;
}

bool
sq_convert(const struct sq_conversion *conversion, struct sq_value value, struct sq_value *ret)
{
        enum sq_type type = conversion->type;
        bool takes_text = type == SQ_ANY || type == SQ_STR || type == SQ_BIN;

        if (conversion->nullable && (value.type == SQ_NIL || (is_empty_text(value) && !takes_text))) {
                *ret = sq_nil();
                return true;
        }
        switch (type) {
        case SQ_ANY:
                *ret = value;
                return true;
        case SQ_INT:
                return to_int(value, ret);
        case SQ_UINT:
                return to_uint(value, ret);
        case SQ_FLOAT:
                return to_float(value, ret);
        case SQ_BOOL:
                return to_bool(value, ret);
        case SQ_BIN:
                return to_bin(value, ret);
        case SQ_TIME:
                return to_time(conversion->format, value, ret);
        default:
                return same_type(type, value, ret);
        }
}
