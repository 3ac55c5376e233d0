/* SPDX-License-Identifier: Apache-2.0 */
#include "topology/topology.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "topology/flux.h"
#include "topology/model.h"
#include "topology/on_storm.h"

void
sqi_model_release(struct sqi_model *model)
{
        for (size_t i = 0; i < model->ncomponents; i++)
                sqi_component_close(&model->components[i].loaded);
        for (size_t i = 0; i < model->nedges; i++)
                if (model->edges[i].custom)
                        sqi_component_close(&model->edges[i].custom->loaded);
        model->ncomponents = model->nedges = 0;
        sqi_arena_free(&model->arena);
}

/* The folder of the file, absolute: what its relative paths start from. */
static const char *
folder_of(struct sqi_arena *arena, const char *path)
{
        const char *slash = strrchr(path, '/'), *copy = NULL;
        char *folder, *whole;

        if (strcmp(path, "-") == 0 || !slash)
                folder = strdup(".");
        else
                folder = strndup(path, slash > path ? (size_t)(slash - path) : 1);
        whole = folder ? realpath(folder, NULL) : NULL;
        if (whole)
                copy = sqi_arena_text(arena, whole);
        free(whole);
        free(folder);
        return copy;
}

static void
check(struct sqi_model *model, const struct sqi_yaml *root, const struct sqi_overrides *overrides)
{
        sqi_model_read(model, root);
        if (overrides)
                sqi_model_override(model, overrides);
        sqi_check_components(model);
        sqi_check_delivery(model);
        sqi_check_paths(model);
        sqi_check_streams(model);
        sqi_order(model);
        sqi_check_fields(model);
        sqi_check_promise(model);
        sqi_check_effects(model);
        if (model->on_storm)
                sqi_check_on_storm(model);
}

int
sqi_topology_tree(struct sqi_arena *arena, const char *path, const struct sqi_overrides *overrides,
                  struct sqi_diagnostics *diagnostics, struct sqi_yaml **ret, bool *ret_flux)
{
        struct sqi_flux flux = {.path = path,
                                .filter = overrides ? overrides->filter : NULL,
                                .env_filter = overrides && overrides->env_filter};
        char *text = NULL;
        size_t size = 0;
        bool is_flux;
        int r = sqi_yaml_load(path, diagnostics, &text, &size);

        if (r < 0)
                return r;
        is_flux = sqi_flux_is(text, size);
        if (ret_flux)
                *ret_flux = is_flux;
        r = is_flux ? sqi_flux_read(arena, &flux, text, size, diagnostics, ret)
                    : sqi_yaml_parse(arena, text, size, diagnostics, ret);
        free(text);
        return r;
}

/* A Flux file that is refused because there is Java in it: says of what it has how that is written in a file of
 * Squall's own. */
static void
advise_on_flux(struct sqi_model *model, const char *path, const struct sqi_overrides *overrides)
{
        struct sqi_diagnostics *said = model->diagnostics, own = {0};
        struct sqi_yaml *root = NULL;
        char *text = NULL;
        size_t size = 0;

        if (strcmp(path, "-") == 0 || sqi_yaml_load(path, said, &text, &size) < 0)
                return;
        model->diagnostics = &own;
        if (sqi_yaml_parse(model->arena, text, size, &own, &root) == 0)
                check(model, root, overrides);
        model->diagnostics = said;
        for (size_t i = 0; i < own.n; i++)
                sqi_diagnose(said, own.items[i].severity, own.items[i].place, "in a file of Squall's own: %s",
                             own.items[i].text);
        said->no_memory |= own.no_memory;
        sqi_diagnostics_release(&own);
        free(text);
}

int
sqi_topology_plan(const char *path, const struct sqi_overrides *overrides, struct sqi_diagnostics *diagnostics,
                  struct sqi_plan **ret)
{
        struct sqi_model model = {.diagnostics = diagnostics,
                                  .arena = sqi_arena_new(),
                                  .on_stdin = strcmp(path, "-") == 0,
                                  .hosted = overrides && overrides->hosted,
                                  .on_storm = overrides && overrides->on_storm,
                                  .advises = overrides && overrides->advises};
        struct sqi_yaml *root = NULL;
        bool flux = false;
        int r;

        if (!model.arena)
                return -ENOMEM;
        r = sqi_topology_tree(model.arena, path, overrides, diagnostics, &root, &flux);
        if (r == -ENOTSUP && flux)
                advise_on_flux(&model, path, overrides);
        r = r == -ENOTSUP ? -EINVAL : r;
        if (r == 0) {
                model.directory = folder_of(model.arena, path);
                r = model.directory ? 0 : -ENOMEM;
        }
        if (r == 0)
                check(&model, root, overrides);
        if (r == 0 && diagnostics->errors > 0)
                r = -EINVAL;
        if (r == 0 && overrides && overrides->connects) {
                sqi_check_connections(&model);
                r = diagnostics->errors > 0 ? -ENOTCONN : 0;
        }
        if (diagnostics->no_memory)
                r = -ENOMEM;
        if (r == 0)
                r = sqi_plan_make(&model, ret);
        sqi_model_release(&model);
        sqi_diagnostics_sort(diagnostics);
        return r;
}
