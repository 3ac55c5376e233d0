/* SPDX-License-Identifier: Apache-2.0 */
/* Who cannot keep what exactly-once promises is refused, with what to do about it. */
#include <stdio.h>

#include "component/elf.h"
#include "component/resumption.h"
#include "topology/model.h"

static const char *
name_of(const struct sqi_model_component *component)
{
        return component->id.text ? component->id.text : component->loaded->name;
}

/* Why the spout cannot go back to an epoch; NULL: it can. */
static const char *
obstacle(const struct sqi_model_component *component)
{
        const struct sq_spout *spout = component->loaded->spout;

        if (spout->failed ||
            sqi_spout_resumption(component->loaded, component->settings, component->nsettings) == SQI_RESUMES)
                return NULL;
        if (!spout->seek)
                return "it has no .seek";
        if (spout->forgets)
                return "its source does not keep it";
        return "it holds its messages in memory, until they are acked"; /* and exactly-once has no acks */
}

static void
refuse_spout(struct sqi_model *model, const struct sqi_model_component *component)
{
        const char *cause = obstacle(component);

        if (component->loaded->spout->failed)
                sqi_diagnose(
                        model->diagnostics, SQI_WARNING, component->component.place,
                        "what comes by '%s' is not emitted again: what it changed after the last epoch is undone by "
                        "a death, though it was answered (for what only looks that is as it should be)",
                        name_of(component));
        if (!cause)
                return;
        sqi_model_error(
                model, component->component.place,
                "the spout '%s' can't emit again what came after an epoch (%s), which exactly-once needs: %s",
                name_of(component), cause,
                component->loaded->spout->release
                        ? "give it a folder for its journal ('journal: PATH'), or write "
                          "'topology.delivery: at-least-once'"
                        : "write 'topology.delivery: at-least-once', or take a source that keeps its records, as "
                          "a file does");
}

static void
refuse_bolt(struct sqi_model *model, const struct sqi_model_component *component)
{
        const struct sq_bolt *bolt = component->loaded->bolt;
        const char *cause = NULL;

        if (sqi_elf_mentions(component->loaded->path, "sq_keep"))
                cause = "keeps tuples (sq_keep), which are in no snapshot: let it keep what it needs of them in keyed state";
        else if (bolt->key_state > 0 && bolt->state_is_volatile)
                cause = "begins from nothing after a death (.state_is_volatile): let its keyed state be taken along";
        if (cause)
                sqi_model_error(model, component->component.place,
                                "the bolt '%s' can't count each tuple once under exactly-once: it %s",
                                name_of(component), cause);
}

/* State by key, and somebody before it who may send equal keys to several tasks. */
static void
refuse_groupings(struct sqi_model *model, size_t c)
{
        const struct sqi_model_component *component = &model->components[c];

        for (size_t i = 0; i < model->nedges && component->loaded->bolt->key_state > 0; i++) {
                const struct sqi_model_edge *edge = &model->edges[i];
                const struct sqi_component *custom = edge->custom ? edge->custom->loaded : NULL;

                if (edge->target != (int)c || !custom || (custom->grouping->keyed && edge->nargs > 0))
                        continue;
                if (custom->grouping->keyed)
                        sqi_model_error(model, edge->grouping_place,
                                        "'%s' keeps state by key, which the grouping '%s' deals out by the fields that "
                                        "it is named (add args: [FIELD])",
                                        name_of(component), edge->custom->component.text);
                else
                        sqi_model_error(
                                model, edge->grouping_place,
                                "'%s' keeps state by key, and the grouping '%s' does not promise that equal keys go to "
                                "one task, before and after a death, which exactly-once needs (take 'fields', or let it "
                                "promise that: .keyed in struct sq_grouping)",
                                name_of(component), edge->custom->component.text);
        }
}

static bool
has_readers(const struct sqi_model *model, size_t component)
{
        for (size_t i = 0; i < model->nedges; i++)
                if (model->edges[i].source == (int)component)
                        return true;
        return false;
}

/* What it does it does outside. */
static bool
is_sink(const struct sqi_model *model, size_t c)
{
        const struct sqi_model_component *component = &model->components[c];

        return component->declared && component->declared->streams[0]->n == 0 && !has_readers(model, c);
}

static void
warn_of_sink(struct sqi_model *model, const struct sqi_model_component *component)
{
        sqi_diagnose(
                model->diagnostics, SQI_WARNING, component->component.place,
                "what '%s' does outside may happen twice after a death: it has no .commit, so exactly-once holds for "
                "all but that",
                name_of(component));
}

/* One sentence, however many bolts it is about. Who names a delivery has chosen. */
static void
warn_of_losses(struct sqi_model *model)
{
        const struct sqi_model_component *first = NULL, *hinders = NULL;
        char others[32] = "", but[SQI_ID_MAX + 64] = "";
        unsigned n = 0;

        for (size_t i = 0; i < model->ncomponents; i++) {
                const struct sqi_model_component *component = &model->components[i];

                if (!component->loaded)
                        continue;
                if (component->kind == SQ_KIND_SPOUT && !hinders && obstacle(component))
                        hinders = component;
                else if (sqi_component_hands_on(component->loaded) && n++ == 0)
                        first = component;
        }
        if (!first)
                return;
        if (n > 1)
                snprintf(others, sizeof(others), " and %u more bolt%s", n - 1, n > 2 ? "s" : "");
        if (hinders)
                snprintf(but, sizeof(but), ", which the spout '%s' cannot do", name_of(hinders));
        sqi_diagnose(
                model->diagnostics, SQI_WARNING, first->component.place,
                "the keyed state of '%s'%s is lost with a worker that dies ('topology.delivery: exactly-once' keeps it%s; "
                "name another delivery to say that it may be lost)",
                name_of(first), others, but);
}

/* Said to whoever hands it to a supervisor: in the file it may be right, for `squall run`. */
static void
warn_of_place(struct sqi_model *model)
{
        if (model->hosted && model->config.checkpoint_dir)
                sqi_diagnose(
                        model->diagnostics, SQI_WARNING, sqi_model_said_place(model, "topology.checkpoint.dir"),
                        "'topology.checkpoint.dir' is for `squall run`: a supervisor keeps the epochs in its state "
                        "directory (squall savepoint keeps a copy where you want it)");
}

void
sqi_check_promise(struct sqi_model *model)
{
        warn_of_place(model);
        if (model->config.delivery != SQI_EXACTLY_ONCE) {
                if (model->advises && !model->delivery_given && model->diagnostics->errors == 0)
                        warn_of_losses(model);
                return;
        }
        for (size_t i = 0; i < model->ncomponents; i++) {
                const struct sqi_model_component *component = &model->components[i];

                if (!component->loaded)
                        continue;
                if (component->kind == SQ_KIND_SPOUT) {
                        refuse_spout(model, component);
                        continue;
                }
                refuse_bolt(model, component);
                refuse_groupings(model, i);
                if (!component->loaded->bolt->commit && is_sink(model, i))
                        warn_of_sink(model, component);
        }
}
