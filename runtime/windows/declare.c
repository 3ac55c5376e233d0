/* SPDX-License-Identifier: Apache-2.0 */
/* What windows declare: sq_windows_declare(). */
#include <stdio.h>
#include <string.h>

#include "windows/settings.h"

enum { NAME_MAX_BYTES = 256, WHY_MAX = 512 };

struct declaring {
        struct sq_declaration *decl;
        const struct sq_windows *windows;
        struct sqi_columns columns;
        size_t declared; /* of the columns */
};

/* A column by its name, NUL-terminated: names stand within texts. */
static const char *
name_of(struct sq_str name, char *buffer)
{
        (void)snprintf(buffer, NAME_MAX_BYTES, "%.*s", (int)name.len, name.ptr);
        return buffer;
}

static struct sq_field
field_of(const struct declaring *declaring, struct sq_str name)
{
        char buffer[NAME_MAX_BYTES];

        return sq_declared_field(declaring->decl, 0, name_of(name, buffer));
}

/* The columns that are new. */
static void
declare_columns(struct declaring *declaring)
{
        char buffer[NAME_MAX_BYTES];

        for (; declaring->declared < declaring->columns.n; declaring->declared++) {
                struct sq_str name = declaring->columns.names[declaring->declared];
                sq_declare_in(declaring->decl, name_of(name, buffer), field_of(declaring, name).type);
        }
}

static void
declare_aggregate(struct declaring *declaring, const char *name, const char *text)
{
        struct sqi_aggregate aggregate;
        struct sq_field field = {NULL, SQ_ANY};

        if (!sqi_columns_put(&declaring->columns, text, &aggregate)) {
                char why[WHY_MAX];

                sqi_aggregate_refuse(text, why, sizeof(why));
                sq_declare_error(declaring->decl, "compute", "%s", why);
                return;
        }
        declare_columns(declaring);
        for (size_t i = 0; i < SQI_ARGUMENTS; i++) {
                enum sq_type type;

                if (!aggregate.arguments[i].ptr)
                        continue;
                type = field_of(declaring, aggregate.arguments[i]).type;
                if (i == 0)
                        field.type = type;
                if (sqi_aggregate_wants_number(&aggregate, i) && !sq_may_be_number(type))
                        sq_declare_error(
                                declaring->decl, "compute", "the field `%.*s` is not a number: it is declared as %s",
                                (int)aggregate.arguments[i].len, aggregate.arguments[i].ptr, sq_type_name(type));
        }
        sq_declare_out(declaring->decl, 0, name, sqi_aggregate_type(&aggregate, field.type));
}

/* ---- Event time -------------------------------------------------------------------------------------- */

/* `time` names a field. */
static const char *
declared_time(struct declaring *declaring)
{
        const char *upstream = sq_declared_common_time(declaring->decl), *field = declaring->windows->time;

        if (upstream && strcmp(field, upstream) == 0)
                return upstream;
        if (sq_declared_field(declaring->decl, 0, field).name &&
            sq_declared_field(declaring->decl, 0, field).type != SQ_TIME)
                sq_declare_error(
                        declaring->decl, "time",
                        "the field `%s` is not a time: it is declared as %s (name it in `event-time` upstream, "
                        "with its format)",
                        field, sq_type_name(sq_declared_field(declaring->decl, 0, field).type));
        return field;
}

/* Windows by event time ask for one field more, the last. */
static bool
declare_time(struct declaring *declaring, const struct sqi_rule *rule)
{
        const char *field = declaring->windows->time;

        if (sqi_is_by_wall(declaring->windows) || !sqi_rule_ends_by_time(rule))
                return false;
        if (field && !sq_declared_all_watermarks(declaring->decl)) {
                sq_declare_error(declaring->decl, "time",
                                 "no watermarks come: say `event-time: { field: %s, out-of-orderness: 5s }` of the "
                                 "component upstream that emits it",
                                 field);
                return false;
        }
        field = field ? declared_time(declaring) : sq_declared_event_time(declaring->decl);
        if (!field)
                return false;
        sq_declare_in(declaring->decl, field, sq_declared_field(declaring->decl, 0, field).type);
        sq_declare_until(declaring->decl, 0, "end");
        return true;
}

/* ---- All --------------------------------------------------------------------------------------------- */

/* What stands around what a window comes to. */
static void
declare_key(struct declaring *declaring, const struct sqi_rule *rule)
{
        const struct sq_list *by = &declaring->windows->by;

        for (size_t i = 0; i < by->n; i++)
                sq_declare_out(declaring->decl, 0, by->items[i],
                               sq_declared_field(declaring->decl, 0, by->items[i]).type);
        if (sqi_rule_ends_by_time(rule)) {
                sq_declare_out(declaring->decl, 0, "start", SQ_TIME);
                sq_declare_out(declaring->decl, 0, "end", SQ_TIME);
        }
}

/* Nothing is late by the time of day. */
static void
refuse_lateness(struct declaring *declaring, const struct sqi_rule *rule)
{
        if (rule->lateness > 0)
                sq_declare_error(declaring->decl, "lateness", "%s",
                                 sqi_is_by_wall(declaring->windows)
                                         ? "is for event time: by the time of day nothing is late"
                                         : "needs event time: say `event-time: { field: NAME, out-of-orderness: 5s }` "
                                           "of the component upstream that emits the time");
}

static void
declare_end(struct declaring *declaring, const struct sqi_rule *rule)
{
        if (sqi_rule_refires(rule))
                sq_declare_out(declaring->decl, 0, "firing", SQ_STR);
        else
                sq_declare_unused(declaring->decl, "discard",
                                  "without `early` or `lateness`: each window is emitted once");
        if (!declare_time(declaring, rule)) {
                /* A field of the name that event time had is not one: what goes out has long been passed by. */
                sq_declare_time(declaring->decl, 0, NULL);
                refuse_lateness(declaring, rule);
        }
        sq_declare_passing_on(declaring->decl, 1);
}

static void
read_rule(struct declaring *declaring, struct sqi_rule *ret)
{
        const char *option, *why = sqi_rule_read(declaring->windows, ret, &option);

        if (why)
                sq_declare_error(declaring->decl, option, "%s", why);
}

void
sq_windows_declare(struct sq_declaration *decl)
{
        const struct sq_aggregating *settings = sq_declared_state(decl);
        struct declaring declaring = {.decl = decl, .windows = &settings->windows};
        struct sqi_rule rule = {.kind = SQI_OVER_TIME};

        read_rule(&declaring, &rule);
        sqi_columns_of_key(&declaring.columns, &settings->windows.by);
        declare_columns(&declaring);
        declare_key(&declaring, &rule);
        for (size_t i = 0; i < settings->compute.n; i++)
                declare_aggregate(&declaring, settings->compute.names[i], settings->compute.values[i]);
        declare_end(&declaring, &rule);
}

void
sq_windowed_declare(struct sq_declaration *decl, const struct sq_windowed *windowed)
{
        const struct sq_windows *windows = sq_declared_state(decl);
        struct declaring declaring = {.decl = decl, .windows = windows};
        struct sqi_rule rule = {.kind = SQI_OVER_TIME};

        read_rule(&declaring, &rule);
        for (size_t i = 0; i < SQ_FIELDS_MAX && windowed->in[i].name; i++)
                sq_declare_in(decl, windowed->in[i].name, windowed->in[i].type);
        sqi_columns_of_key(&declaring.columns, &windows->by);
        declare_columns(&declaring);
        declare_key(&declaring, &rule);
        for (size_t i = 0; i < SQ_FIELDS_MAX && windowed->out[i].name; i++)
                sq_declare_out(decl, 0, windowed->out[i].name, windowed->out[i].type);
        declare_end(&declaring, &rule);
}
