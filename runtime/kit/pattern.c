/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts taken apart by a regular expression, whose named groups are the fields. `%{NAME:field}` in it stands for a
 * pattern of the list below, as a group of that name; it is written out before PCRE2 sees it.
 */
#include <squall-kit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/regex.h"

enum { EXPANDED_MAX = 16384 };

static const struct {
        const char *name, *pattern;
} named[] = {
        {"WORD", "\\b\\w+\\b"},
        {"NOTSPACE", "\\S+"},
        {"SPACE", "\\s*"},
        {"DATA", ".*?"},
        {"GREEDYDATA", ".*"},
        {"INT", "[+-]?\\d+"},
        {"NUMBER", "[+-]?(?:\\d+(?:\\.\\d+)?|\\.\\d+)(?:[eE][+-]?\\d+)?"},
        {"HEX", "(?:0[xX])?[0-9a-fA-F]+"},
        {"QUOTED", "\"(?:[^\"\\\\]|\\\\.)*\"|'(?:[^'\\\\]|\\\\.)*'"},
        {"UUID", "[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}"},
        {"IPV4", "(?:(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)\\.){3}(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)"},
        {"IPV6", "[0-9A-Fa-f]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f.]*"},
        {"IP",
         "(?:(?:(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)\\.){3}(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)|[0-9A-Fa-f]*:[0-9A-Fa-f:.]+)"},
        {"HOSTNAME", "[0-9A-Za-z][0-9A-Za-z-]*(?:\\.[0-9A-Za-z][0-9A-Za-z-]*)*\\.?"},
        {"USER", "[a-zA-Z0-9._-]+"},
        {"EMAIL", "[^\\s@]+@[^\\s@]+"},
        {"PATH", "/[^\\s?#\"]*"},
        {"URI", "[a-zA-Z][a-zA-Z0-9+.-]*:[^\\s\"]+"},
        {"ISO8601", "\\d{4}-\\d\\d-\\d\\d[T ]\\d\\d:\\d\\d:\\d\\d(?:[.,]\\d+)?(?:Z|[+-]\\d\\d:?\\d\\d)?"},
        {"HTTPDATE", "\\d\\d/[A-Z][a-z]{2}/\\d{4}:\\d\\d:\\d\\d:\\d\\d [+-]\\d{4}"},
        {"SYSLOGDATE", "[A-Z][a-z]{2} +\\d{1,2} \\d\\d:\\d\\d:\\d\\d"},
        {"LEVEL",
         "(?i:trace|debug|info|notice|warn(?:ing)?|err(?:or)?|crit(?:ical)?|alert|fatal|emerg(?:ency)?|panic)"},
};

static const char *
pattern_of(struct sq_str name)
{
        for (size_t i = 0; i < sizeof(named) / sizeof(*named); i++)
                if (sq_str_is(name, named[i].name))
                        return named[i].pattern;
        return NULL;
}

/* Writes `%{NAME:field}` out. Returns the bytes written, as snprintf(); negative: what is wrong stands in `wrong`. */
static int
expand_one(const char *at, size_t len, char *to, size_t size, char *wrong, size_t wrong_size)
{
        const char *colon = memchr(at, ':', len);
        struct sq_str name = {at, colon ? (size_t)(colon - at) : len};
        const char *pattern = pattern_of(name);

        if (!pattern) {
                snprintf(wrong, wrong_size,
                         "no pattern `%.*s` (there are NUMBER, INT, WORD, NOTSPACE, DATA, GREEDYDATA, IP, "
                         "HTTPDATE, ISO8601, LEVEL, ...)",
                         (int)name.len, name.ptr);
                return -1;
        }
        if (!colon)
                return snprintf(to, size, "(?:%s)", pattern);
        return snprintf(to, size, "(?<%.*s>%s)", (int)(at + len - colon - 1), colon + 1, pattern);
}

static bool
expand(const char *text, char *to, size_t size, char *wrong, size_t wrong_size)
{
        const char *end;
        size_t n = 0;
        int written;

        while (*text && n + 1 < size) {
                end = text[0] == '%' && text[1] == '{' ? strchr(text, '}') : NULL;
                if (!end) {
                        to[n++] = *text++;
                        continue;
                }
                written = expand_one(text + 2, (size_t)(end - text) - 2, to + n, size - n, wrong, wrong_size);
                if (written < 0)
                        return false;
                n += (size_t)written;
                text = end + 1;
        }
        if (*text || n + 1 >= size) {
                snprintf(wrong, wrong_size, "the pattern is too long");
                return false;
        }
        to[n] = '\0';
        return true;
}

/* The conversion of the field `name`: a text that may be null, unless `types` says another. */
static const char *
conversion_of(const struct sq_pattern *pattern, const char *name, struct sq_conversion *ret)
{
        *ret = (struct sq_conversion){.type = SQ_STR, .nullable = true};
        for (size_t i = 0; i < pattern->types.n; i++)
                if (strcmp(pattern->types.names[i], name) == 0)
                        return sq_conversion_read(pattern->types.values[i], ret);
        return NULL;
}

static bool
find_fields(struct sq_pattern *pattern, char *wrong, size_t size)
{
        const char *name, *cause;

        for (unsigned group = 1; group <= sqi_regex_ngroups(pattern->regex); group++) {
                name = sqi_regex_name(pattern->regex, group);
                if (!name)
                        continue;
                if (pattern->n == SQ_FIELDS_MAX || group > UINT8_MAX) {
                        snprintf(wrong, size, "more groups than a tuple can have fields");
                        return false;
                }
                cause = conversion_of(pattern, name, &pattern->conversions[pattern->n]);
                if (cause) {
                        snprintf(wrong, size, "the type of `%s`: %s", name, cause);
                        return false;
                }
                pattern->groups[pattern->n] = (uint8_t)group;
                pattern->names[pattern->n++] = name;
        }
        if (pattern->n == 0)
                snprintf(wrong, size, "it has no named group, such as (?<name>[a-z]+) or %%{WORD:name}");
        return pattern->n > 0;
}

static bool
types_have_fields(const struct sq_pattern *pattern, char *wrong, size_t size)
{
        unsigned f;

        for (size_t i = 0; i < pattern->types.n; i++) {
                for (f = 0; f < pattern->n && strcmp(pattern->names[f], pattern->types.names[i]) != 0;)
                        f++;
                if (f == pattern->n) {
                        snprintf(wrong, size, "`types` has `%s`, which is not a named group", pattern->types.names[i]);
                        return false;
                }
        }
        return true;
}

static bool
compile(struct sq_pattern *pattern, const char *text, char *wrong, size_t size)
{
        char *expanded = malloc(EXPANDED_MAX);

        pattern->n = 0;
        pattern->regex = NULL;
        if (!expanded)
                snprintf(wrong, size, "out of memory");
        else if (expand(text, expanded, EXPANDED_MAX, wrong, size))
                pattern->regex = sqi_regex_new((struct sq_str){expanded, strlen(expanded)}, wrong, size);
        free(expanded);
        return pattern->regex && find_fields(pattern, wrong, size) && types_have_fields(pattern, wrong, size);
}

void
sq_pattern_declare(const struct sq_pattern *pattern, const char *text, struct sq_declaration *decl, const char *option)
{
        struct sq_pattern copy = *pattern;
        char wrong[256];

        sq_parsing_declare(&copy.parsing, decl);
        if (!compile(&copy, text, wrong, sizeof(wrong)))
                sq_declare_error(decl, option, "%s", wrong);
        for (unsigned i = 0; i < copy.n; i++)
                sq_declare_out(decl, 0, copy.names[i], copy.conversions[i].type);
        sq_pattern_free(&copy);
}

int
sq_pattern_prepare(struct sq_task *task, struct sq_pattern *pattern, const char *text)
{
        char wrong[256];

        return compile(pattern, text, wrong, sizeof(wrong)) ? 0 : sq_error(task, "%s", wrong);
}

static bool
take_groups(struct sq_pattern *pattern, struct sq_str text, char *wrong, size_t size)
{
        struct sq_value *values = sq_parsing_values(&pattern->parsing), value;
        char shown[64];
        struct sq_str part;

        for (unsigned i = 0; i < pattern->n; i++) {
                value = sqi_regex_group(pattern->regex, text, pattern->groups[i], &part) ? sq_str(part) : sq_nil();
                if (sq_convert(&pattern->conversions[i], value, &values[i]))
                        continue;
                sq_json(value, shown, sizeof(shown));
                snprintf(wrong, size, "the field `%s` is %s, not %s", pattern->names[i], shown,
                         sq_type_name(pattern->conversions[i].type));
                return false;
        }
        return true;
}

enum sq_verdict
sq_pattern_execute(struct sq_task *task, struct sq_pattern *pattern, const struct sq_tuple *in)
{
        struct sq_str text;
        char wrong[256];
        int matches;

        if (!sq_parsing_text(in, &text))
                return sq_parsing_refuse(task, &pattern->parsing, in, "not a text");
        matches = sqi_regex_match(pattern->regex, text);
        if (matches <= 0)
                return sq_parsing_refuse(task, &pattern->parsing, in,
                                         matches ? sqi_regex_error(matches) : "it does not match the pattern");
        if (!take_groups(pattern, text, wrong, sizeof(wrong)))
                return sq_parsing_refuse(task, &pattern->parsing, in, wrong);
        return sq_parsing_emit(task, &pattern->parsing, in, pattern->n);
}

void
sq_pattern_free(struct sq_pattern *pattern)
{
        sqi_regex_free(pattern->regex);
        pattern->regex = NULL;
}
