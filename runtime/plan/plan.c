/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/plan.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

bool
sqi_is_id(const char *text)
{
        const char *at;

        for (at = text; isalnum((unsigned char)*at) || *at == '_' || (at > text && (*at == '-' || *at == '.')); at++)
                ;
        return *at == '\0' && at > text && at - text <= SQI_ID_MAX;
}

const char *
sqi_grouping_name(enum sqi_grouping_type type)
{
        static const char *const names[] = {
                [SQI_SHUFFLE] = "shuffle",
                [SQI_FIELDS] = "fields",
                [SQI_PARTIAL_KEY] = "partial-key",
                [SQI_ALL] = "all",
                [SQI_GLOBAL] = "global",
                [SQI_DIRECT] = "direct",
                [SQI_LOCAL_OR_SHUFFLE] = "local-or-shuffle",
                [SQI_NONE] = "none",
                [SQI_CUSTOM] = "custom",
        };

        return (size_t)type < sizeof(names) / sizeof(names[0]) ? names[type] : "?";
}

const char *
sq_type_name(enum sq_type type)
{
        static const char *const names[] = {
                [SQ_ANY] = "any",     [SQ_NIL] = "nil",     [SQ_BOOL] = "bool", [SQ_INT] = "int",
                [SQ_UINT] = "uint",   [SQ_FLOAT] = "float", [SQ_STR] = "str",   [SQ_BIN] = "bin",
                [SQ_ARRAY] = "array", [SQ_MAP] = "map",     [SQ_TIME] = "time", [SQ_TEXT] = "text",
        };

        return (size_t)type < sizeof(names) / sizeof(names[0]) ? names[type] : "?";
}

const char *
sqi_task_name(const struct sqi_plan *plan, uint32_t task, char *buffer, size_t size)
{
        if (task < plan->ntasks)
                snprintf(buffer, size, "%s/%u", plan->components[plan->tasks[task].component].id,
                         plan->tasks[task].index);
        else
                snprintf(buffer, size, "?/%u", task);
        return buffer;
}

void
sqi_plan_free(struct sqi_plan **plan)
{
        struct sqi_arena *arena;

        if (!*plan)
                return;
        arena = (*plan)->memory;
        sqi_arena_free(&arena);
        free(*plan);
        *plan = NULL;
}

const struct sqi_plan_component *
sqi_plan_find(const struct sqi_plan *plan, const char *id)
{
        for (uint32_t c = 0; c < plan->ncomponents; c++)
                if (strcmp(plan->components[c].id, id) == 0)
                        return &plan->components[c];
        return NULL;
}

const char **
sqi_plan_code(const struct sqi_plan *plan, uint32_t i)
{
        struct sqi_plan_grouping *custom;

        if (i < plan->ncomponents)
                return &plan->components[i].path;
        custom = plan->edges[i - plan->ncomponents].custom;
        return custom ? &custom->path : NULL;
}

int
sqi_plan_keep_letters(struct sqi_plan *plan, const char *folder)
{
        char *path;

        if (plan->config.dead_letter)
                return 0;
        if (asprintf(&path, "%s/%s.dead-letters.jsonl", folder, plan->name) < 0)
                return -ENOMEM;
        plan->config.dead_letter = sqi_arena_text(plan->memory, path);
        free(path);
        return plan->config.dead_letter ? 0 : -ENOMEM;
}
