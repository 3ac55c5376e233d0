/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bolt `gather`: puts the parts of a request together when a `drpc` spout says that they are all there, on its
 * stream `finished` (spouts/drpc.c). What has come of a request is a key's state: sums, and for each `distinct` a map
 * whose keys are the values.
 *
 * A part that fails fails the request, which is not emitted again: no part counts twice. What is kept of a request
 * whose spout has died is forgotten after `keep`.
 */
#include <squall-kit.h>
#include <stdio.h>
#include <string.h>

enum { REQUEST }; /* the input field */
enum { COMPUTED_MAX = 16, INPUTS_MAX = 16, FORGOTTEN = 0, KEEP_MAX = 86400 };
enum what { COUNT, SUM, DISTINCT };

/* One output field. */
struct computed {
        enum what what;
        const char *field; /* NULL: none */
};

struct gather {
        struct sq_pairs compute;
        int64_t stage;
        bool empty;
        double keep;

        struct computed computed[COMPUTED_MAX];
        /* where the fields stand in the tuples of an input, plus 1; 0: not looked for yet */
        uint8_t places[INPUTS_MAX][COMPUTED_MAX];
};

/* The state of a request. */
struct parts {
        struct {
                int64_t whole; /* while all of it fits */
                double real;
                bool is_real;
        } numbers[COMPUTED_MAX];
};

/* False: it is not one of those that there are. */
static bool
read_computed(const char *text, struct computed *ret)
{
        static const char *const words[] = {[COUNT] = "count", [SUM] = "sum ", [DISTINCT] = "distinct "};

        for (unsigned w = COUNT; w <= DISTINCT; w++) {
                size_t len = strlen(words[w]);

                if (strncmp(text, words[w], len) != 0 || (w == COUNT) != (text[len] == '\0'))
                        continue;
                *ret = (struct computed){(enum what)w, w == COUNT ? NULL : text + len + strspn(text + len, " ")};
                return true;
        }
        return false;
}

static void
declare(struct sq_declaration *decl)
{
        const struct gather *self = sq_declared_state(decl);
        struct computed computed = {0};

        if (self->compute.n == 0 || self->compute.n > COMPUTED_MAX)
                sq_declare_error(decl, "compute", "must have 1 to %d fields", COMPUTED_MAX);
        if (self->stage < 1)
                sq_declare_error(decl, "stage", "must be at least 1");
        if (!(self->keep > 0 && self->keep <= KEEP_MAX))
                sq_declare_error(decl, "keep", "must be above 0, and at most %d seconds", KEEP_MAX);
        if (sq_declared_inputs(decl) > INPUTS_MAX)
                sq_declare_error(decl, NULL, "has more than %d inputs", INPUTS_MAX);
        sq_declare_in(decl, "request", SQ_STR);
        sq_declare_out(decl, 0, "request", SQ_STR);
        for (size_t i = 0; i < self->compute.n; i++) {
                if (!read_computed(self->compute.values[i], &computed))
                        sq_declare_error(decl, "compute", "'%s' is none of: count, sum FIELD, distinct FIELD",
                                         self->compute.values[i]);
                sq_declare_out(decl, 0, self->compute.names[i], computed.what == SUM ? SQ_ANY : SQ_INT);
        }
}

static int
prepare(struct sq_task *task)
{
        struct gather *self = sq_state(task);

        for (size_t i = 0; i < self->compute.n; i++)
                if (!read_computed(self->compute.values[i], &self->computed[i]))
                        return sq_error_final(task, "compute: '%s'", self->compute.values[i]);
        return 0;
}

/* ---- Parts ------------------------------------------------------------------------------------------- */

/* False: the tuple has no such field. */
static bool
find_field(struct gather *self, const struct sq_tuple *in, size_t c, struct sq_value *ret)
{
        uint8_t *place = &self->places[sq_source_input(in) % INPUTS_MAX][c];

        for (unsigned i = 0; *place == 0 && i < sq_tuple_size(in); i++)
                if (strcmp(sq_tuple_name(in, i), self->computed[c].field) == 0)
                        *place = (uint8_t)(i + 1);
        if (*place == 0)
                return false;
        *ret = sq_tuple_get(in, *place - 1u);
        return true;
}

static void
add(struct parts *parts, size_t c, struct sq_value number)
{
        int64_t *whole = &parts->numbers[c].whole;

        parts->numbers[c].real += sq_real_of(number);
        if (number.type != SQ_INT || __builtin_add_overflow(*whole, number.as.i, whole))
                parts->numbers[c].is_real = true;
}

/* False: `values` are not what is to be computed of, as sq_fail() has said. */
static bool
read_part(struct sq_task *task, const struct sq_tuple *in, struct sq_value *values)
{
        struct gather *self = sq_state(task);

        for (size_t c = 0; c < self->compute.n; c++) {
                values[c] = sq_int(1);
                if (self->computed[c].field && !find_field(self, in, c, &values[c])) {
                        (void)sq_fail(task, "there is no field '%s' from '%s'", self->computed[c].field,
                                      sq_source_component(in));
                        return false;
                }
                if (self->computed[c].what == SUM && !sq_number_of(values[c], &values[c])) {
                        (void)sq_fail(task, "'%s' is not a number", self->computed[c].field);
                        return false;
                }
        }
        return true;
}

/* A text is what it is; anything else stands by its hash, behind a byte that no text begins with. */
static void
add_distinct(struct sq_task *task, const struct parts *parts, size_t c, struct sq_value value)
{
        char text[24] = "";
        struct sq_str key = {value.as.ptr, value.len};

        if (value.type != SQ_STR) {
                snprintf(text + 1, sizeof(text) - 1, "%016llx", (unsigned long long)sq_bag_hash(value));
                key = (struct sq_str){text, 17};
        }
        (void)sq_map_at(task, parts, (unsigned)c, key, 1);
}

static enum sq_verdict
take_part(struct sq_task *task, const struct sq_tuple *in)
{
        const struct gather *self = sq_state(task);
        struct sq_str request = sq_get_str(in, REQUEST);
        struct sq_value values[COMPUTED_MAX];
        struct sq_time due = sq_wall(task);
        struct parts *parts;

        if (!read_part(task, in, values))
                return SQ_FAIL;
        if (!sq_keyed_peek(task, request)) {
                due.sec += (int64_t)self->keep;
                sq_timer_set(task, request, due);
        }
        parts = sq_keyed(task, request);
        for (size_t c = 0; c < self->compute.n; c++)
                if (self->computed[c].what == DISTINCT)
                        add_distinct(task, parts, c, values[c]);
                else
                        add(parts, c, values[c]);
        return SQ_ACK;
}

/* ---- Their end --------------------------------------------------------------------------------------- */

static struct sq_value
result_of(struct sq_task *task, const struct gather *self, const struct parts *parts, size_t c)
{
        if (!parts)
                return sq_int(0);
        if (self->computed[c].what == DISTINCT)
                return sq_int((int64_t)sq_map_count(task, parts, (unsigned)c));
        return parts->numbers[c].is_real ? sq_float(parts->numbers[c].real) : sq_int(parts->numbers[c].whole);
}

static enum sq_verdict
end_request(struct sq_task *task, const struct sq_tuple *in, int64_t stage)
{
        struct gather *self = sq_state(task);
        struct sq_str request = sq_get_str(in, REQUEST);
        const struct parts *parts = sq_keyed_peek(task, request);
        struct sq_value values[COMPUTED_MAX + 1] = {sq_str(request)};

        if (stage != self->stage && stage != FORGOTTEN)
                return SQ_ACK;
        for (size_t c = 0; c < self->compute.n; c++)
                values[c + 1] = result_of(task, self, parts, c);
        if (stage == self->stage && (parts || self->empty))
                sq_emit_values(task, 0, self->compute.n + 1, values);
        if (parts)
                sq_keyed_forget(task, request);
        return SQ_ACK;
}

/* It is of the stream `finished`, whoever has passed it on: a request and its stage, and nothing else. */
static bool
is_end(const struct sq_tuple *in, int64_t *ret_stage)
{
        struct sq_value stage;

        if (sq_tuple_size(in) != 2 || strcmp(sq_tuple_name(in, 1), "stage") != 0)
                return false;
        stage = sq_tuple_get(in, 1);
        *ret_stage = stage.as.i;
        return stage.type == SQ_INT;
}

static enum sq_verdict
execute(struct sq_task *task, const struct sq_tuple *in)
{
        int64_t stage;

        return is_end(in, &stage) ? end_request(task, in, stage) : take_part(task, in);
}

/* Nobody has said for long that it is over: its spout has died. */
static int
timer(struct sq_task *task, struct sq_str key, struct sq_time time)
{
        (void)time;
        sq_keyed_forget(task, key);
        return 0;
}

SQ_BOLT(gather) = {
        .about = "Puts the parts of a request of a `drpc` spout together, when they are all there.",
        .state = sizeof(struct gather),
        .key_state = sizeof(struct parts),
        .state_is_volatile = true,
        .options =
                {
                        SQI_OPTION("compute", struct gather, compute, MAP, NULL, true, NULL,
                                   "output field: what it has of the parts: count, sum FIELD, distinct FIELD"),
                        SQ_OPT_INT(struct gather, stage, 1, "the stage of the spout's `finished` that it hands on at"),
                        SQ_OPT_BOOL(
                                struct gather, empty, false,
                                "hand on zeroes where a request had no parts; give `finished` the same fields grouping then"),
                        SQ_OPT_FLOAT(struct gather, keep, 3600, "seconds until what nobody has ended is forgotten"),
                },
        .declare = declare,
        .prepare = prepare,
        .execute = execute,
        .timer = timer,
};
