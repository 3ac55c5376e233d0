/* SPDX-License-Identifier: Apache-2.0 */
#include "topology/flux.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "component/settings.h"
#include "plan/config.h"

enum { DEPTH = 8 }; /* of includes */

/* ---- Trees ------------------------------------------------------------------------------------------- */

static const struct sqi_yaml *
get(const struct sqi_yaml *map, const char *key)
{
        const struct sqi_yaml_item *item = map->kind == SQI_YAML_MAPPING ? sqi_yaml_get(map, key) : NULL;

        return item && item->value->kind != SQI_YAML_NULL ? item->value : NULL;
}

static const char *
text_of(const struct sqi_yaml *map, const char *key)
{
        const struct sqi_yaml *value = get(map, key);

        return value && value->kind == SQI_YAML_SCALAR ? value->text : NULL;
}

static const struct sqi_yaml_item *
first_of(const struct sqi_yaml *map, const char *key)
{
        const struct sqi_yaml *list = get(map, key);

        return list && list->kind == SQI_YAML_SEQUENCE ? list->first : NULL;
}

/* ---- Which file it is -------------------------------------------------------------------------------- */

static bool
any_has(const struct sqi_yaml *file, const char *key)
{
        static const char *const lists[] = {"spouts", "bolts"};

        for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
                for (const struct sqi_yaml_item *item = first_of(file, lists[i]); item; item = item->next)
                        if (item->value->kind == SQI_YAML_MAPPING && sqi_yaml_get(item->value, key))
                                return true;
        return false;
}

bool
sqi_flux_is(const char *text, size_t size)
{
        static const char *const keys[] = {"includes", "components", "topologySource"};
        struct sqi_diagnostics unsaid = {0};
        struct sqi_arena *arena = sqi_arena_new();
        struct sqi_yaml *file = NULL;
        bool is = false;

        if (arena && sqi_yaml_parse_plain(arena, text, size, &unsaid, &file) == 0 && file &&
            file->kind == SQI_YAML_MAPPING) {
                is = any_has(file, "className");
                for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
                        is |= get(file, keys[i]) != NULL;
                is &= !any_has(file, "component");
        }
        sqi_diagnostics_release(&unsaid);
        if (arena)
                sqi_arena_free(&arena);
        return is;
}

/* ---- Includes ---------------------------------------------------------------------------------------- */

/* A part of another kind would be passed over below. */
static int
check_parts(const struct sqi_yaml *file, struct sqi_diagnostics *diagnostics)
{
        static const char *const lists[] = {"includes", "components", "spouts", "bolts", "streams"};
        const struct sqi_yaml *config = get(file, "config");
        size_t errors = diagnostics->errors;

        for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
                const struct sqi_yaml *part = get(file, lists[i]);
                if (part && part->kind != SQI_YAML_SEQUENCE)
                        sqi_diagnose(diagnostics, SQI_ERROR, part->place, "'%s' is a list", lists[i]);
        }
        if (config && config->kind != SQI_YAML_MAPPING)
                sqi_diagnose(diagnostics, SQI_ERROR, config->place, "'config' is a map");
        return diagnostics->errors > errors ? -EINVAL : 0;
}

static int
read_text(struct sqi_flux_job *job, const char *text, size_t size, struct sqi_diagnostics *diagnostics,
          struct sqi_yaml **ret)
{
        char *expanded = NULL;
        size_t len = 0;
        int r = sqi_flux_expand(job->flux, text, size, diagnostics, &expanded, &len);

        if (r == 0)
                r = sqi_yaml_parse_plain(job->arena, expanded, len, diagnostics, ret);
        free(expanded);
        if (r == 0 && (*ret)->kind != SQI_YAML_MAPPING) {
                sqi_diagnose(diagnostics, SQI_ERROR, (*ret)->place, "a Flux file is a map");
                r = -EINVAL;
        }
        return r == 0 ? check_parts(*ret, diagnostics) : r;
}

/* Of a list, the item that has the id of another; or of a map, that of the same key. */
static struct sqi_yaml_item *
same_as(const struct sqi_yaml *into, const struct sqi_yaml_item *other)
{
        const char *id = other->key ? other->key : text_of(other->value, "id");

        for (struct sqi_yaml_item *item = into->first; item && id; item = item->next) {
                const char *its = item->key ? item->key : text_of(item->value, "id");
                if (its && strcmp(its, id) == 0)
                        return item;
        }
        return NULL;
}

static void
merge_part(struct sqi_flux_job *job, struct sqi_yaml *into, const struct sqi_yaml *from, const char *key, bool override)
{
        const struct sqi_yaml *part = get(from, key);
        const struct sqi_yaml_item *there = sqi_yaml_get(into, key);

        if (!part)
                return;
        if (!there || there->value->kind == SQI_YAML_NULL) {
                sqi_flux_put(job, into, key, part);
                return;
        }
        if (there->value->kind != part->kind || part->kind < SQI_YAML_SEQUENCE)
                return; /* who includes it has its own name */
        for (const struct sqi_yaml_item *item = part->first; item; item = item->next) {
                struct sqi_yaml_item *same = same_as(there->value, item);
                if (same && override)
                        same->value = item->value;
                else if (!same)
                        sqi_flux_put(job, there->value, item->key, item->value);
        }
}

/* Beside the file that includes it, also by the last part of its name: a resource has no path here. */
static char *
find_included(const struct sqi_flux_job *job, const char *name)
{
        const char *slash = strrchr(job->flux->path, '/'), *last = strrchr(name, '/');
        int len = slash ? (int)(slash - job->flux->path + 1) : 0;
        char *path = NULL;
        FILE *file;

        if (name[0] == '/' && (file = fopen(name, "re"))) {
                fclose(file);
                return strdup(name);
        }
        if (asprintf(&path, "%.*s%s", len, job->flux->path, name) < 0)
                return NULL;
        file = fopen(path, "re");
        if (file) {
                fclose(file);
                return path;
        }
        free(path);
        return asprintf(&path, "%.*s%s", len, job->flux->path, last ? last + 1 : name) < 0 ? NULL : path;
}

static void include_all(struct sqi_flux_job *job, struct sqi_yaml *into, unsigned depth);

static void
tell_of_included(struct sqi_flux_job *job, const char *path, const struct sqi_diagnostic *said, struct sqi_place place)
{
        char line[16] = "";

        if (said->place.line > 0)
                snprintf(line, sizeof(line), "%u:", said->place.line);
        sqi_diagnose(job->diagnostics, said->severity, place, "%s:%s %s", path, line, said->text);
}

/* What is wrong in it is said of the entry that includes it. */
static void
include(struct sqi_flux_job *job, struct sqi_yaml *into, const struct sqi_yaml *entry, unsigned depth)
{
        static const char *const parts[] = {"name", "config", "components", "spouts", "bolts", "streams"};
        const char *name = text_of(entry, "file"), *override = text_of(entry, "override");
        char *path = name ? find_included(job, name) : NULL, *text = NULL;
        struct sqi_diagnostics inner = {0};
        struct sqi_yaml *file = NULL;
        size_t size;

        if (!name || depth == DEPTH) {
                sqi_diagnose(job->diagnostics, SQI_ERROR, entry->place,
                             name ? "includes that go too deep" : "an include names no 'file'");
        } else if (!path) {
                job->no_memory = true;
        } else if (sqi_yaml_load(path, &inner, &text, &size) == 0 && read_text(job, text, size, &inner, &file) == 0) {
                include_all(job, file, depth + 1);
                for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
                        merge_part(job, into, file, parts[i], override && strcasecmp(override, "true") == 0);
        }
        for (size_t i = 0; i < inner.n; i++)
                tell_of_included(job, path, &inner.items[i], entry->place);
        sqi_diagnostics_release(&inner);
        free(text);
        free(path);
}

static void
include_all(struct sqi_flux_job *job, struct sqi_yaml *into, unsigned depth)
{
        for (const struct sqi_yaml_item *item = first_of(into, "includes"); item; item = item->next)
                include(job, into, item->value, depth);
}

/* ---- The parts --------------------------------------------------------------------------------------- */

/* Keys that Squall has; what it has not goes to the programs, as Storm hands them all of it. */
static void
put_config(struct sqi_flux_job *job, struct sqi_yaml *into, struct sqi_yaml *more)
{
        const struct sqi_yaml *config = get(job->file, "config");
        struct sqi_yaml *known = sqi_flux_node(job, SQI_YAML_MAPPING, config ? config->place : job->file->place);

        for (const struct sqi_yaml_item *item = config && config->kind == SQI_YAML_MAPPING ? config->first : NULL; item;
             item = item->next) {
                bool ackers = strcmp(item->key, "topology.acker.executors") == 0 && item->value->text;
                if (sqi_config_find(item->key) && item->value->kind == SQI_YAML_SCALAR)
                        sqi_flux_put(job, known, item->key, item->value);
                else if (ackers && strcmp(item->value->text, "0") == 0)
                        sqi_flux_put(job, known, "topology.delivery",
                                     sqi_flux_text(job, "at-most-once", item->value->place));
                else if (item->value->kind != SQI_YAML_NULL)
                        sqi_flux_put(job, more, item->key, item->value);
        }
        if (known && known->n > 0)
                sqi_flux_put(job, into, "config", known);
}

/* The whole number above 0 that stands there, if anything does. */
static const struct sqi_yaml *
get_number(const struct sqi_flux_job *job, const struct sqi_yaml *from, const char *key)
{
        const struct sqi_yaml *value = get(from, key);
        int64_t number = 0;

        if (value && (value->kind != SQI_YAML_SCALAR || sqi_parse_int(value->text, &number) < 0 || number < 1))
                sqi_diagnose(job->diagnostics, SQI_ERROR, value->place, "'%s' needs a whole number above 0", key);
        return value;
}

/* A task of Storm's is a task here: numTasks, else the executors. */
static void
put_parallelism(struct sqi_flux_job *job, const struct sqi_yaml *from, struct sqi_yaml *into)
{
        const struct sqi_yaml *tasks = get_number(job, from, "numTasks"),
                              *executors = get_number(job, from, "parallelism");

        if (tasks || executors)
                sqi_flux_put(job, into, "parallelism", tasks ? tasks : executors);
}

static void
put_components(struct sqi_flux_job *job, struct sqi_yaml *into, const char *key, bool spout)
{
        const struct sqi_yaml *list = get(job->file, key), *id;
        struct sqi_yaml *made = list ? sqi_flux_node(job, SQI_YAML_SEQUENCE, list->place) : NULL, *component;

        for (const struct sqi_yaml_item *item = first_of(job->file, key); item && made; item = item->next) {
                if (item->value->kind != SQI_YAML_MAPPING) {
                        sqi_diagnose(job->diagnostics, SQI_ERROR, item->value->place, "an entry of '%s' is a map", key);
                        continue;
                }
                component = sqi_flux_node(job, SQI_YAML_MAPPING, item->value->place);
                id = get(item->value, "id");
                if (id)
                        sqi_flux_put(job, component, "id", id);
                sqi_flux_class(job, item->value, component, spout);
                put_parallelism(job, item->value, component);
                sqi_flux_put(job, made, NULL, component);
        }
        if (made)
                sqi_flux_put(job, into, key, made);
}

/* NGrouping(n) is the first n of the tasks, whatever their number. */
static void
put_custom(struct sqi_flux_job *job, struct sqi_yaml *made, const struct sqi_yaml *grouping)
{
        const struct sqi_yaml *class = get(grouping, "customClass");
        const char *name = class ? text_of(class, "className") : NULL;
        const struct sqi_yaml_item *n = class ? first_of(class, "constructorArgs") : NULL;
        struct sqi_yaml *properties = sqi_flux_node(job, SQI_YAML_MAPPING, grouping->place);
        int64_t first = 0;

        if (!name || strcmp(name, "org.apache.storm.testing.NGrouping") != 0) {
                job->java = true;
                sqi_diagnose(job->diagnostics, SQI_ERROR, (class ? class : grouping)->place,
                             "the grouping '%s' is Java, which Squall does not run (a grouping is a .so: type: custom, "
                             "component: ./NAME.so; or take 'direct', and let the component before it name the task)",
                             name ? name : "CUSTOM");
                return;
        }
        if (!n || !n->value->text || sqi_parse_int(n->value->text, &first) < 0 || first < 1) {
                sqi_diagnose(job->diagnostics, SQI_ERROR, class->place,
                             "NGrouping takes 1 argument: how many of the first tasks, at least 1");
                return;
        }
        sqi_flux_put(job, made, "component", sqi_flux_text(job, "first", grouping->place));
        sqi_flux_put(job, properties, "tasks", n->value);
        sqi_flux_put(job, made, "properties", properties);
}

static const struct sqi_yaml *
translate_grouping(struct sqi_flux_job *job, const struct sqi_yaml *grouping)
{
        const char *type = text_of(grouping, "type");
        struct sqi_yaml *made;

        if (!type || strcasecmp(type, "CUSTOM") != 0)
                return grouping;
        made = sqi_flux_node(job, SQI_YAML_MAPPING, grouping->place);
        sqi_flux_put(job, made, "type", sqi_flux_text(job, "custom", grouping->place));
        put_custom(job, made, grouping);
        if (get(grouping, "streamId"))
                sqi_flux_put(job, made, "streamId", get(grouping, "streamId"));
        return made;
}

static const struct sqi_yaml *
find_bolt(const struct sqi_flux_job *job, const char *id)
{
        for (const struct sqi_yaml_item *item = first_of(job->file, "bolts"); item && id; item = item->next)
                if (text_of(item->value, "id") && strcmp(text_of(item->value, "id"), id) == 0)
                        return item->value;
        return NULL;
}

static void
put_stream(struct sqi_flux_job *job, struct sqi_yaml *made, const struct sqi_yaml *stream)
{
        struct sqi_yaml *one = sqi_flux_node(job, SQI_YAML_MAPPING, stream->place);
        const struct sqi_yaml *source = find_bolt(job, text_of(stream, "from"));

        if (source && sqi_flux_is_silent(source)) {
                sqi_diagnose(job->diagnostics, SQI_WARNING, stream->place,
                             "'%s' emits nothing: '%s' gets nothing by this stream, which is left out",
                             text_of(stream, "from"), text_of(stream, "to") ? text_of(stream, "to") : "?");
                return;
        }
        for (const struct sqi_yaml_item *item = stream->first; item; item = item->next) {
                const struct sqi_yaml *value = item->value;
                if (strcmp(item->key, "grouping") == 0 && value->kind == SQI_YAML_MAPPING)
                        value = translate_grouping(job, value);
                if (strcmp(item->key, "name") != 0 && strcmp(item->key, "id") != 0)
                        sqi_flux_put(job, one, item->key, value);
        }
        sqi_flux_put(job, made, NULL, one);
}

static void
put_streams(struct sqi_flux_job *job, struct sqi_yaml *into)
{
        const struct sqi_yaml *list = get(job->file, "streams");
        struct sqi_yaml *made = list ? sqi_flux_node(job, SQI_YAML_SEQUENCE, list->place) : NULL;

        for (const struct sqi_yaml_item *item = first_of(job->file, "streams"); item && made; item = item->next)
                if (item->value->kind == SQI_YAML_MAPPING)
                        put_stream(job, made, item->value);
                else
                        sqi_diagnose(job->diagnostics, SQI_ERROR, item->value->place, "an entry of 'streams' is a map");
        if (made)
                sqi_flux_put(job, into, "streams", made);
}

/* What Squall cannot do at all, and what it does without. */
static void
look_at_the_rest(struct sqi_flux_job *job)
{
        const struct sqi_yaml_item *source = sqi_yaml_get(job->file, "topologySource"),
                                   *hooks = sqi_yaml_get(job->file, "workerHooks");

        job->java |= source != NULL;
        if (source && text_of(source->value, "className"))
                sqi_diagnose(
                        job->diagnostics, SQI_ERROR, source->key_place,
                        "topologySource: %s is Java, which Squall does not run (declare the spouts, bolts and streams "
                        "that it builds: `squall components` lists what they can be)",
                        text_of(source->value, "className"));
        else if (source)
                sqi_diagnose(job->diagnostics, SQI_ERROR, source->key_place,
                             "'topologySource' is Java, which Squall does not run (declare spouts, bolts and streams)");
        if (source && (get(job->file, "spouts") || get(job->file, "bolts")))
                sqi_diagnose(job->diagnostics, SQI_ERROR, source->key_place,
                             "there are both a topologySource and spouts or bolts");
        if (hooks)
                sqi_diagnose(job->diagnostics, SQI_WARNING, hooks->key_place, "'workerHooks' are Java, and left out");
}

int
sqi_flux_read(struct sqi_arena *arena, const struct sqi_flux *flux, const char *text, size_t size,
              struct sqi_diagnostics *diagnostics, struct sqi_yaml **ret)
{
        struct sqi_flux_job job = {.arena = arena, .flux = flux, .diagnostics = diagnostics};
        struct sqi_yaml *file = NULL, *made, *more;
        size_t errors = diagnostics->errors;
        int r = read_text(&job, text, size, diagnostics, &file);

        if (r < 0)
                return r;
        include_all(&job, file, 0);
        job.file = file;
        look_at_the_rest(&job);
        made = sqi_flux_node(&job, SQI_YAML_MAPPING, file->place);
        more = sqi_flux_node(&job, SQI_YAML_MAPPING, file->place);
        job.more = more;
        if (job.no_memory)
                return -ENOMEM;
        if (get(file, "name"))
                sqi_flux_put(&job, made, "name", get(file, "name"));
        put_config(&job, made, more);
        put_components(&job, made, "spouts", true);
        put_components(&job, made, "bolts", false);
        put_streams(&job, made);
        *ret = made;
        if (job.no_memory)
                return -ENOMEM;
        if (job.java)
                return -ENOTSUP;
        return diagnostics->errors > errors ? -EINVAL : 0; /* more would be said of what is not there */
}
