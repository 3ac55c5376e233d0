/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/routing.h"

#include <string.h>
#include <xxhash.h>

#include "base/invariant.h"

/* Task n - 1 joins those before it: each gives what it has above its new share, S / n, and the first S % n of those
 * that can keep one more. */
static void
join(uint32_t n, uint16_t owners[SQI_SLOTS], uint16_t shares[SQI_SLOTS])
{
        uint32_t share = SQI_SLOTS / n, larger = SQI_SLOTS % n, keeps[SQI_SLOTS] = {0};

        for (uint32_t task = 0; task < n - 1; task++) {
                keeps[task] = share;
                if (larger > 0 && shares[task] > share) {
                        keeps[task]++;
                        larger--;
                }
        }
        shares[n - 1] = 0;
        for (uint32_t slot = 0; slot < SQI_SLOTS; slot++) {
                uint16_t *owner = &owners[slot];

                if (shares[*owner] <= keeps[*owner])
                        continue;
                shares[*owner]--;
                *owner = (uint16_t)(n - 1);
                shares[n - 1]++;
        }
}

void
sqi_slots_deal(uint32_t ntasks, uint16_t ret[SQI_SLOTS])
{
        uint16_t shares[SQI_SLOTS] = {SQI_SLOTS};

        sqi_assert(ntasks > 0 && ntasks <= SQI_SLOTS);
        memset(ret, 0, SQI_SLOTS * sizeof(*ret));
        for (uint32_t n = 2; n <= ntasks; n++)
                join(n, ret, shares);
}

static uint64_t
routing_of(const struct sqi_plan *plan, const struct sqi_plan_edge *edge)
{
        const struct sqi_plan_stream *stream = &plan->components[edge->from].streams[edge->stream];
        uint64_t hash = 1;

        sqi_assert(edge->stream < plan->components[edge->from].nstreams);
        if (edge->grouping != SQI_FIELDS)
                return 0;
        for (uint32_t k = 0; k < edge->nkeys; k++) {
                sqi_assert(edge->keys[k] < stream->nfields);
                const char *name = stream->fields[edge->keys[k]].name;

                hash = XXH3_64bits_withSeed(name, strlen(name) + 1, hash);
        }
        return hash ? hash : 1;
}

uint64_t
sqi_routing(const struct sqi_plan *plan, const struct sqi_plan_component *component)
{
        uint64_t routing = 0;
        bool any = false;

        for (uint32_t e = 0; e < plan->nedges; e++) {
                const struct sqi_plan_edge *edge = &plan->edges[e];
                uint64_t here;

                if (&plan->components[edge->to] != component)
                        continue;
                here = routing_of(plan, edge);
                if (here == 0 || (any && here != routing))
                        return 0;
                routing = here;
                any = true;
        }
        return routing;
}

static uint64_t
add(uint64_t hash, const void *bytes, size_t size)
{
        return XXH3_64bits_withSeed(bytes, size, hash);
}

/* Is anything of it ever on its way? The default stream counts in any case. */
static bool
is_read(const struct sqi_plan *plan, uint32_t component, uint32_t stream)
{
        for (uint32_t e = 0; e < plan->nedges; e++)
                if (plan->edges[e].from == component && plan->edges[e].stream == stream)
                        return true;
        return stream == 0;
}

static uint64_t
add_component(uint64_t hash, const struct sqi_plan *plan, uint32_t number, bool unread)
{
        const struct sqi_plan_component *component = &plan->components[number];
        uint32_t numbers[] = {component->kind, component->first_task, component->ntasks, 0};

        for (uint32_t s = 0; s < component->nstreams; s++)
                numbers[3] += unread || is_read(plan, number, s);
        hash = add(add(hash, numbers, sizeof(numbers)), component->id, strlen(component->id) + 1);
        for (uint32_t s = 0; s < component->nstreams; s++) {
                const struct sqi_plan_stream *stream = &component->streams[s];

                if (!unread && !is_read(plan, number, s))
                        continue;
                hash = add(add(hash, &stream->nfields, sizeof(stream->nfields)), stream->id, strlen(stream->id) + 1);
                for (uint32_t f = 0; f < stream->nfields; f++)
                        hash = add(hash, stream->fields[f].name, strlen(stream->fields[f].name) + 1);
        }
        return hash;
}

static uint64_t
add_edge(uint64_t hash, const struct sqi_plan_edge *edge)
{
        const uint32_t numbers[] = {edge->from,     edge->stream, edge->to,  edge->input,
                                    edge->grouping, edge->nkeys,  edge->nin, edge->feedback};

        hash = add(add(hash, numbers, sizeof(numbers)), edge->keys, edge->nkeys);
        return add(hash, edge->in, edge->nin);
}

/* `unread`: with the streams that nobody reads. */
static uint64_t
wiring(const struct sqi_plan *plan, bool unread)
{
        uint64_t hash = (uint64_t)plan->config.delivery;

        for (uint32_t c = 0; c < plan->ncomponents; c++)
                hash = add_component(hash, plan, c, unread);
        for (uint32_t e = 0; e < plan->nedges; e++)
                hash = add_edge(hash, &plan->edges[e]);
        return hash ? hash : 1;
}

uint64_t
sqi_wiring(const struct sqi_plan *plan)
{
        return wiring(plan, false);
}

bool
sqi_wiring_is(const struct sqi_plan *plan, uint64_t other)
{
        return other == wiring(plan, false) || other == wiring(plan, true);
}

uint64_t
sqi_plan_mark(const struct sqi_plan *plan)
{
        uint64_t hash = wiring(plan, true);

        for (uint32_t c = 0; c < plan->ncomponents; c++) {
                const struct sqi_plan_component *component = &plan->components[c];
                const char *path = component->path ? component->path : "", *slash = strrchr(path, '/');
                const char *name = slash ? slash + 1 : path;

                hash = add(hash, name, strlen(name) + 1);
                for (uint32_t s = 0; s < component->nstreams; s++)
                        for (uint32_t f = 0; f < component->streams[s].nfields; f++) {
                                uint32_t type = component->streams[s].fields[f].type;

                                hash = add(hash, &type, sizeof(type));
                        }
        }
        return hash ? hash : 1;
}

bool
sqi_routing_can_move(uint64_t from, uint32_t before, uint64_t to, uint32_t after)
{
        return from == to && (from != 0 || before == after);
}
