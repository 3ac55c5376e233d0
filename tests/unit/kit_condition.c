/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions on the fields of a tuple, as `filter` holds them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <squall-kit.h>

#include "built.h"
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

static void
names_the_column_of_what_is_wrong(void **unused)
{
        static const struct {
                const char *text, *column;
        } examples[] = {
                {"", "column 1:"},
                {"a", "column 2:"},
                {"a ==", "column 5:"},
                {"a == 1 and", "column 11:"},
                {"a = 1", "column 3:"},
                {"(a == 1", "column 8:"},
                {"a == 1)", "column 7:"},
                {"a == 'open", "column 6:"},
                {"a == 1 b", "column 8:"},
                {"a matches '('", "column 11:"},
                {"a matches 1", "column 11:"},
                {"a == and", "column 6:"},
                {"`open == 1", "column 1:"},
        };

        (void)unused;
        for (size_t i = 0; i < sizeof(examples) / sizeof(*examples); i++) {
                struct sq_condition *condition = sq_condition_read(examples[i].text);
                const char *error = sq_condition_error(condition);

                if (!error || strncmp(error, examples[i].column, strlen(examples[i].column)) != 0)
                        fail_msg("`%s`: %s", examples[i].text, error ? error : "is taken");
                sq_condition_free(&condition);
                assert_null(condition);
        }
}

static void
refuses_what_is_nested_too_deep_or_too_long(void **unused)
{
        char text[8192];
        size_t len = 0;
        struct sq_condition *condition;

        (void)unused;
        memset(text, '(', 100);
        (void)strcpy(text + 100, "a == 1");
        condition = sq_condition_read(text);
        assert_non_null(strstr(sq_condition_error(condition), "fewer brackets"));
        sq_condition_free(&condition);
        for (int i = 0; i < 300; i++)
                len += (size_t)snprintf(text + len, sizeof(text) - len, "%sa == 1", i ? " or " : "");
        condition = sq_condition_read(text);
        assert_non_null(strstr(sq_condition_error(condition), "shorter"));
        sq_condition_free(&condition);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(compares_numbers_exactly_whatever_their_types),
                cmocka_unit_test(finds_values_of_different_types_unequal_and_neither_less),
                cmocka_unit_test(binds_not_before_and_before_or),
                cmocka_unit_test(looks_into_texts),
                cmocka_unit_test(names_the_column_of_what_is_wrong),
                cmocka_unit_test(refuses_what_is_nested_too_deep_or_too_long),
        };

        use_built_components();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
