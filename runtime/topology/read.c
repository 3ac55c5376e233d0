/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the YAML tree to the model: a table of keys for each map of the file (keys.h). Keys of Storm Flux that have
 * another name or no meaning here say so.
 */
#include "topology/keys.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/date.h"
#include "base/duration.h"
#include "base/nearest.h"

/* ---- Config ------------------------------------------------------------------------------------------ */

static void
set_config(struct sqi_model *model, struct sqi_config *config, const struct sqi_yaml_item *item)
{
        const struct sqi_config_key *key = sqi_config_find(item->key);
        const char *text = item->value->text;
        char error[512];
        int r;

        if (key && !sqi_expect_value(model, item, SQI_YAML_SCALAR))
                return;
        if (key && key->type == SQI_CONFIG_PATH && text[0] != '\0')
                text = sqi_model_path(model, text);
        r = sqi_config_try(config, item->key, key ? text : "", error, sizeof(error));
        if (r < 0)
                sqi_model_error(model, key ? item->value->place : item->key_place, "%s", error);
}

static void
read_config(struct sqi_model *model, void *into, const struct sqi_yaml_item *item)
{
        size_t n = 0;

        (void)into;
        if (item->value->kind == SQI_YAML_NULL || !sqi_expect_value(model, item, SQI_YAML_MAPPING))
                return;
        for (const struct sqi_yaml_item *each = item->value->first; each; each = each->next)
                n++;
        model->said = sqi_model_alloc(model, n, sizeof(*model->said));
        for (const struct sqi_yaml_item *each = item->value->first; each && model->said; each = each->next) {
                set_config(model, &model->config, each);
                model->said[model->nsaid++] = (struct sqi_said){each->key, each->value->place};
                model->delivery_given |= strcmp(each->key, "topology.delivery") == 0;
        }
}

/* A component's own config: its ticks, and nothing else. */
static void
read_component_config(struct sqi_model *model, void *into, const struct sqi_yaml_item *item)
{
        struct sqi_model_component *component = into;
        struct sqi_config scratch;

        if (item->value->kind == SQI_YAML_NULL || !sqi_expect_value(model, item, SQI_YAML_MAPPING))
                return;
        for (const struct sqi_yaml_item *each = item->value->first; each; each = each->next) {
                if (strcmp(each->key, "topology.tick.tuple.freq.secs") != 0 && sqi_config_find(each->key)) {
                        sqi_model_error(model, each->key_place,
                                        "'%s' is for the whole topology (move it to the file's own 'config')",
                                        each->key);
                        continue;
                }
                sqi_config_defaults(&scratch);
                scratch.tick_secs = -1;
                set_config(model, &scratch, each);
                component->tick_secs = scratch.tick_secs;
        }
}

/* ---- Components -------------------------------------------------------------------------------------- */

static void
read_component_id(struct sqi_model *model, void *into, const struct sqi_yaml_item *item)
{
        sqi_read_id(model, item, &((struct sqi_model_component *)into)->id);
}

static void
read_component_name(struct sqi_model *model, void *into, const struct sqi_yaml_item *item)
{
        struct sqi_word *word = &((struct sqi_model_component *)into)->component;

        if (item->value->kind == SQI_YAML_NULL && sqi_yaml_component(item->value))
                *word = (struct sqi_word){sqi_yaml_component(item->value), item->value->place};
        else
                sqi_read_word(model, item, word);
}

static void
read_properties(struct sqi_model *model, void *into, const struct sqi_yaml_item *item)
{
        sqi_model_properties(model, into, item);
}

static void
read_parallelism(struct sqi_model *model, void *into, const struct sqi_yaml_item *item)
{
        struct sqi_model_component *component = into;
        const struct sqi_yaml *node = item->value;
        int64_t number;

        if (!sqi_expect_value(model, item, SQI_YAML_SCALAR))
                return;
        if (sqi_parse_int(node->text, &number) < 0)
                sqi_model_error(model, node->place, "'parallelism' needs a whole number, not '%.200s'", node->text);
        else if (number < 1 || number > SQI_PARALLELISM_MAX)
                sqi_model_error(model, node->place, "'parallelism' is out of range: 1 to %d, not %lld",
                                SQI_PARALLELISM_MAX, (long long)number);
        else
                component->parallelism = number;
}

static void
read_time_field(struct sqi_model *model, void *into, const struct sqi_yaml_item *item)
{
        sqi_read_word(model, item, &((struct sqi_model_time *)into)->field);
}

static void
read_time_stream(struct sqi_model *model, void *into, const struct sqi_yaml_item *item)
{
        sqi_read_word(model, item, &((struct sqi_model_time *)into)->stream);
}

/* False: reported. */
static bool
read_duration(struct sqi_model *model, struct sqi_model_time *time, const struct sqi_yaml_item *item, uint64_t *ret_ns)
{
        bool is_text = sqi_expect_value(model, item, SQI_YAML_SCALAR);
        int r = is_text ? sqi_duration_read(item->value->text, ret_ns) : -EINVAL;

        if (r == 0)
                return true;
        if (is_text)
                sqi_model_error(model, item->value->place, "'%s' needs a time%s, such as 5s, 250ms or 1d, not '%.200s'",
                                item->key, r == -ERANGE ? " of 11,574 days at most" : "", item->value->text);
        time->broken = true;
        return false;
}

static void
read_disorder(struct sqi_model *model, void *into, const struct sqi_yaml_item *item)
{
        struct sqi_model_time *time = into;
        uint64_t ns = 0;

        if (read_duration(model, time, item, &ns))
                time->it.disorder_ns = (int64_t)ns;
}

static void
read_idle(struct sqi_model *model, void *into, const struct sqi_yaml_item *item)
{
        struct sqi_model_time *time = into;

        if (!read_duration(model, time, item, &time->it.idle_ns) || time->it.idle_ns > 0)
                return;
        time->broken = true;
        sqi_model_error(model, item->value->place, "'idle' is longer than 0 (leave it out, and the stream never is)");
}

static void
read_time_format(struct sqi_model *model, void *into, const struct sqi_yaml_item *item)
{
        struct sqi_model_time *time = into;
        struct sqi_time_format *format = &time->it.format;
        struct sqi_nearest nearest;
        char hint[SQI_HINT_SIZE];
        const char *wrong;

        sqi_read_word(model, item, &time->format);
        time->broken |= !time->format.text;
        if (!time->format.text)
                return;
        for (int unit = SQI_UNIT_S; unit <= SQI_UNIT_NS; unit++)
                if (strcmp(time->format.text, sqi_time_unit_name((enum sqi_time_unit)unit)) == 0)
                        format->unit = (enum sqi_time_unit)unit;
        if (format->unit != SQI_UNIT_NONE)
                return;
        *format = (struct sqi_time_format){SQI_UNIT_DATE, time->format.text};
        wrong = sqi_date_check((struct sq_str){time->format.text, strlen(time->format.text)});
        if (!wrong)
                return;
        time->broken = true;
        nearest = sqi_nearest(time->format.text);
        sqi_nearest_offer_choices(&nearest, "s|ms|us|ns|iso8601");
        sqi_model_error(model, time->format.place,
                        "unknown format '%.200s'%s: a number in the field counts s, ms, us or ns since 1970; of text, "
                        "%s",
                        time->format.text, sqi_nearest_hint(&nearest, hint), wrong);
}

static const struct sqi_key_reader time_keys[] = {
        {"field", read_time_field, "", NULL},     {"out-of-orderness", read_disorder, NULL, NULL},
        {"idle", read_idle, NULL, NULL},          {"format", read_time_format, NULL, NULL},
        {"stream", read_time_stream, NULL, NULL}, {NULL, NULL, NULL, NULL},
};

/* The name of the field alone will do. */
static void
read_event_time(struct sqi_model *model, void *into, const struct sqi_yaml_item *item)
{
        struct sqi_model_component *component = into;
        struct sqi_model_time *time = sqi_model_alloc(model, 1, sizeof(*time));

        component->event_time = time;
        if (!time)
                return;
        time->place = item->key_place;
        if (item->value->kind == SQI_YAML_SCALAR)
                sqi_read_word(model, item, &time->field);
        else if (sqi_expect_value(model, item, SQI_YAML_MAPPING))
                sqi_read_keys(model, time_keys, item->value, "the event-time", time);
        time->broken |= !time->field.text;
}

#define HOW_TO_LIMIT_MEMORY \
        "there is one machine and no scheduler; to limit a worker, set topology.worker.memory.mb in the file's 'config'"

static const struct sqi_key_reader component_keys[] = {
        {"id", read_component_id, "", NULL},
        {"component", read_component_name, "", NULL},
        {"parallelism", read_parallelism, NULL, NULL},
        {"properties", read_properties, NULL, NULL},
        {"config", read_component_config, NULL, NULL},
        {"event-time", read_event_time, NULL, NULL},
        {"numTasks", NULL, NULL, "a task is never more than one thread; give the number of tasks as 'parallelism'"},
        {"onHeapMemoryLoad", NULL, NULL, HOW_TO_LIMIT_MEMORY},
        {"offHeapMemoryLoad", NULL, NULL, HOW_TO_LIMIT_MEMORY},
        {"memoryLoad", NULL, NULL, HOW_TO_LIMIT_MEMORY},
        {"cpuLoad", NULL, NULL,
         "there is one machine and no scheduler; to limit a worker, set topology.worker.cpu in the file's 'config'"},
        {"className", NULL, NULL, "it is Java's; name a built-in or a .so with 'component'"},
        {"constructorArgs", NULL, NULL, "it is Java's; settings go into 'properties'"},
        {"configMethods", NULL, NULL, "it is Java's; settings go into 'properties'"},
        {"factory", NULL, NULL, "it is Java's; name a built-in or a .so with 'component'"},
        {"factoryArgs", NULL, NULL, "it is Java's; settings go into 'properties'"},
        {NULL, NULL, NULL, NULL},
};

static void
refuse_duplicate(struct sqi_model *model, struct sqi_model_component *component)
{
        int first = component->id.text ? sqi_model_find(model, component->id.text) : -1;

        if (first < 0 || &model->components[first] == component)
                return;
        sqi_model_error(model, component->id.place, "the id '%s' is taken (by the %s in line %u)", component->id.text,
                        sqi_kind_name(model->components[first].kind), model->components[first].id.place.line);
        component->id.text = NULL;
}

static void
read_components(struct sqi_model *model, const struct sqi_yaml *list, enum sq_kind kind)
{
        const char *what = kind == SQ_KIND_BOLT ? "the bolt" : "the spout";
        struct sqi_model_component *component;

        for (const struct sqi_yaml_item *item = list->first; item; item = item->next) {
                if (!sqi_model_expect(model, item->value, SQI_YAML_MAPPING, what))
                        continue;
                component = &model->components[model->ncomponents++];
                component->kind = kind;
                component->place = item->value->place;
                component->parallelism = 1;
                component->tick_secs = -1;
                sqi_read_keys(model, component_keys, item->value, what, component);
                refuse_duplicate(model, component);
        }
}

/* ---- Streams ----------------------------------------------------------------------------------------- */

static void
read_from(struct sqi_model *model, void *into, const struct sqi_yaml_item *item)
{
        sqi_read_word(model, item, &((struct sqi_model_edge *)into)->from);
}

static void
read_to(struct sqi_model *model, void *into, const struct sqi_yaml_item *item)
{
        sqi_read_word(model, item, &((struct sqi_model_edge *)into)->to);
}

static void
read_stream_id(struct sqi_model *model, void *into, const struct sqi_yaml_item *item)
{
        sqi_read_word(model, item, &((struct sqi_model_edge *)into)->stream);
}

/* Names as Flux has them do as well: any case, underscores for dashes. */
static bool
same_grouping(const char *a, const char *b)
{
        for (; *a != '\0' && *b != '\0'; a++, b++)
                if (tolower((unsigned char)*a) != tolower((unsigned char)*b) && !(*a == '_' && *b == '-'))
                        return false;
        return *a == *b;
}

static void
set_grouping(struct sqi_model *model, struct sqi_model_edge *edge, const struct sqi_yaml *node)
{
        struct sqi_nearest nearest;
        char hint[SQI_HINT_SIZE];
        int type;

        edge->grouping_place = node->place;
        edge->grouping_broken = true;
        if (!sqi_model_expect(model, node, SQI_YAML_SCALAR, "the type of a grouping"))
                return;
        nearest = sqi_nearest(node->text);
        for (type = SQI_SHUFFLE; type < SQI_GROUPINGS; type++) {
                sqi_nearest_offer(&nearest, sqi_grouping_name((enum sqi_grouping_type)type));
                if (same_grouping(node->text, sqi_grouping_name((enum sqi_grouping_type)type))) {
                        edge->grouping = (enum sqi_grouping_type)type;
                        edge->grouping_broken = false;
                        return;
                }
        }
        sqi_model_error(model, node->place, "unknown grouping '%.200s'%s", node->text,
                        sqi_nearest_hint(&nearest, hint));
}

static void
read_grouping_type(struct sqi_model *model, void *into, const struct sqi_yaml_item *item)
{
        set_grouping(model, into, item->value);
}

static void
read_args(struct sqi_model *model, void *into, const struct sqi_yaml_item *item)
{
        struct sqi_model_edge *edge = into;
        const struct sqi_yaml_item *each;
        const struct sqi_yaml_item alone = {"args", item->key_place, item->value, NULL};

        if (item->value->kind == SQI_YAML_NULL)
                return;
        if (item->value->kind != SQI_YAML_SCALAR && !sqi_expect_value(model, item, SQI_YAML_SEQUENCE))
                return;
        each = item->value->kind == SQI_YAML_SCALAR ? &alone : item->value->first;
        if (item->value->n > SQ_FIELDS_MAX) {
                sqi_model_error(model, item->value->place, "'args' names more than %u fields", SQ_FIELDS_MAX);
                edge->grouping_broken = true;
                return;
        }
        edge->args = sqi_model_alloc(model, item->value->n + 1, sizeof(*edge->args));
        for (; edge->args && each; each = each->next) {
                const struct sqi_yaml_item arg = {"args", each->key_place, each->value, NULL};

                sqi_read_word(model, &arg, &edge->args[edge->nargs]);
                edge->grouping_broken |= !edge->args[edge->nargs++].text;
        }
}

/* What chooses in a custom grouping is named and set as a bolt is. */
static struct sqi_model_component *
custom_of(struct sqi_model *model, struct sqi_model_edge *edge, const struct sqi_yaml_item *item)
{
        if (!edge->custom)
                edge->custom = sqi_model_alloc(model, 1, sizeof(*edge->custom));
        if (edge->custom) {
                edge->custom->kind = SQ_KIND_GROUPING;
                edge->custom->place = edge->place;
                if (!edge->custom->component.text)
                        edge->custom->component.place = item->key_place;
        }
        return edge->custom;
}

static void
read_grouping_component(struct sqi_model *model, void *into, const struct sqi_yaml_item *item)
{
        struct sqi_model_edge *edge = into;
        struct sqi_model_component *custom = custom_of(model, edge, item);

        if (custom)
                read_component_name(model, custom, item);
        edge->grouping_broken |= !custom || !custom->component.text;
}

static void
read_grouping_properties(struct sqi_model *model, void *into, const struct sqi_yaml_item *item)
{
        struct sqi_model_component *custom = custom_of(model, into, item);

        if (custom)
                sqi_model_properties(model, custom, item);
}

static const struct sqi_key_reader grouping_keys[] = {
        {"type", read_grouping_type, "", NULL},
        {"component", read_grouping_component, NULL, NULL},
        {"properties", read_grouping_properties, NULL, NULL},
        {"args", read_args, NULL, NULL},
        {"streamId", read_stream_id, NULL, NULL},
        {"fields", NULL, NULL, "write type: fields, args: [FIELD]"},
        {"customClass", NULL, NULL, "it is Java's; name a .so with 'component'"},
        {NULL, NULL, NULL, NULL},
};

static void
check_args(struct sqi_model *model, struct sqi_model_edge *edge)
{
        bool needs = edge->grouping == SQI_FIELDS || edge->grouping == SQI_PARTIAL_KEY;
        const char *name = sqi_grouping_name(edge->grouping);

        if (edge->grouping_broken)
                return;
        if (needs && edge->nargs == 0)
                sqi_model_error(model, edge->grouping_place, "the grouping '%s' names no field (add args: [FIELD])",
                                name);
        else if (!needs && edge->nargs > 0 && edge->grouping != SQI_CUSTOM)
                sqi_model_error(model, edge->args[0].place,
                                "the grouping '%s' takes no args (did you mean type: fields?)", name);
        edge->grouping_broken = needs != (edge->nargs > 0) && edge->grouping != SQI_CUSTOM;
}

static void
check_custom(struct sqi_model *model, struct sqi_model_edge *edge)
{
        bool named = edge->custom && edge->custom->component.place.line > 0 && edge->custom->component.text;

        if (edge->grouping_broken)
                return;
        if (edge->grouping == SQI_CUSTOM && !named)
                sqi_model_error(model, edge->grouping_place,
                                "the grouping 'custom' names no .so (add component: NAME, or component: ./NAME.so)");
        else if (edge->grouping != SQI_CUSTOM && edge->custom)
                sqi_model_error(model, edge->custom->component.place,
                                "the grouping '%s' takes no component and no properties (did you mean type: custom?)",
                                sqi_grouping_name(edge->grouping));
        edge->grouping_broken = (edge->grouping == SQI_CUSTOM) != named;
}

static void
read_grouping(struct sqi_model *model, void *into, const struct sqi_yaml_item *item)
{
        struct sqi_model_edge *edge = into;

        if (item->value->kind == SQI_YAML_SCALAR) {
                set_grouping(model, edge, item->value);
        } else {
                edge->grouping_broken = true;
                if (!sqi_expect_value(model, item, SQI_YAML_MAPPING))
                        return;
                edge->grouping_broken = !sqi_yaml_get(item->value, "type");
                sqi_read_keys(model, grouping_keys, item->value, "the grouping", edge);
        }
        check_args(model, edge);
        check_custom(model, edge);
}

static const struct sqi_key_reader stream_keys[] = {
        {"from", read_from, "", NULL},
        {"to", read_to, "", NULL},
        {"streamId", read_stream_id, NULL, NULL},
        {"grouping", read_grouping,
         ": { type: shuffle } hands tuples to the tasks in turn, { type: fields, args: [FIELD] } those of equal values to the same one",
         NULL},
        {"name", NULL, NULL, NULL},
        {"id", NULL, NULL, NULL},
        {NULL, NULL, NULL, NULL},
};

static void
read_streams(struct sqi_model *model, const struct sqi_yaml *list)
{
        struct sqi_model_edge *edge;

        for (const struct sqi_yaml_item *item = list->first; item; item = item->next) {
                if (!sqi_model_expect(model, item->value, SQI_YAML_MAPPING, "the stream"))
                        continue;
                edge = &model->edges[model->nedges++];
                edge->place = item->value->place;
                edge->source = edge->target = edge->stream_index = -1;
                sqi_read_keys(model, stream_keys, item->value, "the stream", edge);
        }
}

/* ---- The file ---------------------------------------------------------------------------------------- */

static void
read_name(struct sqi_model *model, void *into, const struct sqi_yaml_item *item)
{
        (void)into;
        sqi_read_id(model, item, &model->name);
}

#define OUTSIDE_FLUX "Flux's Java beans; a component is a built-in or a .so, its settings go into 'properties'"

/* Spouts, bolts and streams are read after the rest, in this order, whatever theirs. */
static const struct sqi_key_reader file_keys[] = {
        {"name", read_name, "", NULL},
        {"config", read_config, NULL, NULL},
        {"spouts", NULL, "", NULL},
        {"bolts", NULL, NULL, NULL},
        {"streams", NULL, NULL, NULL},
        {"components", NULL, NULL, OUTSIDE_FLUX},
        {"topologySource", NULL, NULL, OUTSIDE_FLUX},
        {"includes", NULL, NULL, "there is one file a topology; copy what the other file declares into this one"},
        {"workerHooks", NULL, NULL,
         "a component's own .prepare and .cleanup run in its worker, at its start and its end"},
        {NULL, NULL, NULL, NULL},
};

/* The list below `key`, an empty one when there is none. */
static const struct sqi_yaml *
list_of(struct sqi_model *model, const struct sqi_yaml *root, const char *key)
{
        static const struct sqi_yaml none = {.kind = SQI_YAML_SEQUENCE};
        const struct sqi_yaml_item *item = sqi_yaml_get(root, key);

        if (!item || item->value->kind == SQI_YAML_NULL)
                return &none;
        if (item->value->kind == SQI_YAML_SEQUENCE)
                return item->value;
        model->incomplete = true;
        if (!item->value->broken)
                sqi_model_error(model, item->value->place, "'%s' needs a list, not %s (each entry begins with `- `)",
                                key, sqi_yaml_kind_name(item->value->kind));
        return &none;
}

void
sqi_model_read(struct sqi_model *model, const struct sqi_yaml *root)
{
        const struct sqi_yaml *spouts, *bolts, *streams;
        const struct sqi_yaml_item *item;

        sqi_config_defaults(&model->config);
        if (!sqi_model_expect(model, root, SQI_YAML_MAPPING, "a topology file"))
                return;
        sqi_read_keys(model, file_keys, root, "the file", model);
        spouts = list_of(model, root, "spouts");
        bolts = list_of(model, root, "bolts");
        streams = list_of(model, root, "streams");
        item = sqi_yaml_get(root, "spouts");
        if (item && spouts->n == 0 && (item->value->kind == SQI_YAML_NULL || item->value->kind == SQI_YAML_SEQUENCE))
                sqi_model_error(model, item->key_place, "there is no spout (a topology has at least one)");
        if (spouts->n + bolts->n > SQI_COMPONENTS_MAX) {
                sqi_model_error(model, root->place, "too many components: %zu (%d at most)", spouts->n + bolts->n,
                                SQI_COMPONENTS_MAX);
                return;
        }
        model->components = sqi_model_alloc(model, spouts->n + bolts->n, sizeof(*model->components));
        model->edges = sqi_model_alloc(model, streams->n, sizeof(*model->edges));
        if (!model->components || !model->edges)
                return;
        read_components(model, spouts, SQ_KIND_SPOUT);
        read_components(model, bolts, SQ_KIND_BOLT);
        read_streams(model, streams);
}
