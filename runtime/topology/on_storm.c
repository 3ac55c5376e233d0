/* SPDX-License-Identifier: Apache-2.0 */
#include "topology/on_storm.h"

#include <stdio.h>
#include <string.h>

#include "component/elf.h"

static const char *
name_of(const struct sqi_model_component *component)
{
        return component->id.text ? component->id.text : "?";
}

void
sqi_on_storm_path(struct sqi_model *model, const struct sqi_model_component *component, size_t setting,
                  const struct sq_option *option)
{
        const char *path = component->settings[setting].values[0];

        if (option && option->type == SQ_OPTION_PATH && strcmp(path, "-") == 0)
                sqi_model_error(model, component->setting_places[setting],
                                "in '%s': '%s: -' is standard input, and on Storm there is none (name a file)",
                                name_of(component), option->name);
        if (option && option->type == SQ_OPTION_PATH && path[0] != '/' && strpbrk(path, "*?[{"))
                sqi_model_error(model, component->setting_places[setting],
                                "in '%s': '%s: %.200s' is a pattern, and single files go along to Storm (name one, or "
                                "give an absolute pattern of what each node has)",
                                name_of(component), option->name, path);
        if (!option || option->type != SQ_OPTION_OUTPUT || path[0] == '/' || path[0] == '\0' || strcmp(path, "-") == 0)
                return;
        sqi_model_error(
                model, component->setting_places[setting],
                "in '%s': '%s: %.200s' is relative, and on a node of Storm that is a folder that Storm deletes (give "
                "an absolute path)",
                name_of(component), option->name, path);
}

/* Another machine could not come to it. */
static void
check_endpoint(struct sqi_model *model, const struct sqi_model_component *component, size_t i)
{
        const struct sqi_setting *setting = &component->settings[i];

        for (size_t v = 0; v < setting->n; v++)
                if (strncmp(setting->values[v], "ipc://", 6) == 0 || strncmp(setting->values[v], "inproc://", 9) == 0)
                        sqi_model_error(
                                model, component->setting_places[i],
                                "in '%s': %.200s does not reach another machine, and who is there may be on one "
                                "(use tcp://)",
                                name_of(component), setting->values[v]);
}

/* A file that goes along in the jar does not grow there. */
static void
check_follow(struct sqi_model *model, const struct sqi_model_component *component, size_t i)
{
        const struct sqi_setting *setting = &component->settings[i];
        size_t len = strlen(model->directory);

        if (strcmp(setting->name, "follow") != 0 || setting->shape != SQI_SCALAR ||
            strcmp(setting->values[0], "true") != 0)
                return;
        for (size_t other = 0; other < component->nsettings; other++) {
                const struct sqi_setting *path = &component->settings[other];

                if (strcmp(path->name, "path") == 0 && path->shape == SQI_SCALAR &&
                    strncmp(path->values[0], model->directory, len) == 0 && path->values[0][len] == '/')
                        sqi_model_error(model, component->setting_places[i],
                                        "in '%s': a copy of the file goes to each node, and does not grow there (give "
                                        "an absolute path that each node has, or leave 'follow' out)",
                                        name_of(component));
        }
}

static void
check_component(struct sqi_model *model, const struct sqi_model_component *component)
{
        if (component->id.text && strncmp(component->id.text, "__", 2) == 0)
                sqi_model_error(model, component->id.place, "'%s': Storm has ids that begin with __ for its own",
                                component->id.text);
        if (component->event_time)
                sqi_model_error(model, component->event_time->place,
                                "'event-time' of '%s': watermarks are Squall's own, and Storm does not carry them "
                                "(leave it out, or run it by Squall)",
                                name_of(component));
        if (component->cycle)
                sqi_model_error(model, component->place,
                                "'%s' is in a cycle, which does not end on Storm (leave a stream out, or run it by "
                                "Squall)",
                                name_of(component));
        if (component->parallelism > 1 && component->loaded && sqi_elf_mentions(component->loaded->path, "sq_agree"))
                sqi_model_error(model, component->component.place,
                                "the tasks of '%s' agree among themselves, which those of Storm cannot (write "
                                "'parallelism: 1')",
                                name_of(component));
        for (size_t i = 0; i < component->nsettings && component->loaded; i++) {
                check_endpoint(model, component, i);
                check_follow(model, component, i);
        }
}

static void
check_edge(struct sqi_model *model, const struct sqi_model_edge *edge)
{
        const struct sqi_model_component *from = edge->source >= 0 ? &model->components[edge->source] : NULL;

        if (edge->grouping == SQI_CUSTOM)
                sqi_model_error(model, edge->grouping_place,
                                "a grouping of one's own chooses in the task that emits, and Storm deals out itself "
                                "(write another type, or run it by Squall)");
        if (edge->grouping_broken || edge->grouping != SQI_PARTIAL_KEY || !from || !from->declared ||
            edge->stream_index < 0 || (edge->nargs == 1 && edge->keys[0] == 0))
                return;
        sqi_model_error(model, edge->grouping_place,
                        "partial-key on '%s': without Java, Storm has it on the first field of the stream alone, '%s'",
                        edge->nargs > 0 ? edge->args[0].text : "?",
                        from->declared->streams[edge->stream_index]->items[0].name);
}

/* Keys that Storm has a place for. */
static bool
goes_along(const char *key)
{
        static const char *const keys[] = {"topology.delivery",
                                           "topology.workers",
                                           "topology.tick.tuple.freq.secs",
                                           "topology.message.timeout.secs",
                                           "topology.max.spout.pending",
                                           "topology.spout.max.retries",
                                           "topology.spout.retry.delay.ms",
                                           "topology.dead.letter.path",
                                           "supervisor.worker.timeout.secs"};

        for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
                if (strcmp(key, keys[i]) == 0)
                        return true;
        return false;
}

/* One warning for all others that are set. */
static void
warn_of_config(struct sqi_model *model)
{
        struct sqi_config standard;
        char names[512] = "";

        sqi_config_defaults(&standard);
        for (const struct sqi_config_key *key = sqi_config_keys; key->name; key++) {
                struct sq_value own, usual;

                sqi_config_get(&model->config, key, &own);
                sqi_config_get(&standard, key, &usual);
                if (goes_along(key->name) || (own.type == usual.type && own.as.u == usual.as.u))
                        continue;
                snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s", names[0] ? ", " : "", key->name);
        }
        if (names[0])
                sqi_diagnose(model->diagnostics, SQI_WARNING, model->name.place, "Storm has nothing for %s: left out",
                             names);
}

void
sqi_check_on_storm(struct sqi_model *model)
{
        if (model->name.text && strchr(model->name.text, '.'))
                sqi_model_error(model, model->name.place,
                                "'%s': Storm takes no name with a dot (give another one by --name)", model->name.text);
        if (model->config.delivery == SQI_EXACTLY_ONCE)
                sqi_model_error(model, sqi_model_said_place(model, "topology.delivery"),
                                "topology.delivery: exactly-once is Squall's own; Storm's shell components know "
                                "at-least-once (write that)");
        for (size_t c = 0; c < model->ncomponents; c++)
                check_component(model, &model->components[c]);
        for (size_t e = 0; e < model->nedges; e++)
                check_edge(model, &model->edges[e]);
        warn_of_config(model);
}
