/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PCRE2 matches in a bounded number of steps: a pattern that would take longer than MATCH_LIMIT of them on a text fails
 * on that text, and does not hold up the rest.
 */
#include "kit/regex.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef SQI_WITH_LIBPCRE2_8
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum { MATCH_LIMIT = 1000000, STACK_FIRST = 32 << 10, STACK_MOST = 1 << 20 };

struct sqi_regex {
        pcre2_code *code;
        pcre2_match_data *match;
        pcre2_match_context *context;
        pcre2_jit_stack *stack;
};

void
sqi_regex_free(struct sqi_regex *regex)
{
        if (!regex)
                return;
        pcre2_match_data_free(regex->match);
        pcre2_match_context_free(regex->context);
        pcre2_jit_stack_free(regex->stack);
        pcre2_code_free(regex->code);
        free(regex);
}

static bool
is_of_name(char c)
{
        return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_';
}

static bool
make_room(struct sqi_regex *regex)
{
        regex->match = pcre2_match_data_create_from_pattern(regex->code, NULL);
        regex->context = pcre2_match_context_create(NULL);
        if (!regex->match || !regex->context)
                return false;
        pcre2_set_match_limit(regex->context, MATCH_LIMIT);
        /* Where there is no machine code, it is interpreted. */
        if (pcre2_jit_compile(regex->code, PCRE2_JIT_COMPLETE) == 0) {
                regex->stack = pcre2_jit_stack_create(STACK_FIRST, STACK_MOST, NULL);
                if (!regex->stack)
                        return false;
                pcre2_jit_stack_assign(regex->context, NULL, regex->stack);
        }
        return true;
}

/* The name ends in front of that place. */
static void
explain_twice(struct sq_str pattern, size_t at, char *wrong, size_t size)
{
        size_t end = at < pattern.len ? at : pattern.len, begin;

        while (end > 0 && !is_of_name(pattern.ptr[end - 1]))
                end--;
        for (begin = end; begin > 0 && is_of_name(pattern.ptr[begin - 1]);)
                begin--;
        snprintf(wrong, size, "two groups have the name `%.*s` (give one of them another)", (int)(end - begin),
                 pattern.ptr + begin);
}

struct sqi_regex *
sqi_regex_new(struct sq_str pattern, char *wrong, size_t size)
{
        struct sqi_regex *regex = calloc(1, sizeof(*regex));
        PCRE2_UCHAR cause[128];
        PCRE2_SIZE at;
        int r;

        if (!regex) {
                snprintf(wrong, size, "out of memory");
                return NULL;
        }
        regex->code = pcre2_compile((PCRE2_SPTR)pattern.ptr, pattern.len, PCRE2_UTF | PCRE2_MATCH_INVALID_UTF, &r, &at,
                                    NULL);
        if (!regex->code && r == PCRE2_ERROR_DUPLICATE_SUBPATTERN_NAME)
                explain_twice(pattern, at, wrong, size);
        else if (!regex->code) {
                pcre2_get_error_message(r, cause, sizeof(cause));
                snprintf(wrong, size, "not a regular expression: %s, at character %zu of it", (const char *)cause,
                         (size_t)at + 1);
        } else if (make_room(regex))
                return regex;
        else
                snprintf(wrong, size, "out of memory");
        sqi_regex_free(regex);
        return NULL;
}

int
sqi_regex_match_from(struct sqi_regex *regex, struct sq_str text, size_t from)
{
        int r = pcre2_match(regex->code, (PCRE2_SPTR)(text.len ? text.ptr : ""), text.len, from, 0, regex->match,
                            regex->context);

        return r >= 0 ? 1 : r == PCRE2_ERROR_NOMATCH ? 0 : r;
}

const char *
sqi_regex_error(int r)
{
        switch (r) {
        case PCRE2_ERROR_MATCHLIMIT:
        case PCRE2_ERROR_DEPTHLIMIT:
        case PCRE2_ERROR_HEAPLIMIT:
        case PCRE2_ERROR_JIT_STACKLIMIT:
                return "the regular expression takes too long on this text";
        default:
                return "the regular expression cannot be matched with this text";
        }
}

bool
sqi_regex_group(const struct sqi_regex *regex, struct sq_str text, unsigned group, struct sq_str *ret)
{
        const PCRE2_SIZE *places = pcre2_get_ovector_pointer(regex->match);

        if (group >= pcre2_get_ovector_count(regex->match) || places[2 * group] == PCRE2_UNSET ||
            places[2 * group] > places[2 * group + 1])
                return false;
        *ret = (struct sq_str){text.ptr + places[2 * group], places[2 * group + 1] - places[2 * group]};
        return true;
}

unsigned
sqi_regex_ngroups(const struct sqi_regex *regex)
{
        uint32_t n = 0;

        pcre2_pattern_info(regex->code, PCRE2_INFO_CAPTURECOUNT, &n);
        return n;
}

unsigned
sqi_regex_named(const struct sqi_regex *regex, const char *name)
{
        int group = pcre2_substring_number_from_name(regex->code, (PCRE2_SPTR)name);

        return group > 0 ? (unsigned)group : 0;
}

const char *
sqi_regex_name(const struct sqi_regex *regex, unsigned group)
{
        uint32_t n = 0, size = 0;
        PCRE2_SPTR table = NULL;

        pcre2_pattern_info(regex->code, PCRE2_INFO_NAMECOUNT, &n);
        pcre2_pattern_info(regex->code, PCRE2_INFO_NAMEENTRYSIZE, &size);
        pcre2_pattern_info(regex->code, PCRE2_INFO_NAMETABLE, &table);
        for (uint32_t i = 0; i < n; i++, table += size)
                if (((unsigned)table[0] << 8 | table[1]) == group)
                        return (const char *)table + 2;
        return NULL;
}

#else

struct sqi_regex *
sqi_regex_new(struct sq_str pattern, char *wrong, size_t size)
{
        (void)pattern;
        snprintf(wrong, size, "regular expressions need PCRE2, which this Squall was built without");
        return NULL;
}

void
sqi_regex_free(struct sqi_regex *regex)
{
        (void)regex;
}

int
sqi_regex_match_from(struct sqi_regex *regex, struct sq_str text, size_t from)
{
        (void)regex;
        (void)text;
        (void)from;
        return -1;
}

const char *
sqi_regex_error(int r)
{
        (void)r;
        return "regular expressions need PCRE2";
}

bool
sqi_regex_group(const struct sqi_regex *regex, struct sq_str text, unsigned group, struct sq_str *ret)
{
        (void)regex;
        (void)text;
        (void)group;
        (void)ret;
        return false;
}

unsigned
sqi_regex_ngroups(const struct sqi_regex *regex)
{
        (void)regex;
        return 0;
}

unsigned
sqi_regex_named(const struct sqi_regex *regex, const char *name)
{
        (void)regex;
        (void)name;
        return 0;
}

const char *
sqi_regex_name(const struct sqi_regex *regex, unsigned group)
{
        (void)regex;
        (void)group;
        return NULL;
}
#endif

int
sqi_regex_match(struct sqi_regex *regex, struct sq_str text)
{
        return sqi_regex_match_from(regex, text, 0);
}
