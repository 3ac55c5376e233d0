/* SPDX-License-Identifier: Apache-2.0 */
/* What a join declares: sq_join_declare(). */
#include <stdlib.h>
#include <string.h>

#include "joins/join.h"

enum { NAME_MAX_BYTES = 512 };

struct join_declaring {
        struct sq_declaration *decl;
        const struct sq_joining *settings;
        struct sqi_join_plan plan;
        struct sqi_join_inputs inputs;
        struct sqi_sides sides;
};

/* ---- What cannot be ---------------------------------------------------------------------------------- */

static bool
read_all(struct join_declaring *declaring)
{
        struct sq_declaration *decl = declaring->decl;
        char wrong[SQI_WRONG_MAX];
        const char *option, *why;

        if (!sqi_join_inputs_declared(decl, &declaring->inputs) || declaring->inputs.n < 2) {
                sq_declare_error(decl, NULL,
                                 "joins from 2 to %d inputs, and has %u (entries of `streams` that lead to it)",
                                 SQI_SIDES_MAX, sq_declared_inputs(decl));
                return false;
        }
        why = sqi_join_read(declaring->settings, &declaring->plan, &option);
        if (why) {
                sq_declare_error(decl, option, "%s", why);
                return false;
        }
        if (sq_declared_open(decl))
                return false;
        if (!sqi_sides_read(&declaring->inputs, &declaring->settings->by, &declaring->sides, wrong)) {
                sq_declare_error(decl, "by", "%s", wrong);
                return false;
        }
        return true;
}

/* Is it what another field of the output is called? */
static bool
is_taken(const struct join_declaring *declaring, const char *name)
{
        const struct sqi_sides *sides = &declaring->sides;
        char buffer[NAME_MAX_BYTES];

        for (size_t k = 0; k < sides->nkeys; k++)
                if (strcmp(sides->all[0].keys[k], name) == 0)
                        return true;
        for (unsigned side = 0; side < sides->n; side++)
                for (size_t i = 0; i < sides->all[side].n; i++)
                        if (strcmp(sqi_sides_name(sides, side, i, false, buffer, sizeof(buffer)), name) == 0)
                                return true;
        return strcmp(name, "input") == 0;
}

static void
check_sides(struct join_declaring *declaring)
{
        const char *stamp = declaring->settings->stamp;
        const char *name = declaring->settings->table;
        int table = name ? sqi_sides_find(&declaring->sides, name) : -1;
        char wrong[SQI_WRONG_MAX];

        if (name && table < 0)
                sq_declare_error(declaring->decl, "table", "there is no input '%.40s': they are '%.40s' and '%.40s'",
                                 name, declaring->sides.all[0].name, declaring->sides.all[1].name);
        if (stamp && is_taken(declaring, stamp))
                sq_declare_error(declaring->decl, "stamp", "calls the event time as another field is called, '%.40s'",
                                 stamp);
        if (declaring->plan.by != SQI_BY_WINDOWS && declaring->sides.n > 2)
                sq_declare_error(declaring->decl, name ? "table" : "between",
                                 "joins two inputs, and there are %u: join what comes of two of them with the next one "
                                 "in another bolt",
                                 declaring->sides.n);
        if (sq_declared_parallelism(declaring->decl) > 1 && !sqi_sides_meet(&declaring->sides, table, wrong))
                sq_declare_error(declaring->decl, NULL, "%s", wrong);
}

static bool
has_event_time(const struct join_declaring *declaring)
{
        for (unsigned s = 0; s < declaring->sides.n; s++)
                if (!sq_declared_time(declaring->decl, declaring->sides.all[s].number))
                        return false;
        return true;
}

/* A table goes by event time where all have one. It asks for that field, by which the task knows. */
static void
declare_time(struct join_declaring *declaring)
{
        const char *names[SQI_SIDES_MAX];

        if (declaring->settings->time == SQI_BY_WALL || !has_event_time(declaring))
                return;
        for (unsigned s = 0; s < declaring->sides.n; s++)
                names[s] = sq_declared_time(declaring->decl, s);
        sq_declare_in_each(declaring->decl, names, SQ_ANY);
}

static void
check_time(struct join_declaring *declaring)
{
        struct sq_declaration *decl = declaring->decl;

        if (declaring->settings->time == SQI_BY_WALL) {
                if (declaring->plan.lateness > 0)
                        sq_declare_error(decl, "lateness", "is for event time: by the time of day nothing is late");
                return;
        }
        for (unsigned s = 0; s < declaring->sides.n; s++) {
                const struct sqi_side *side = &declaring->sides.all[s];

                if (!sq_declared_watermarks(decl, side->number))
                        sq_declare_error(decl, NULL,
                                         "no event time comes by the input '%.40s': say `event-time: { field: NAME, "
                                         "out-of-orderness: 5s }` of the component upstream that emits the time (or "
                                         "`time: wall` here: the time of day at which rows come)",
                                         side->name);
                else if (!sq_declared_time(decl, side->number))
                        sq_declare_error(decl, NULL,
                                         "the input '%.40s' does not have the field of its event time any more: pass "
                                         "it on, or say `event-time` of what emits another one (a join by `between` "
                                         "has one with `stamp: NAME`)",
                                         side->name);
        }
}

/* ---- Fields ------------------------------------------------------------------------------------------ */

static void
declare_key(struct join_declaring *declaring, size_t key)
{
        const struct sqi_sides *sides = &declaring->sides;
        const char *names[SQI_SIDES_MAX];
        enum sq_type type;
        unsigned a, b;

        for (unsigned s = 0; s < sides->n; s++)
                names[sides->all[s].number] = sides->all[s].keys[key];
        if (!sqi_sides_key_type(sides, key, &type, &a, &b))
                sq_declare_error(declaring->decl, "by",
                                 "'%.40s' of '%.40s' and '%.40s' of '%.40s' are of types that are never equal: convert "
                                 "one of them (`fields: { NAME: TYPE }` of what reads it, or the bolt `map`)",
                                 sides->all[a].keys[key], sides->all[a].name, sides->all[b].keys[key],
                                 sides->all[b].name);
        sq_declare_in_each(declaring->decl, names, SQ_ANY);
        for (unsigned stream = SQI_JOINED; stream <= SQI_TOO_LATE; stream++)
                sq_declare_out(declaring->decl, stream, sides->all[0].keys[key], type);
}

static void
declare_side(struct join_declaring *declaring, unsigned side, unsigned stream)
{
        const struct sqi_side *of = &declaring->sides.all[side];
        bool windowed = declaring->plan.by == SQI_BY_WINDOWS;
        char buffer[NAME_MAX_BYTES];

        for (size_t i = 0; i < of->n; i++)
                sq_declare_out(declaring->decl, stream,
                               sqi_sides_name(&declaring->sides, side, i, windowed, buffer, sizeof(buffer)),
                               of->input->fields[of->places[i]].type);
}

/* What the field of event time of the stream that is joined with a table is called in the output. NULL: it has none. */
static const char *
time_of_stream(const struct join_declaring *declaring, unsigned side, char *buffer, size_t size)
{
        const struct sqi_sides *sides = &declaring->sides;
        const struct sqi_side *of = &sides->all[side];
        const char *name = sq_declared_time(declaring->decl, of->number);

        for (size_t k = 0; name && k < sides->nkeys; k++)
                if (strcmp(of->keys[k], name) == 0)
                        return sides->all[0].keys[k];
        for (size_t i = 0; name && i < of->n; i++)
                if (strcmp(of->input->fields[of->places[i]].name, name) == 0)
                        return sqi_sides_name(sides, side, i, false, buffer, size);
        return NULL;
}

/* A row is joined with a table at its own time. By the time of day it may wait for longer than the watermark does. */
static void
declare_time_with_table(struct join_declaring *declaring, unsigned stream)
{
        int table = sqi_sides_find(&declaring->sides, declaring->settings->table);
        bool may_wait = declaring->plan.wait > 0 &&
                        (declaring->settings->time == SQI_BY_WALL || !has_event_time(declaring));
        char buffer[NAME_MAX_BYTES];
        const char *name;

        if (table < 0)
                return;
        name = may_wait ? NULL : time_of_stream(declaring, !table, buffer, sizeof(buffer));
        if (name)
                sq_declare_time_of(declaring->decl, stream, name, declaring->sides.all[!table].number);
        else
                sq_declare_time(declaring->decl, stream, NULL);
}

static void
declare_time_of_stream(struct join_declaring *declaring, unsigned stream)
{
        const struct sq_joining *settings = declaring->settings;

        if (declaring->plan.by == SQI_BY_TABLE)
                declare_time_with_table(declaring, stream);
        else if (declaring->plan.by == SQI_BY_WINDOWS && stream != SQI_TOO_LATE && settings->time != SQI_BY_WALL)
                sq_declare_until(declaring->decl, stream, "end");
        else
                sq_declare_time(declaring->decl, stream, settings->time == SQI_BY_WALL ? NULL : settings->stamp);
}

static void
declare_fields(struct join_declaring *declaring)
{
        for (size_t key = 0; key < declaring->sides.nkeys; key++)
                declare_key(declaring, key);
        for (unsigned stream = SQI_JOINED; stream <= SQI_TOO_LATE; stream++) {
                if (declaring->plan.by == SQI_BY_WINDOWS) {
                        sq_declare_out(declaring->decl, stream, "start", SQ_TIME);
                        sq_declare_out(declaring->decl, stream, "end", SQ_TIME);
                }
                if (declaring->settings->stamp)
                        sq_declare_out(declaring->decl, stream, declaring->settings->stamp, SQ_TIME);
                for (unsigned side = 0; side < declaring->sides.n; side++)
                        declare_side(declaring, side, stream);
                if (stream != SQI_JOINED)
                        sq_declare_out(declaring->decl, stream, "input", SQ_STR);
                declare_time_of_stream(declaring, stream);
        }
}

void
sq_join_declare(struct sq_declaration *decl)
{
        struct join_declaring *declaring = calloc(1, sizeof(*declaring));

        if (!declaring) {
                sq_declare_error(decl, NULL, "no memory");
                return;
        }
        declaring->decl = decl;
        declaring->settings = sq_declared_state(decl);
        if (read_all(declaring)) {
                check_sides(declaring);
                if (declaring->plan.by != SQI_BY_TABLE)
                        check_time(declaring);
                declare_fields(declaring);
                if (declaring->plan.by == SQI_BY_TABLE)
                        declare_time(declaring);
        }
        free(declaring);
}
