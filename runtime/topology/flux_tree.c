/* SPDX-License-Identifier: Apache-2.0 */
/* How the tree that a Flux file becomes is made. */
#include <string.h>

#include "topology/flux.h"

struct sqi_yaml *
sqi_flux_node(struct sqi_flux_job *job, enum sqi_yaml_kind kind, struct sqi_place place)
{
        struct sqi_yaml *node = sqi_arena_alloc(job->arena, 1, sizeof(*node));

        if (!node) {
                job->no_memory = true;
                return NULL;
        }
        node->kind = kind;
        node->place = place;
        node->weight = 1;
        return node;
}

struct sqi_yaml *
sqi_flux_text(struct sqi_flux_job *job, const char *text, struct sqi_place place)
{
        struct sqi_yaml *node = sqi_flux_node(job, SQI_YAML_SCALAR, place);

        if (node)
                node->text = sqi_arena_text(job->arena, text);
        job->no_memory |= node && !node->text;
        return node;
}

void
sqi_flux_put(struct sqi_flux_job *job, struct sqi_yaml *into, const char *key, const struct sqi_yaml *value)
{
        struct sqi_yaml_item *item = sqi_arena_alloc(job->arena, 1, sizeof(*item)), **tail;

        if (!item || !into || !value) {
                job->no_memory = true;
                return;
        }
        item->key = key;
        item->key_place = value->place;
        memcpy(&item->value, &value, sizeof(item->value)); /* a tree that is not written to any more */
        for (tail = &into->first; *tail; tail = &(*tail)->next)
                ;
        *tail = item;
        into->n++;
}
