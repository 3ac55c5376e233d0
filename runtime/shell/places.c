/* SPDX-License-Identifier: Apache-2.0 */
#include "shell/places.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/complain.h"

static bool
is_called(struct sq_value value, const char *id)
{
        return value.type == SQ_STR && value.len == strlen(id) && memcmp(value.as.ptr, id, value.len) == 0;
}

static int64_t
parse_id(struct sq_value key)
{
        char text[24];

        if (key.type != SQ_STR || key.len == 0 || key.len >= sizeof(text))
                return -1;
        (void)memcpy(text, key.as.ptr, key.len);
        text[key.len] = '\0';
        return strtoll(text, NULL, 10);
}

static int
compare_ids(const void *a, const void *b)
{
        int64_t one = *(const int64_t *)a, other = *(const int64_t *)b;

        return one < other ? -1 : one > other;
}

/* Of one component, sorted. Their number, which may be more than there is room for. */
static uint32_t
gather(const struct sqi_plan_component *component, struct sq_value tasks, int64_t *ids)
{
        struct sq_items items = sq_items(tasks);
        struct sq_value key, name;
        uint32_t n = 0;

        while (sq_next_item(&items, &key) && sq_next_item(&items, &name)) {
                if (!is_called(name, component->id))
                        continue;
                if (n < component->ntasks)
                        ids[n] = parse_id(key);
                n++;
        }
        qsort(ids, n < component->ntasks ? n : component->ntasks, sizeof(*ids), compare_ids);
        return n;
}

int
sqi_places_open(struct sqi_places *ret, const struct sqi_plan *plan, struct sq_value tasks, char *error, size_t size)
{
        *ret = (struct sqi_places){plan, calloc(plan->ntasks, sizeof(*ret->ids))};
        if (!ret->ids)
                return sqi_complain(-ENOMEM, error, size, "out of memory");
        for (uint32_t c = 0; c < plan->ncomponents; c++) {
                const struct sqi_plan_component *component = &plan->components[c];
                uint32_t n = gather(component, tasks, &ret->ids[component->first_task]);

                if (n != component->ntasks)
                        return sqi_complain(-EINVAL, error, size, "Storm has %u tasks of '%s', the topology %u", n,
                                            component->id, component->ntasks);
        }
        return 0;
}

void
sqi_places_close(struct sqi_places *places)
{
        free(places->ids);
        places->ids = NULL;
}

int64_t
sqi_places_find(const struct sqi_places *places, struct sq_str component, int64_t id)
{
        const struct sqi_plan *plan = places->plan;

        for (uint32_t t = 0; t < plan->ntasks; t++) {
                const char *name = plan->components[plan->tasks[t].component].id;

                if (places->ids[t] == id && strlen(name) == component.len &&
                    memcmp(name, component.ptr, component.len) == 0)
                        return t;
        }
        return -1;
}
