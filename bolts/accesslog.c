/* SPDX-License-Identifier: Apache-2.0 */
/* The bolt `accesslog`: lines of a web server's access log, in the common or the combined format. What stands behind
 * it, as many servers are told to write, is the field `rest`. */
#include <squall-kit.h>

/* Bytes but these and the quote, which with a backslash before it belongs to them. */
#define BYTES_BUT(these) "[^" these "\"\\\\]*+(?:\\\\.[^" these "\"\\\\]*)*+"
/* What a client has sent instead of a request is the path, and nothing is null. */
#define PATH "(?<path>" BYTES_BUT(" ?") ")(?:\\?(?<query>" BYTES_BUT(" ") "))?"
#define REQUEST "(?:(?<method>[A-Za-z]+) )?" PATH "(?: (?<protocol>" BYTES_BUT("") "))?"
#define COMMON \
        "^(?<client>\\S+) (?:-|(?<ident>\\S+)) (?:-|(?<user>.*?)) \\[(?<time>[^\\]]+)\\] \"(?:-?|" REQUEST ")\" " \
        "(?<status>\\d{3}) (?:-|(?<bytes>\\d+))"
#define QUOTED(name) "\"(?:-|(?<" name ">" BYTES_BUT("") "))\""
#define REST "(?: (?<rest>.*))?$"

static const char *const patterns[] = {COMMON REST, COMMON " " QUOTED("referer") " " QUOTED("agent") REST};

struct accesslog {
        int64_t format;
        struct sq_parsing parsing;
        struct sq_pattern pattern;
};

/* The settings, with the types of the fields. */
static void
set_up(struct accesslog *self)
{
        static const char *const names[] = {"time", "status", "bytes"};
        static const char *const types[] = {"time %d/%b/%Y:%H:%M:%S %z", "int", "int?"};

        self->pattern.parsing = self->parsing;
        self->pattern.types = (struct sq_pairs){sizeof(names) / sizeof(*names), names, types};
}

static void
declare(struct sq_declaration *decl)
{
        struct accesslog self = *(const struct accesslog *)sq_declared_state(decl);

        set_up(&self);
        sq_pattern_declare(&self.pattern, patterns[self.format], decl, NULL);
}

static int
prepare(struct sq_task *task)
{
        struct accesslog *self = sq_state(task);

        set_up(self);
        return sq_pattern_prepare(task, &self->pattern, patterns[self->format]);
}

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        struct accesslog *self = sq_state(task);

        return sq_pattern_execute(task, &self->pattern, in);
}

static void
cleanup(struct sq_task *task)
{
        struct accesslog *self = sq_state(task);

        sq_pattern_free(&self->pattern);
}

SQ_BOLT(accesslog) = {
        .about = "Fields from the lines of a web server's access log.",
        .state = sizeof(struct accesslog),
        .options =
                {
                        SQ_OPT_ENUM(
                                struct accesslog, format, "common|combined", "combined",
                                "common: client ident user time method path query protocol status bytes; combined: and "
                                "referer agent; what stands behind is `rest`; - is null"),
                        SQ_OPT_PARSING(struct accesslog, parsing),
                },
        .streams = {SQ_ERRORS},
        .declare = declare,
        .prepare = prepare,
        .execute = execute,
        .cleanup = cleanup,
};
