/* SPDX-License-Identifier: Apache-2.0 */
/* The bolt `regex`: the named groups of a regular expression as fields. */
#include <squall-kit.h>

struct regex {
        const char *text;
        struct sq_pattern pattern;
};

static void
declare(struct sq_declaration *decl)
{
        const struct regex *self = sq_declared_state(decl);

        sq_pattern_declare(&self->pattern, self->text, decl, "pattern");
}

static int
prepare(struct sq_task *task)
{
        struct regex *self = sq_state(task);

        return sq_pattern_prepare(task, &self->pattern, self->text);
}

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        struct regex *self = sq_state(task);

        return sq_pattern_execute(task, &self->pattern, in);
}

static void
cleanup(struct sq_task *task)
{
        struct regex *self = sq_state(task);

        sq_pattern_free(&self->pattern);
}

SQ_BOLT(regex) = {
        .about = "Fields from a text by a regular expression or named patterns.",
        .state = sizeof(struct regex),
        .options =
                {
                        SQ_REQ_STR_AS(
                                "pattern", struct regex, text,
                                "a regular expression (PCRE2) with named groups, (?<status>\\d+), or named patterns, "
                                "%{NUMBER:ms}; it may match anywhere: ^ and $ hold it to the whole text"),
                        SQ_OPT_PATTERN(struct regex, pattern),
                },
        .streams = {SQ_ERRORS},
        .declare = declare,
        .prepare = prepare,
        .execute = execute,
        .cleanup = cleanup,
};
