/* SPDX-License-Identifier: Apache-2.0 */
/* Who cannot keep what exactly-once promises is refused, with what to do about it. */
#include <string.h>

#include "component/elf.h"
#include "topology/model.h"

static void
refuse_spout(struct sqi_model *model, const struct sqi_model_component *component)
{
        const struct sq_spout *spout = component->loaded->spout;
        const char *cause = NULL;

        if (!spout->seek)
                cause = "it has no .seek";
        else if (spout->forgets)
                cause = "its source does not keep it";
        else if (sqi_elf_mentions(component->loaded->path, "sq_messages_replay")) /* and exactly-once has no acks */
                cause = "it holds its messages in memory, until they are acked";
        if (!cause)
                return;
        sqi_model_error(
                model, component->component.place,
                "the spout '%s' can't emit again what came after an epoch (%s), which exactly-once needs: write "
                "'topology.delivery: at-least-once', or take a source that keeps its records, as a file does",
                component->id.text ? component->id.text : component->loaded->name, cause);
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
                                component->id.text ? component->id.text : component->loaded->name, cause);
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

        return component->declared && component->declared->streams[0].n == 0 && !has_readers(model, c);
}

static void
warn_of_sink(struct sqi_model *model, const struct sqi_model_component *component)
{
        sqi_diagnose(
                model->diagnostics, SQI_WARNING, component->component.place,
                "what '%s' does outside may happen twice after a death: it has no .commit, so exactly-once holds for "
                "all but that",
                component->id.text ? component->id.text : component->loaded->name);
}

void
sqi_check_promise(struct sqi_model *model)
{
        if (model->config.delivery != SQI_EXACTLY_ONCE)
                return;
        for (size_t i = 0; i < model->ncomponents; i++) {
                const struct sqi_model_component *component = &model->components[i];

                if (!component->loaded)
                        continue;
                if (component->kind == SQ_KIND_SPOUT) {
                        refuse_spout(model, component);
                        continue;
                }
                refuse_bolt(model, component);
                if (!component->loaded->bolt->commit && is_sink(model, i))
                        warn_of_sink(model, component);
        }
}
