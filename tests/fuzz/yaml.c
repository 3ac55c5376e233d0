/* SPDX-License-Identifier: Apache-2.0 */
/* A topology file made of any bytes: read, modelled and checked. Components that are paths are not loaded: no code to
 * fuzz. */
#include <string.h>

#include "topology/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(struct sqi_model *model, const struct sqi_yaml *root)
{
        sqi_model_read(model, root);
        for (size_t i = 0; i < model->ncomponents; i++)
                if (model->components[i].component.text && strchr(model->components[i].component.text, '/'))
                        model->components[i].component.text = NULL;
        sqi_check_components(model);
        sqi_check_delivery(model);
        sqi_check_streams(model);
        sqi_order(model);
        sqi_check_fields(model);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct sqi_diagnostics diagnostics = {0};
        struct sqi_model model = {.diagnostics = &diagnostics, .arena = sqi_arena_new(), .directory = "/"};
        struct sqi_yaml *root = NULL;

        if (!model.arena)
                return 0;
        if (size <= SQI_YAML_BYTES && sqi_yaml_parse(model.arena, (const char *)data, size, &diagnostics, &root) == 0)
                check(&model, root);
        sqi_diagnostics_sort(&diagnostics);
        sqi_diagnostics_release(&diagnostics);
        sqi_model_release(&model);
        return 0;
}
