/* SPDX-License-Identifier: Apache-2.0 */
/* What all that read, check and lay out a model ask of it. */
#include "topology/model.h"

#include <string.h>

void *
sqi_model_alloc(struct sqi_model *model, size_t n, size_t size)
{
        void *ptr = sqi_arena_alloc(model->arena, n, size);

        if (!ptr)
                model->diagnostics->no_memory = true;
        return ptr;
}

int
sqi_model_find(const struct sqi_model *model, const char *id)
{
        for (size_t i = 0; i < model->ncomponents; i++)
                if (model->components[i].id.text && strcmp(model->components[i].id.text, id) == 0)
                        return (int)i;
        return -1;
}

const char *
sqi_model_path(struct sqi_model *model, const char *path)
{
        const char *whole;

        if (path[0] == '/' || strcmp(path, "-") == 0)
                return path;
        while (strncmp(path, "./", 2) == 0)
                path += 2;
        whole = sqi_arena_print(model->arena, "%s/%s", model->directory, path);
        if (!whole)
                model->diagnostics->no_memory = true;
        return whole ? whole : path;
}

bool
sqi_model_expect(struct sqi_model *model, const struct sqi_yaml *node, enum sqi_yaml_kind kind, const char *what)
{
        if (node->kind == kind)
                return !node->broken;
        sqi_model_error(model, node->place, "%s needs %s, not %s", what, sqi_yaml_kind_name(kind),
                        sqi_yaml_kind_name(node->kind));
        return false;
}

const char *
sqi_model_lacks(const struct sqi_fields *fields, const char *name, char hint[SQI_LIST_SIZE])
{
        struct sqi_nearest nearest = sqi_nearest(name);

        hint[0] = '\0';
        for (size_t i = 0; i < fields->n; i++)
                sqi_nearest_offer(&nearest, fields->items[i].name);
        if (sqi_nearest_name(&nearest))
                return sqi_nearest_hint(&nearest, hint);
        if (fields->n == 1 && strcmp(fields->items[0].name, "value") == 0)
                return " (it has 'value' alone: its setting 'fields' makes fields of its members)";
        for (size_t i = 0; i < fields->n; i++)
                sqi_list_add(hint, fields->items[i].name);
        return sqi_list_end(hint);
}

bool
sqi_model_is_refused(const struct sqi_model_component *component, const char *name)
{
        for (size_t i = 0; i < component->nrefused; i++)
                if (strcmp(component->refused[i], name) == 0)
                        return true;
        return false;
}

struct sqi_place
sqi_model_setting_place(const struct sqi_model_component *component, const char *name)
{
        for (size_t i = 0; i < component->nsettings; i++)
                if (strcmp(component->settings[i].name, name) == 0)
                        return component->setting_places[i];
        return component->properties_place.line > 0 ? component->properties_place : component->place;
}
