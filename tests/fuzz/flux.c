/* SPDX-License-Identifier: Apache-2.0 */
/* A Flux file made of any bytes: recognised, its variables replaced, translated. It includes nothing: the folder is not
 * there. */
#include <stdlib.h>
#include <string.h>

#include "topology/flux.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const struct sqi_flux flux = {.path = "/no/such/folder/x.yaml", .env_filter = true};
        struct sqi_diagnostics diagnostics = {0};
        struct sqi_arena *arena = sqi_arena_new();
        struct sqi_yaml *root = NULL;
        char *text = malloc(size + 1);

        if (text && size > 0)
                memcpy(text, data, size);
        if (arena && text && size <= SQI_YAML_BYTES) {
                (void)sqi_flux_is(text, size);
                (void)sqi_flux_read(arena, &flux, text, size, &diagnostics, &root);
        }
        free(text);
        sqi_diagnostics_release(&diagnostics);
        if (arena)
                sqi_arena_free(&arena);
        return 0;
}
