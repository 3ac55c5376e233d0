/* SPDX-License-Identifier: Apache-2.0 */
/* What the command line changes: its errors have no place in the file, so they name the argument. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "topology/model.h"
#include "base/nearest.h"

static const struct sqi_place nowhere;

/* Splits "key=value" into copies. */
static bool
split(struct sqi_model *model, const char *pair, const char *what, char **ret_key, const char **ret_value)
{
        const char *equals = strchr(pair, '=');

        if (!equals || equals == pair) {
                sqi_model_error(model, nowhere, "'%.200s' is no override (write %s)", pair, what);
                return false;
        }
        *ret_key = sqi_arena_copy(model->arena, pair, (size_t)(equals - pair));
        *ret_value = sqi_arena_text(model->arena, equals + 1);
        if (!*ret_key || !*ret_value)
                model->diagnostics->no_memory = true;
        return *ret_key && *ret_value;
}

/* A path on the command line is relative to where the command was given. */
static const char *
from_here(struct sqi_model *model, const char *path)
{
        char *here;
        const char *whole;

        if (path[0] == '/' || path[0] == '\0' || strcmp(path, "-") == 0)
                return path;
        here = getcwd(NULL, 0);
        whole = here ? sqi_arena_print(model->arena, "%s/%s", here, path) : NULL;
        free(here);
        if (!whole)
                model->diagnostics->no_memory = true;
        return whole ? whole : path;
}

static void
override_config(struct sqi_model *model, const char *pair)
{
        const struct sqi_config_key *known;
        const char *value;
        char *key, error[512];

        if (!split(model, pair, "KEY=VALUE", &key, &value))
                return;
        known = sqi_config_find(key);
        if (known && known->type == SQI_CONFIG_PATH)
                value = from_here(model, value);
        if (sqi_config_try(&model->config, key, value, error, sizeof(error)) < 0)
                sqi_model_error(model, nowhere, "in the override '%.200s': %s", pair, error);
        else if (strcmp(key, "topology.delivery") == 0)
                model->delivery_given = true;
}

static void
unknown_component(struct sqi_model *model, const char *id)
{
        struct sqi_nearest nearest = sqi_nearest(id);
        char hint[SQI_HINT_SIZE];

        for (size_t i = 0; i < model->ncomponents; i++)
                if (model->components[i].id.text)
                        sqi_nearest_offer(&nearest, model->components[i].id.text);
        sqi_model_error(model, nowhere, "no component '%.200s' in the topology%s", id,
                        sqi_nearest_hint(&nearest, hint));
}

static void
override_parallelism(struct sqi_model *model, const char *pair)
{
        int64_t number = 0;
        const char *value;
        char *id;
        int i;

        if (!split(model, pair, "ID=N", &id, &value))
                return;
        i = sqi_model_find(model, id);
        if (i < 0)
                unknown_component(model, id);
        else if (sqi_parse_int(value, &number) < 0 || number < 1 || number > SQI_PARALLELISM_MAX)
                sqi_model_error(model, nowhere, "the parallelism of '%s' is 1 to %d, not '%.200s'", id,
                                SQI_PARALLELISM_MAX, value);
        else
                model->components[i].parallelism = number;
}

void
sqi_model_override(struct sqi_model *model, const struct sqi_overrides *overrides)
{
        if (overrides->name) {
                if (!sqi_is_id(overrides->name))
                        sqi_model_error(model, nowhere, "'%.200s' can't be a name", overrides->name);
                model->name.text = sqi_arena_text(model->arena, overrides->name);
                model->diagnostics->no_memory |= !model->name.text;
        }
        for (size_t i = 0; i < overrides->nconfig; i++)
                override_config(model, overrides->config[i]);
        for (size_t i = 0; i < overrides->nparallelism; i++)
                override_parallelism(model, overrides->parallelism[i]);
}
