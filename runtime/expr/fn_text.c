/* SPDX-License-Identifier: Apache-2.0 */
/* Functions of texts. What they return is a view into their arguments where it can be. */
#include <locale.h>
#include <string.h>
#include <wctype.h>

#include "base/plain.h"
#include "expr/expr.h"
#include "expr/text.h"
#include "kit/regex.h"
#include "kit/utf8.h"

/* A letter of two bytes may become one of three. */
enum { GROWTH = 2 };

/* Eight bytes of ASCII. A byte is below 0x80, so no sum carries into the next one. */
static inline uint64_t
map_word(uint64_t word, unsigned char first)
{
        uint64_t from = word + SQI_BYTES(0x80 - first), behind = word + SQI_BYTES(0x80 - first - 26);

        return word ^ (from & ~behind & SQI_BYTES(0x80)) >> 2;
}

/* ASCII, of which the 26 letters from `first` on are the others. Returns where that ends. */
static const char *
map_plain(const char *at, const char *end, unsigned char first, char **to)
{
        char *out = *to;
        uint64_t word;

        for (; end - at >= (ptrdiff_t)sizeof(word); at += sizeof(word), out += sizeof(word)) {
                memcpy(&word, at, sizeof(word));
                if (word & SQI_BYTES(0x80))
                        break;
                word = map_word(word, first);
                memcpy(out, &word, sizeof(word));
        }
        for (; at < end && (unsigned char)*at < 0x80; at++) {
                bool other = (unsigned char)((unsigned char)*at - first) < 26;

                *out++ = (char)(*at ^ (other << 5));
        }
        *to = out;
        return at;
}

/* Letter by letter as Unicode has it, whatever locale the process is in. What is not UTF-8 stays as it is. `first`: the
 * first letter of ASCII that becomes another. */
static struct sq_value
map_letters(struct sqi_evaluation *run, struct sq_str text, unsigned char first, wint_t (*map)(wint_t, locale_t),
            locale_t letters)
{
        const char *at = text.ptr, *end = text.ptr + text.len, *from;
        char *mapped = sqi_scratch_take(&run->scratch, GROWTH * text.len + 1), *to = mapped;

        if (!mapped)
                return sqi_no_memory(run);
        while ((from = at = map_plain(at, end, first, &to)) < end) {
                int32_t code = sqi_utf8_get(&at, end);

                if (code < 0)
                        *to++ = *from;
                else
                        sqi_utf8_put(&to, (uint32_t)map((wint_t)code, letters));
        }
        return sqi_text_value(mapped, (size_t)(to - mapped));
}

static void
prepare_letters(struct sqi_evaluation *run, struct sqi_node *node)
{
        node->prepared = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
        if (!node->prepared)
                sqi_wrong(run, "this system lacks the locale C.UTF-8, which says what letters there are");
}

static void
forget_letters(void *prepared)
{
        freelocale(prepared);
}

static struct sq_value
call_lower(struct sqi_evaluation *run, const struct sqi_node *node, size_t n, const struct sq_value *args)
{
        (void)n;
        return map_letters(run, sqi_text_of(args[0]), 'A', towlower_l, node->prepared);
}

static struct sq_value
call_upper(struct sqi_evaluation *run, const struct sqi_node *node, size_t n, const struct sq_value *args)
{
        (void)n;
        return map_letters(run, sqi_text_of(args[0]), 'a', towupper_l, node->prepared);
}

static struct sq_value
call_trim(struct sqi_evaluation *run, const struct sqi_node *node, size_t n, const struct sq_value *args)
{
        struct sq_str cut = n > 1 ? sqi_text_of(args[1]) : (struct sq_str){" \t\r\n\v\f", 6};
        struct sq_str text = sqi_text_of(args[0]);

        (void)run;
        (void)node;
        while (text.len > 0 && cut.len > 0 && memchr(cut.ptr, text.ptr[text.len - 1], cut.len))
                text.len--;
        for (; text.len > 0 && cut.len > 0 && memchr(cut.ptr, *text.ptr, cut.len); text.ptr++)
                text.len--;
        return sq_str(text);
}

/* Bytes that go on with a character: those of UTF-8, or what is none counts a byte each. */
static size_t
character(struct sq_str text, size_t at)
{
        size_t n = 1;

        while (at + n < text.len && n < 4 && (text.ptr[at + n] & 0xc0) == 0x80)
                n++;
        return n;
}

static size_t
skip_characters(struct sq_str text, size_t at, int64_t n)
{
        for (; n > 0 && at < text.len; n--)
                at += character(text, at);
        return at;
}

static int64_t
count_characters(struct sq_str text)
{
        int64_t n = 0;

        for (size_t at = 0; at < text.len; at += character(text, at))
                n++;
        return n;
}

static struct sq_value
call_substring(struct sqi_evaluation *run, const struct sqi_node *node, size_t n, const struct sq_value *args)
{
        struct sq_str text = sqi_text_of(args[0]);
        int64_t from = args[1].as.i;
        size_t start, end = text.len;

        (void)run;
        (void)node;
        if (from < 0)
                from = from + count_characters(text) > 0 ? from + count_characters(text) : 0;
        start = skip_characters(text, 0, from);
        if (n > 2)
                end = skip_characters(text, start, args[2].as.i);
        return sqi_text_value(text.ptr + start, end - start);
}

static struct sq_value
call_split(struct sqi_evaluation *run, const struct sqi_node *node, size_t n, const struct sq_value *args)
{
        struct sq_str text = sqi_text_of(args[0]), separator = sqi_text_of(args[1]);
        int64_t most = n > 2 ? args[2].as.i : INT64_MAX, pieces = 1, i = 0;
        const char *at = text.ptr, *end = text.ptr + text.len, *found;
        struct sq_value *items;

        (void)node;
        if (most < 1)
                return sqi_wrong(run, "split() makes one piece at least, and not %lld", (long long)most);
        if (separator.len == 0)
                return sqi_wrong(run, "an empty separator");
        while (pieces < most && (found = sqi_text_find(at, end, separator))) {
                at = found + separator.len;
                pieces++;
        }
        items = sqi_scratch_take(&run->scratch, (size_t)pieces * sizeof(*items));
        if (!items)
                return sqi_no_memory(run);
        for (at = text.ptr; i < pieces - 1; at = found + separator.len) {
                found = sqi_text_find(at, end, separator);
                items[i++] = sqi_text_value(at, (size_t)(found - at));
        }
        items[i] = sqi_text_value(at, (size_t)(end - at));
        return sq_array(items, (size_t)pieces);
}

static struct sq_value
call_replace(struct sqi_evaluation *run, const struct sqi_node *node, size_t n, const struct sq_value *args)
{
        struct sq_str text = sqi_text_of(args[0]), part = sqi_text_of(args[1]);
        const char *at = text.ptr, *end = text.ptr + text.len, *found;
        struct sqi_growing to = {.run = run};

        (void)node;
        (void)n;
        if (part.len == 0)
                return args[0];
        while ((found = sqi_text_find(at, end, part))) {
                sqi_grow(&to, at, (size_t)(found - at));
                sqi_grow(&to, args[2].as.ptr, args[2].len);
                at = found + part.len;
        }
        if (at == text.ptr)
                return args[0];
        sqi_grow(&to, at, (size_t)(end - at));
        return sqi_grown(&to);
}

static struct sq_value
call_concat(struct sqi_evaluation *run, const struct sqi_node *node, size_t n, const struct sq_value *args)
{
        struct sqi_growing to = {.run = run};

        (void)node;
        for (size_t i = 0; i < n; i++)
                if (args[i].type != SQ_NIL)
                        sqi_grow_value(&to, args[i]);
        return sqi_grown(&to);
}

/* A placeholder at `at`: its length, and how many digits behind the point it asks for, or -1; 0: there is none. */
static size_t
placeholder(const char *at, const char *end, int *ret_digits)
{
        *ret_digits = -1;
        if (end - at >= 2 && at[0] == '{' && at[1] == '}')
                return 2;
        if (end - at < 5 || memcmp(at, "{:.", 3) != 0 || at[3] < '0' || at[3] > '9' || at[4] != '}')
                return 0;
        *ret_digits = at[3] - '0';
        return 5;
}

static struct sq_value
call_format(struct sqi_evaluation *run, const struct sqi_node *node, size_t n, const struct sq_value *args)
{
        struct sq_str text = sqi_text_of(args[0]);
        const char *at = text.ptr, *end = at + text.len, *from = at;
        struct sqi_growing to = {.run = run};
        size_t next = 1, len;
        int digits;

        (void)node;
        while (at < end) {
                len = placeholder(at, end, &digits);
                if (len == 0) {
                        at++;
                        continue;
                }
                if (next == n)
                        return sqi_wrong(run, "more {} than values");
                sqi_grow(&to, from, (size_t)(at - from));
                sqi_grow_number(&to, args[next++], digits);
                from = at += len;
        }
        sqi_grow(&to, from, (size_t)(end - from));
        return next < n ? sqi_wrong(run, "more values than {} and {:.0} to {:.9}") : sqi_grown(&to);
}

static struct sq_value
call_starts_with(struct sqi_evaluation *run, const struct sqi_node *node, size_t n, const struct sq_value *args)
{
        struct sq_str text = sqi_text_of(args[0]), part = sqi_text_of(args[1]);

        (void)run;
        (void)node;
        (void)n;
        return sq_bool(part.len <= text.len && memcmp(text.ptr, part.ptr, part.len) == 0);
}

static struct sq_value
call_ends_with(struct sqi_evaluation *run, const struct sqi_node *node, size_t n, const struct sq_value *args)
{
        struct sq_str text = sqi_text_of(args[0]), part = sqi_text_of(args[1]);

        (void)run;
        (void)node;
        (void)n;
        return sq_bool(part.len <= text.len && memcmp(text.ptr + (text.len - part.len), part.ptr, part.len) == 0);
}

static struct sq_value
call_index_of(struct sqi_evaluation *run, const struct sqi_node *node, size_t n, const struct sq_value *args)
{
        struct sq_str text = sqi_text_of(args[0]), part = sqi_text_of(args[1]);
        const char *found = part.len ? sqi_text_find(text.ptr, text.ptr + text.len, part) : text.ptr;

        (void)run;
        (void)node;
        (void)n;
        if (!found)
                return sq_nil();
        return sq_int(count_characters((struct sq_str){text.ptr, (size_t)(found - text.ptr)}));
}

/* ---- Regular expressions ----------------------------------------------------------------------------- */

/* The second argument is the pattern. */
static void
prepare_pattern(struct sqi_evaluation *run, struct sqi_node *node)
{
        const struct sqi_node *pattern = node->args[1];
        char cause[192];

        run->at = pattern->at;
        if (!pattern->is_constant || pattern->value.type != SQ_STR) {
                sqi_wrong(run, "expected a regular expression in quotes");
                return;
        }
        node->prepared = sqi_regex_new(sqi_text_of(pattern->value), cause, sizeof(cause));
        if (!node->prepared)
                sqi_wrong(run, "%s", cause);
}

static void
forget_pattern(void *prepared)
{
        sqi_regex_free(prepared);
}

static bool
matches(struct sqi_evaluation *run, struct sqi_regex *regex, struct sq_str text, size_t from)
{
        int found = sqi_regex_match_from(regex, text, from);

        if (found < 0)
                sqi_wrong(run, "%s", sqi_regex_error(found));
        return found > 0;
}

static struct sq_value
group_value(const struct sqi_regex *regex, struct sq_str text, unsigned group)
{
        struct sq_str part;

        return sqi_regex_group(regex, text, group, &part) ? sq_str(part) : sq_nil();
}

static struct sq_value
call_capture(struct sqi_evaluation *run, const struct sqi_node *node, size_t n, const struct sq_value *args)
{
        struct sqi_regex *regex = node->prepared;
        struct sq_str text = sqi_text_of(args[0]);
        unsigned group = sqi_regex_ngroups(regex) ? 1 : 0;
        char name[64];

        if (n > 2 && args[2].type == SQ_STR) {
                if (args[2].len >= sizeof(name))
                        return sqi_wrong(run, "no group of that name");
                memcpy(name, args[2].as.ptr, args[2].len);
                name[args[2].len] = '\0';
                group = sqi_regex_named(regex, name);
                if (group == 0)
                        return sqi_wrong(run, "no group `%s`", name);
        } else if (n > 2) {
                if (args[2].as.i < 0 || args[2].as.i > sqi_regex_ngroups(regex))
                        return sqi_wrong(run, "there is no group %lld: the pattern has %u", (long long)args[2].as.i,
                                         sqi_regex_ngroups(regex));
                group = (unsigned)args[2].as.i;
        }
        return matches(run, regex, text, 0) ? group_value(regex, text, group) : sq_nil();
}

static struct sq_value
call_captures(struct sqi_evaluation *run, const struct sqi_node *node, size_t n, const struct sq_value *args)
{
        struct sqi_regex *regex = node->prepared;
        struct sq_str text = sqi_text_of(args[0]);
        unsigned ngroups = sqi_regex_ngroups(regex), found = 0;
        struct sq_value *items;

        (void)n;
        if (!matches(run, regex, text, 0))
                return sq_nil();
        items = sqi_scratch_take(&run->scratch, 2 * sizeof(*items) * (ngroups + 1));
        if (!items)
                return sqi_no_memory(run);
        for (unsigned group = 1; group <= ngroups; group++)
                if (sqi_regex_name(regex, group)) {
                        items[2 * found] = sq_text(sqi_regex_name(regex, group));
                        items[2 * found++ + 1] = group_value(regex, text, group);
                }
        return sq_map(items, found);
}

/* `with` where $1 and ${1} stand for groups, $$ for $. */
static void
grow_substituted(struct sqi_growing *to, const struct sqi_regex *regex, struct sq_str text, struct sq_str with)
{
        struct sq_value group;

        for (size_t i = 0; i < with.len; i++) {
                if (with.ptr[i] != '$' || i + 1 == with.len) {
                        sqi_grow(to, with.ptr + i, 1);
                } else if (with.ptr[i + 1] >= '0' && with.ptr[i + 1] <= '9') {
                        group = group_value(regex, text, (unsigned)(with.ptr[++i] - '0'));
                        sqi_grow(to, group.as.ptr, group.type == SQ_NIL ? 0 : group.len);
                } else {
                        i += with.ptr[i + 1] == '$';
                        sqi_grow(to, "$", 1);
                }
        }
}

static struct sq_value
call_replace_matches(struct sqi_evaluation *run, const struct sqi_node *node, size_t n, const struct sq_value *args)
{
        struct sqi_regex *regex = node->prepared;
        struct sq_str text = sqi_text_of(args[0]), all;
        struct sqi_growing to = {.run = run};
        size_t at = 0, from = 0, start, end;

        (void)n;
        while (from <= text.len && matches(run, regex, text, from) && sqi_regex_group(regex, text, 0, &all)) {
                start = (size_t)(all.ptr - text.ptr);
                end = start + all.len;
                sqi_grow(&to, text.ptr + at, start - at);
                grow_substituted(&to, regex, text, sqi_text_of(args[2]));
                at = end;
                from = all.len ? end : end < text.len ? end + character(text, end) : end + 1;
        }
        sqi_grow(&to, text.ptr + at, text.len - at);
        return sqi_grown(&to);
}

const struct sqi_function sqi_text_functions[] = {
        {"lower(text: str) -> str", "Its letters made small, in any script.", "lower('AbC')", "\"abc\"",
         .call = call_lower, .prepare = prepare_letters, .forget = forget_letters},
        {"upper(text: str) -> str",
         "Its letters made large, in any script; what has no large letter of its own, as the German sharp s, stays.",
         "upper('AbC')", "\"ABC\"", .call = call_upper, .prepare = prepare_letters, .forget = forget_letters},
        {"trim(text: str, bytes: str?) -> str", "Without blanks, or those bytes, at its ends.", "trim('  a b ')",
         "\"a b\"", .call = call_trim},
        {"substring(text: str, from: int, length: int?) -> str",
         "The characters from number `from` on, the first being 0; counted from the end where it is negative.",
         "substring('squall', 1, 3)", "\"qua\"", .call = call_substring},
        {"split(text: str, separator: str, most: int?) -> array", "The pieces between separators, at most so many.",
         "split('a,b,c', ',', 2)", "[\"a\",\"b,c\"]", .call = call_split},
        {"replace(text: str, part: str, with: str) -> str", "Each `part` replaced.", "replace('a.b.c', '.', '/')",
         "\"a/b/c\"", .call = call_replace},
        {"replace_matches(text: str, pattern: str, with: str) -> str",
         "Each match of a regular expression replaced; $1 to $9 in `with` are its groups, $0 all of it.",
         "replace_matches('tel 030 1', '([0-9]+)', '<$1>')", "\"tel <030> <1>\"", .call = call_replace_matches,
         .prepare = prepare_pattern, .forget = forget_pattern},
        {"capture(text: str, pattern: str, group: int|str?) -> str",
         "What a group of a regular expression matched, by number or name; the first group, or all where there is none; "
         "null where the text does not match.",
         "capture('GET /cart?id=7', 'id=([0-9]+)')", "\"7\"", .call = call_capture, .prepare = prepare_pattern,
         .forget = forget_pattern},
        {"captures(text: str, pattern: str) -> map",
         "All named groups of a regular expression. Null where the text does not match.",
         "captures('k=v', '(?<key>[a-z]+)=(?<value>[a-z]+)')", "{\"key\":\"k\",\"value\":\"v\"}", .call = call_captures,
         .prepare = prepare_pattern, .forget = forget_pattern},
        {"concat(part: any...) -> str", "All parts as one text, each as `str` has it; null is nothing.",
         "concat('n', 1, null, true)", "\"n1true\"", .call = call_concat},
        {"format(template: str, value: any...) -> str",
         "The template with each `{}` replaced by the next value, as `str` has it, null as null, or `{:.2}` by a number with "
         "two digits.",
         "format('{} took {:.1} ms', '/a', 12.345)", "\"/a took 12.3 ms\"", .call = call_format},
        {"starts_with(text: str, part: str) -> bool", "Whether it begins with `part`.", "starts_with('squall', 'sq')",
         "true", .call = call_starts_with},
        {"ends_with(text: str, part: str) -> bool", "Whether it ends with `part`.", "ends_with('squall', 'all')",
         "true", .call = call_ends_with},
        {"index_of(text: str, part: str) -> int",
         "The number of the character where `part` first stands, from 0; null where it does not.",
         "index_of('squall', 'all')", "3", .call = call_index_of},
        {NULL, NULL, NULL, NULL, NULL, NULL, NULL, false},
};
