/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions: by a filter that holds them, and by tables of what comes out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <squall-kit.h>

#include "built.h"
#include "expr/expr.h"
#include "squall-test.h"

/* Whether a filter with the condition passes a tuple of these fields on. */
static bool
passes(const char *fields, const char *where, const char *tuple)
{
        char setup[512], error[512];
        struct sq_rig *rig;
        bool passed;

        assert_in_range(snprintf(setup, sizeof(setup),
                                 "component: filter\ninputs: {in: [%s]}\nproperties:\n  where: >-\n    %s\n", fields,
                                 where),
                        1, sizeof(setup) - 1);
        rig = sq_rig_new(setup, error, sizeof(error));
        if (!rig)
                fail_msg("%s: %s", where, error);
        assert_int_equal(sq_rig_execute(rig, NULL, tuple), SQ_ACK);
        passed = *sq_rig_emitted(rig, NULL);
        sq_rig_free(&rig);
        return passed;
}

struct example {
        const char *where, *tuple;
        bool holds;
};

static void
expect(const char *fields, const struct example *examples, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (passes(fields, examples[i].where, examples[i].tuple) != examples[i].holds)
                        fail_msg("%s: %s: %s", examples[i].where, examples[i].tuple,
                                 examples[i].holds ? "should hold" : "should not hold");
}

static void
compares_numbers_exactly_whatever_their_types(void **unused)
{
        static const struct example examples[] = {
                {"a > 10", "{a: 10}", false},
                {"a >= 10", "{a: 10}", true},
                {"a < 10.5", "{a: 10}", true},
                {"a == 10.0", "{a: 10}", true},
                {"a != 1e1", "{a: 10}", false},
                {"a > 9007199254740992.0", "{a: 9007199254740993}", true},
                {"a == 18446744073709551615", "{a: 18446744073709551615}", true},
                {"a < 0", "{a: 18446744073709551615}", false},
                {"a == 7", "{a: '7'}", true},
                {"a > 9", "{a: '10'}", true},
        };

        (void)unused;
        expect("a", examples, sizeof(examples) / sizeof(*examples));
}

static void
finds_values_of_different_types_unequal_and_neither_less(void **unused)
{
        static const struct example examples[] = {
                {"a == 1", "{a: x}", false},      {"a != 1", "{a: x}", true},       {"a < 1", "{a: x}", false},
                {"a >= 1", "{a: x}", false},      {"a == null", "{a: ~}", true},    {"a == null", "{a: ''}", false},
                {"a == true", "{a: true}", true}, {"a == true", "{a: 'x'}", false}, {"a < 5", "{a: ~}", false},
                {"not a < 5", "{a: ~}", true},
        };

        (void)unused;
        expect("a", examples, sizeof(examples) / sizeof(*examples));
}

static void
binds_not_before_and_before_or(void **unused)
{
        static const struct example examples[] = {
                {"a == 1 or b == 1 and c == 1", "{a: 1, b: 0, c: 0}", true},
                {"(a == 1 or b == 1) and c == 1", "{a: 1, b: 0, c: 0}", false},
                {"not a == 1 and b == 1", "{a: 0, b: 1, c: 0}", true},
                {"not (a == 1 and b == 1)", "{a: 1, b: 1, c: 0}", false},
                {"not not a == 1", "{a: 1, b: 0, c: 0}", true},
                {"true and not false", "{a: 1, b: 0, c: 0}", true},
                {"false or a == 1", "{a: 2, b: 0, c: 0}", false},
        };

        (void)unused;
        expect("a, b, c", examples, sizeof(examples) / sizeof(*examples));
}

static void
looks_into_texts(void **unused)
{
        static const struct example examples[] = {
                {"a matches '^/admin'", "{a: /admin/x}", true},
                {"a matches '^/admin'", "{a: /x/admin}", false},
                {"a matches '[.]png$'", "{a: /a.png}", true},
                {"a contains 'min'", "{a: /admin}", true},
                {"a contains ''", "{a: ''}", true},
                {"a contains 'longer than it'", "{a: it}", false},
                {"a == 'it\\'s'", "{a: \"it's\"}", true},
                {"a == bare", "{a: bare}", true},
                {"`a` == 1", "{a: 1}", true},
                {"a < 'b'", "{a: a}", true},
                {"a < 'a'", "{a: aa}", false},
        };

        (void)unused;
        expect("a", examples, sizeof(examples) / sizeof(*examples));
}

/* ---- Values ------------------------------------------------------------------------------------------ */

struct calculation {
        const char *text, *result; /* as JSON; or what the error has, behind a `!` */
};

/* Over the fields of a record, as JSON; each of them of any type. */
static void
calculate(const char *record, const char *text, char *ret, size_t size)
{
        struct sq_json_reader json = {0};
        struct sq_value object, fields[SQ_FIELDS_MAX], value;
        struct sq_exprs *exprs = sq_exprs_new();
        const struct sq_value *items;
        char name[64];

        assert_true(sq_json_read(&json, (struct sq_str){record, strlen(record)}, &object));
        items = object.as.ptr;
        for (unsigned i = 0; i < object.len; i++) {
                snprintf(name, sizeof(name), "%.*s", (int)items[2 * i].len, (const char *)items[2 * i].as.ptr);
                assert_true(sq_exprs_field(exprs, name, SQ_ANY));
        }
        if (sq_exprs_add(exprs, text) < 0)
                snprintf(ret, size, "!%s", sq_exprs_error(exprs));
        else {
                for (unsigned i = 0; i < sq_exprs_nfields(exprs); i++)
                        fields[i] = sq_member(object, sq_exprs_used(exprs, i).name);
                sq_exprs_begin_values(exprs, fields);
                if (sq_exprs_value(exprs, 0, &value))
                        sq_json(value, ret, size);
                else
                        snprintf(ret, size, "!%s", sq_exprs_error(exprs));
        }
        sq_exprs_free(&exprs);
        sq_json_free(&json);
}

static void
expect_results(const char *record, const struct calculation *calculations, size_t n)
{
        char result[512];

        for (size_t i = 0; i < n; i++) {
                calculate(record, calculations[i].text, result, sizeof(result));
                if (*calculations[i].result == '!' ? !strstr(result, calculations[i].result + 1) || *result != '!'
                                                   : strcmp(result, calculations[i].result) != 0)
                        fail_msg("`%s` is %s, not %s", calculations[i].text, result, calculations[i].result);
        }
}

#define EXPECT(record, ...) \
        do { \
                static const struct calculation calculations[] = {__VA_ARGS__}; \
                expect_results(record, calculations, sizeof(calculations) / sizeof(*calculations)); \
        } while (0)

static void
calculates_exactly_or_fails(void **unused)
{
        (void)unused;
        EXPECT("{\"a\":7,\"b\":2,\"f\":0.5,\"big\":9223372036854775807,\"top\":18446744073709551615,\"min\":-9223372036854775808,"
               "\"t\":\"12\",\"x\":\"x\",\"n\":null,\"huge\":1e308}",
               {"a + b * 3", "13"}, {"(a + b) * 3", "27"}, {"a - b - 1", "4"}, {"-a", "-7"}, {"- -a", "7"},
               {"a / b", "3.5"}, {"a // b", "3"}, {"-a // b", "-4"}, {"-a % b", "1"}, {"a % -b", "-1"},
               {"a + f", "7.5"}, {"a // f", "14.0"}, {"big + 1", "9223372036854775808"},
               {"big + big + 1", "18446744073709551615"}, {"top + 1", "!beyond 64 bits"},
               {"min - 1", "!beyond 64 bits"}, {"-min", "9223372036854775808"}, {"top * top", "!beyond 64 bits"},
               {"min // -1", "9223372036854775808"}, {"top - top", "0"}, {"a / 0", "!division by zero"},
               {"a // (b - 2)", "!division by zero"}, {"a % 0.0", "!division by zero"}, {"huge * 10.0", "!all doubles"},
               {"t + 1", "13"}, {"x + 1", "!arithmetic does not work with \"x\""}, {"n + 1", "null"}, {"-n", "null"},
               {"1e400", "!beyond all doubles"}, {"9223372036854775808", "9223372036854775808"},
               {"0.1 + 0.2 > 0.3", "true"});
}

static void
finds_parts_by_path_and_index(void **unused)
{
        (void)unused;
        EXPECT("{\"user\":{\"id\":7,\"tags\":[\"a\",\"b\"]},\"items\":[{\"price\":2.5},{\"price\":4}],\"user.name\":\"ann\",\"a-b\":1,\"a\":5,"
               "\"b\":2}",
               {"user.id", "7"}, {"items[0].price", "2.5"}, {"items[-1].price", "4"}, {"items[9].price", "null"},
               {"user.tags[1]", "\"b\""}, {"user['id']", "7"}, {"user.nobody.there", "null"}, {"user.name", "\"ann\""},
               {"a-b", "1"}, {"a - b", "3"}, {"`a-b`", "1"}, {"a.x", "!does not work with 5"}, {"user.`id`", "7"},
               {"[1, [2, 3]][1][0]", "2"}, {"{k: a, 'l m': [b]}", "{\"k\":5,\"l m\":[2]}"}, {"{}", "{}"}, {"[]", "[]"},
               {"user.tags == ['a', 'b']", "true"}, {"{x: 1, y: 2} == {y: 2.0, x: 1}", "true"},
               {"[1, 2] == [1]", "false"}, {"'a' in user.tags", "true"}, {"a in [1, 5]", "true"},
               {"a not in [1, 5]", "false"}, {"'id' in user", "true"}, {"'nn' in user.name", "true"},
               {"user contains 'id'", "true"});
}

static void
chooses(void **unused)
{
        (void)unused;
        EXPECT("{\"a\":7,\"n\":null,\"x\":\"x\",\"s\":\"12\"}", {"if a > 5 then 'large' else 'small'", "\"large\""},
               {"if a < 1 then 1 else if a < 9 then 2 else 3", "2"}, {"if n then 1 else 2", "2"}, {"n ?? 3", "3"},
               {"a ?? 3", "7"}, {"n ?? n ?? 5", "5"}, {"int(x) ?? -1", "-1"}, {"n ?? a + 1", "8"},
               {"(n ?? 8) > a", "true"}, {"n ?? 8 > a", "true"},
               {"if x then 1 else 2", "!a condition does not work with \"x\""}, {"a > 0 and n", "false"},
               {"not n", "true"}, {"a / 0 ?? 'none'", "\"none\""}, {"true or x", "true"});
}

static void
compares_text_that_reads_as_a_number(void **unused)
{
        (void)unused;
        EXPECT("{\"s\":\"12\",\"i\":12,\"b\":\"9\"}", {"s == i", "true"}, {"i == s", "true"}, {"s == 12.0", "true"},
               {"s == '12'", "true"}, {"i == '12'", "false"}, {"s < b", "true"}, {"s > 9", "true"},
               {"'12' == i", "false"}, {"s in [12]", "true"});
}

static void
says_what_is_wrong_in_functions(void **unused)
{
        (void)unused;
        EXPECT("{\"a\":7,\"s\":\"x\",\"n\":null}", {"lowr(s)", "!column 1: no function `lowr`"},
               {"lower()", "!too few arguments"}, {"lower(s, s)", "!too many arguments"},
               {"lower(5)", "!argument 1 is of type str, and not int"},
               {"'x' == lower(a)", "!column 14: argument 1 of lower() cannot be 7"}, {"lower(n)", "null"},
               {"split(s, '')", "!empty separator"}, {"capture(s, '(')", "!column 12: not a regular expression"},
               {"capture(s, s)", "!in quotes"}, {"capture(s, '(?<a>x)|(?<a>y)')", "!two groups have the name `a`"},
               {"format('{} {}', 1)", "!more {} than values"}, {"format('{:.99}', 1)", "!{:.0} to {:.9}"},
               {"type(n)", "\"null\""}, {"join([1, n, 's'], '-')", "\"1--s\""}, {"split(s, ',', 0)", "!not 0"},
               {"capture(s, '(x)', 2)", "!no group 2: the pattern has 1"}, {"int('y')", "!\"y\" is not int"},
               {"min()", "!too few"}, {"substring('abc', -2)", "\"bc\""},
               {"substring('a\xc3\xa4z', 1, 1)", "\"\xc3\xa4\""}, {"length('a\xc3\xa4z')", "3"},
               {"lower('\xc3\x84\xce\xa3\xd0\x96\xff!')", "\"\xc3\xa4\xcf\x83\xd0\xb6\\ufffd!\""},
               {"lower('@AZ[`az{ABCDEFGHIJ\xc3\x84XYZ')", "\"@az[`az{abcdefghij\xc3\xa4xyz\""},
               {"upper('@AZ[`az{abcdefghij\xc3\xa4xyz')", "\"@AZ[`AZ{ABCDEFGHIJ\xc3\x84XYZ\""},
               {"upper('stra\xc3\x9f"
                "e \xc3\xa9\xc9\x90\xf0\x90\x90\xa8')",
                "\"STRA\xc3\x9f"
                "E \xc3\x89\xe2\xb1\xaf\xf0\x90\x90\x80\""},
               {"replace_matches('aaa', '', '-')", "\"-a-a-a-\""}, {"trim('--a-', '-')", "\"a\""},
               {"capture('abc', 'b')", "\"b\""}, {"capture('abc', '(x)?b', 1)", "null"},
               {"capture('abc', 'x')", "null"}, {"s matches '(a+)+$'", "false"});
}

static void
rounds_on_either_side_of_the_point(void **unused)
{
        (void)unused;
        EXPECT("{\"i\":-1250,\"u\":18446744073709551615}", {"round(i, -2)", "-1300"}, {"round(1249, -2)", "1200"},
               {"round(12.34, -1)", "10.0"}, {"round(-15.0, -1)", "-20.0"}, {"round(i, 2)", "-1250"},
               {"round(u, -1)", "!beyond 64 bits"}, {"round(9223372036854775807, -1)", "9223372036854775810"},
               {"round(-9223372036854775807, -1)", "!beyond 64 bits"}, {"round(4, -15)", "0"},
               {"round(1.5, 16)", "!from -15 to 15 digits"}, {"round(0, -3)", "0"},
               {"sqrt(-1)", "!there is no such number"}, {"pow(-8, 0.5)", "!there is no such number"},
               {"log(0)", "!beyond all doubles"}, {"pow(10, 400)", "!beyond all doubles"});
}

static void
finds_no_least_of_what_does_not_compare(void **unused)
{
        (void)unused;
        EXPECT("{\"s\":\"x\",\"i\":1,\"n\":null}", {"max(i, s)", "!column 1: of int and str none is the greater"},
               {"min([1], i)", "!none is the greater"}, {"min(n, s)", "\"x\""}, {"max('a', s)", "\"x\""},
               {"max(n)", "null"}, {"max(i, '2')", "\"2\""});
}

static void
reads_and_writes_times(void **unused)
{
        (void)unused;
        EXPECT("{}", {"time_parse('2026-02-29')", "!not a time"},
               {"time_parse('2026-11-26T07:00Z')", "\"2026-11-26T07:00:00Z\""},
               {"str(time_parse('2026-11-26'))", "\"2026-11-26T00:00:00Z\""},
               {"format('at {}', time_parse('2026-11-26'))", "\"at 2026-11-26T00:00:00Z\""},
               {"concat('at ', time_parse('2026-11-26'))", "\"at 2026-11-26T00:00:00Z\""},
               {"join([time_parse('2026-11-26'), 1], ' ')", "\"2026-11-26T00:00:00Z 1\""},
               {"str([time_parse('2026-11-26')])", "\"[\\\"2026-11-26T00:00:00Z\\\"]\""},
               {"time_parse('2026-11-26 07:00')", "\"2026-11-26T07:00:00Z\""},
               {"time_parse('2026-11-26 07:00:01 +0130')", "\"2026-11-26T05:30:01Z\""},
               {"time_parse('2026-11-26T07:')", "!not a time"}, {"time_parse('2026-11-26T07:00:')", "!not a time"},
               {"time_parse('2026-11-26 07:00 ')", "!not a time"}, {"time_parse('2026-11-26T07:00.5')", "!not a time"},
               {"time_parse('2024-02-29 10:00:00,25')", "\"2024-02-29T10:00:00.250000000Z\""},
               {"time_parse('2026-11-26T07:00:00+01:30')", "\"2026-11-26T05:30:00Z\""},
               {"unix(time_parse(-1, 'unix'))", "-1"},
               {"time_parse(1700000000123, 'unix_ms')", "\"2023-11-14T22:13:20.123000000Z\""},
               {"time_parse('-1', 'unix_ms')", "\"1969-12-31T23:59:59.999000000Z\""},
               {"time_parse('Nov  6 2026 1:02:03 PM', '%b %e %Y %I:%M:%S %p')", "\"2026-11-06T13:02:03Z\""},
               {"time_parse('2026-330', '%Y-%j')", "\"2026-11-26T00:00:00Z\""},
               {"time_parse('x', '%')", "!behind each %"}, {"time_parse('x', 'day')", "!a format of times is"},
               {"time_parse('2026-11-26x')", "!not a time"},
               {"time_format(time_parse('2026-11-26'), '%a %d %b %j %p %y %%')", "\"Thu 26 Nov 330 AM 26 %\""},
               {"time_format(time_parse('1969-12-31T23:59:59.5Z'), 'unix_ms')", "\"-500\""},
               {"time_truncate(time_parse('1969-12-31T23:30:00Z'), '1h')", "\"1969-12-31T23:00:00Z\""},
               {"time_add(time_parse('2026-01-01'), '1.5h')", "\"2026-01-01T01:30:00Z\""},
               {"time_add(time_parse('2026-01-01'), 90)", "\"2026-01-01T00:01:30Z\""},
               {"time_add(now(), '5x')", "!not a span"}, {"time_truncate(now(), 0)", "!above 0"},
               {"time_add(now(), '300000d')", "!longer than a span may be, 292 years"},
               {"time_add(now(), 18446744073709551615)", "!longer than a span may be"},
               {"time_format(time_parse(9223372036854775807, 'unix'))", "!too far away"},
               {"time_format(time_parse('2300-01-01'), 'unix_ns')", "\"10413792000000000000\""},
               {"time_format(time_parse('1600-01-01T00:00:00.5Z'), 'unix_ns')", "\"-11676095999500000000\""},
               {"time_parse('2026-01-01') + 1", "!time_add()"});
}

static void
takes_addresses_apart(void **unused)
{
        (void)unused;
        EXPECT("{}", {"url_host('http://[::1]:80/')", "\"::1\""}, {"url_port('http://[::1]:80/')", "80"},
               {"url_port('http://a:x/')", "null"}, {"url_port('http://a/')", "null"},
               {"url_host('/only/path')", "null"}, {"url_path('mailto:me@a.de')", "\"me@a.de\""},
               {"url_query('?')", "null"}, {"url_param('/?a=1&b&c=2', 'c')", "\"2\""},
               {"url_param('/?a=1&b&c=2', 'b')", "\"\""}, {"url_param('/?a=1', 'z')", "null"},
               {"url_decode('100%')", "\"100%\""}, {"ip_in('10.0.0.1', '10.0.0.0/33')", "!not a network"},
               {"ip_in('x', '10.0.0.0/8')", "false"}, {"ip_in('::ffff:10.0.0.1', '10.0.0.0/8')", "true"},
               {"ip_in('fe80::1', 'fe80::/10')", "true"}, {"ip_in('1.2.3.4', '0.0.0.0/0')", "true"},
               {"ip_mask('2001:db8::1', 32)", "\"2001:db8::\""}, {"ip_version('1.2.3')", "null"});
}

static void
gives_up_a_pattern_that_takes_too_long(void **unused)
{
        char record[128], result[256];

        (void)unused;
        snprintf(record, sizeof(record), "{\"s\":\"%050d!\"}", 0);
        calculate(record, "s matches '^(0+)+$'", result, sizeof(result));
        if (strcmp(result, "false") != 0 && !strstr(result, "takes too long"))
                fail_msg("%s", result);
        calculate(record, "s matches '^(0|0)+$'", result, sizeof(result));
        assert_non_null(strstr(result, "takes too long"));
}

static void
shows_examples_that_hold(void **unused)
{
        char result[256];
        unsigned n = 0;

        (void)unused;
        for (const struct sqi_chapter *chapter = sqi_chapters; chapter->title; chapter++)
                for (const struct sqi_function *f = chapter->functions; f->signature; f++, n++) {
                        calculate("{}", f->example, result, sizeof(result));
                        if (strcmp(result, f->result) != 0)
                                fail_msg("%s: `%s` is %s, not %s", f->signature, f->example, result, f->result);
                }
        assert_in_range(n, 30, 200);
}

/* ---- What is wrong ----------------------------------------------------------------------------------- */

static void
names_the_column_of_what_is_wrong(void **unused)
{
        (void)unused;
        EXPECT("{\"a\":1}", {"", "!column 1: expected"}, {"a ==", "!column 5:"}, {"a == 1 and", "!column 11:"},
               {"a = 1", "!column 3: expected an operator or the end, not `=`: write `==`"}, {"a && a", "!write `and`"},
               {"a || a", "!write `or`"}, {"!a", "!write `not`"}, {"a <> 1", "!write `!=`"}, {"a ** 2", "!write `pow`"},
               {"a AND a", "!write `and`"}, {"a == 1 ? 2 : 3", "!write `if`"}, {"a LIKE 'x'", "!write `matches`"},
               {"a android", "!not `android`"}, {"(a == 1", "!column 8:"}, {"a == 1)", "!column 7:"},
               {"a == 'open", "!column 6:"}, {"a == 1 b", "!column 8:"}, {"a matches '('", "!column 11:"},
               {"a matches 1", "!column 11:"}, {"a == and", "!column 6:"}, {"`open == 1", "!column 1:"},
               {"a + b", "!column 5: no input field `b` (there are: a)"}, {"a < 1 < 2", "!put `and`"},
               {"if a then 1", "!`else`"}, {"1 + 10s", "!not a number"}, {"a == 2024-01-01", "!in quotes"},
               {"a +\n b\n + 1", "!line 2, column 2:"}, {"a[1", "!`]`"}, {"[1, 2", "!`,` or `]`"}, {"{a 1}", "!`:`"},
               {"'a' + 1", "!concat()"});
}

static void
refuses_what_is_nested_too_deep(void **unused)
{
        char text[512];
        static const char *const openings[] = {"(", "not ", "-", "[", "if ", "lower("};

        (void)unused;
        for (size_t i = 0; i < sizeof(openings) / sizeof(*openings); i++) {
                struct sq_exprs *exprs = sq_exprs_new();
                size_t len = 0;

                while (len < 480)
                        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s", openings[i]);
                assert_int_equal(sq_exprs_add(exprs, text), -1);
                assert_non_null(strstr(sq_exprs_error(exprs), "fewer brackets"));
                sq_exprs_free(&exprs);
                assert_null(exprs);
        }
}

static void
checks_declared_types(void **unused)
{
        static const struct {
                const char *text, *error; /* NULL: it is right */
                enum sq_type type;
        } examples[] = {
                {"i + u", NULL, SQ_INT},
                {"i + f", NULL, SQ_FLOAT},
                {"i / i", NULL, SQ_FLOAT},
                {"c + 1", NULL, SQ_ANY},
                {"s + 1", "column 1: `+` works with numbers", SQ_ANY},
                {"i == s", "does not compare", SQ_ANY},
                {"c == 1", NULL, SQ_BOOL},
                {"s == 's' and i", "column 14: a condition", SQ_ANY},
                {"s > 10", "`s` is a str, which does not compare with 10: write '10'", SQ_ANY},
                {"s.x", "has no parts", SQ_ANY},
                {"i matches 'x'", "not a text", SQ_ANY},
                {"lower(i)", "argument 1", SQ_ANY},
                {"lower(s)", NULL, SQ_STR},
                {"min(i, i)", NULL, SQ_INT},
                {"min(i, f)", NULL, SQ_ANY},
                {"if i > 0 then s else 'x'", NULL, SQ_STR},
                {"if i then 1 else 2", "a condition", SQ_ANY},
                {"not s", "a condition", SQ_ANY},
                {"1 in i", "nothing is in", SQ_ANY},
                {"i ?? 0", NULL, SQ_INT},
                {"-f", NULL, SQ_FLOAT},
                {"-s", "works with numbers", SQ_ANY},
                {"s == bare", NULL, SQ_BOOL},
        };

        (void)unused;
        for (size_t i = 0; i < sizeof(examples) / sizeof(*examples); i++) {
                struct sq_exprs *exprs = sq_exprs_new();
                int number;

                sq_exprs_field(exprs, "i", SQ_INT);
                sq_exprs_field(exprs, "u", SQ_UINT);
                sq_exprs_field(exprs, "f", SQ_FLOAT);
                sq_exprs_field(exprs, "s", SQ_STR);
                sq_exprs_field(exprs, "c", SQ_TEXT);
                number = sq_exprs_add(exprs, examples[i].text);
                if (examples[i].error && (number >= 0 || !strstr(sq_exprs_error(exprs), examples[i].error)))
                        fail_msg("`%s`: %s", examples[i].text, number < 0 ? sq_exprs_error(exprs) : "is taken");
                if (!examples[i].error && (number < 0 || sq_exprs_type(exprs, number) != examples[i].type))
                        fail_msg("`%s`: %s", examples[i].text,
                                 number < 0 ? sq_exprs_error(exprs) : sq_type_name(sq_exprs_type(exprs, number)));
                sq_exprs_free(&exprs);
        }
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(compares_numbers_exactly_whatever_their_types),
                cmocka_unit_test(finds_values_of_different_types_unequal_and_neither_less),
                cmocka_unit_test(binds_not_before_and_before_or),
                cmocka_unit_test(looks_into_texts),
                cmocka_unit_test(calculates_exactly_or_fails),
                cmocka_unit_test(finds_parts_by_path_and_index),
                cmocka_unit_test(chooses),
                cmocka_unit_test(compares_text_that_reads_as_a_number),
                cmocka_unit_test(says_what_is_wrong_in_functions),
                cmocka_unit_test(rounds_on_either_side_of_the_point),
                cmocka_unit_test(finds_no_least_of_what_does_not_compare),
                cmocka_unit_test(reads_and_writes_times),
                cmocka_unit_test(takes_addresses_apart),
                cmocka_unit_test(gives_up_a_pattern_that_takes_too_long),
                cmocka_unit_test(shows_examples_that_hold),
                cmocka_unit_test(names_the_column_of_what_is_wrong),
                cmocka_unit_test(refuses_what_is_nested_too_deep),
                cmocka_unit_test(checks_declared_types),
        };

        use_built_components();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
