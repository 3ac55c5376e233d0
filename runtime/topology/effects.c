/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of `config` that the rest of the file leaves without an effect: whoever wrote one expects something of it. A
 * warning and no error, as it would be for the setting of a component: a file that is tried under another delivery
 * (`-c topology.delivery=...`) stays as it is.
 */
#include <string.h>

#include "topology/model.h"

static bool
has_epochs(const struct sqi_model *model)
{
        return model->config.delivery == SQI_EXACTLY_ONCE;
}

static bool
has_acks(const struct sqi_model *model)
{
        return model->config.delivery == SQI_AT_LEAST_ONCE;
}

static bool
has_ticks(const struct sqi_model *model)
{
        for (size_t i = 0; i < model->ncomponents; i++) {
                const struct sqi_model_component *component = &model->components[i];

                if (!component->loaded || (component->kind == SQ_KIND_BOLT && component->loaded->bolt->tick))
                        return true;
        }
        return false;
}

static const struct {
        const char *key;
        bool (*has_effect)(const struct sqi_model *model);
        const char *when;
} rules[] = {
        {"topology.checkpoint.", has_epochs, "without `topology.delivery: exactly-once`, which makes epochs"},
        {"topology.max.spout.pending", has_acks, "without acks, which are those of `topology.delivery: at-least-once`"},
        {"topology.spout.", has_acks, "without acks, which are those of `topology.delivery: at-least-once`"},
        {"topology.tick.tuple.freq.secs", has_ticks, "where no bolt does anything at a tick"},
};

struct sqi_place
sqi_model_said_place(const struct sqi_model *model, const char *key)
{
        size_t i = 0;

        while (i < model->nsaid && strcmp(model->said[i].key, key) != 0)
                i++;
        return i < model->nsaid ? model->said[i].place : (struct sqi_place){0};
}

void
sqi_check_effects(struct sqi_model *model)
{
        for (size_t i = 0; i < model->nsaid && !model->on_storm; i++)
                for (size_t r = 0; r < sizeof(rules) / sizeof(rules[0]); r++)
                        if (strncmp(model->said[i].key, rules[r].key, strlen(rules[r].key)) == 0 &&
                            !rules[r].has_effect(model))
                                sqi_diagnose(model->diagnostics, SQI_WARNING, model->said[i].place,
                                             "'%s' has no effect %s (leave it out)", model->said[i].key, rules[r].when);
}
