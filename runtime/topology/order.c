/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shape of the graph. One depth-first search, spouts first in the order of the file, gives all:
 *
 *  - cycles: R. Tarjan's strongly connected components (Depth-first search and linear graph algorithms, 1972). A
 *    component is a cycle when it has several members or a stream to itself. They come out in reverse topological
 *    order, which is the rank.
 *  - feedback edges: those that lead to a vertex still on the path of the search. Without them the graph has no cycle.
 *  - what the spouts reach: all that is visited before the first search that starts from a bolt.
 *
 * The search keeps its own stack, for the depth is the user's.
 */
#include <stdio.h>
#include <stdlib.h>

#include "topology/model.h"

struct vertex {
        size_t next_edge;     /* into `out`, where the search goes on */
        uint32_t number, low; /* number: order of discovery, from 1; 0: not yet seen */
        bool on_path, on_stack;
        uint32_t parent;
};

struct visits {
        struct sqi_model *model;
        struct vertex *vertices;
        size_t *first, *out; /* the edges of component i: out[first[i]] .. out[first[i + 1] - 1] */
        uint32_t *stack;
        size_t depth;
        uint32_t numbers, ranks, cycles;
};

enum { NO_PARENT = UINT32_MAX };

static bool
usable(const struct sqi_model_edge *edge)
{
        return edge->source >= 0 && edge->target >= 0;
}

/* Edges sorted by source: counting sort. */
static void
sort_edges(struct visits *search)
{
        const struct sqi_model *model = search->model;

        for (size_t i = 0; i < model->nedges; i++)
                if (usable(&model->edges[i]))
                        search->first[model->edges[i].source + 1]++;
        for (size_t i = 0; i < model->ncomponents; i++)
                search->first[i + 1] += search->first[i];
        for (size_t i = 0; i < model->ncomponents; i++)
                search->vertices[i].next_edge = search->first[i];
        for (size_t i = 0; i < model->nedges; i++)
                if (usable(&model->edges[i]))
                        search->out[search->vertices[model->edges[i].source].next_edge++] = i;
        for (size_t i = 0; i < model->ncomponents; i++)
                search->vertices[i].next_edge = search->first[i];
}

static void
enter(struct visits *search, uint32_t component, uint32_t parent)
{
        struct vertex *vertex = &search->vertices[component];

        vertex->number = vertex->low = ++search->numbers;
        vertex->on_path = vertex->on_stack = true;
        vertex->parent = parent;
        search->stack[search->depth++] = component;
}

/* In the order of the file, so that the note reads as the file does. */
static void
note_cycle(const struct visits *search, uint32_t cycle)
{
        struct sqi_model *model = search->model;
        const struct sqi_model_component *first = NULL;
        char *names = NULL;
        size_t i, size = 0;
        FILE *out = open_memstream(&names, &size);

        for (i = 0; out && i < model->ncomponents; i++) {
                if (model->components[i].cycle != cycle)
                        continue;
                fprintf(out, "%s'%s'", first ? ", " : "", model->components[i].id.text);
                first = first ? first : &model->components[i];
        }
        if (!out || fclose(out) != 0)
                model->diagnostics->no_memory = true;
        else if (first)
                sqi_diagnose(model->diagnostics, SQI_NOTE, first->id.place, "the topology has a cycle: %s", names);
        free(names);
}

static bool
feeds_itself(const struct visits *search, uint32_t component)
{
        for (size_t i = search->first[component]; i < search->first[component + 1]; i++)
                if (search->model->edges[search->out[i]].target == (int)component)
                        return true;
        return false;
}

/* `root` is the first seen of its strongly connected component: all above it on the stack belong to it. */
static void
close_component(struct visits *search, uint32_t root)
{
        bool cycle = search->stack[search->depth - 1] != root || feeds_itself(search, root);
        uint32_t member;

        search->ranks++;
        search->cycles += cycle;
        do {
                member = search->stack[--search->depth];
                search->vertices[member].on_stack = false;
                search->model->components[member].rank = search->ranks;
                search->model->components[member].cycle = cycle ? search->cycles : 0;
        } while (member != root);
        if (cycle)
                note_cycle(search, search->cycles);
}

static void
lower(struct vertex *vertex, uint32_t low)
{
        vertex->low = low < vertex->low ? low : vertex->low;
}

static void
visit(struct visits *search, uint32_t start)
{
        struct vertex *vertices = search->vertices;
        uint32_t at = start, parent, target;
        struct sqi_model_edge *edge;

        enter(search, start, NO_PARENT);
        while (at != NO_PARENT) {
                if (vertices[at].next_edge < search->first[at + 1]) {
                        edge = &search->model->edges[search->out[vertices[at].next_edge++]];
                        target = (uint32_t)edge->target;
                        edge->feedback = vertices[target].on_path;
                        if (vertices[target].number == 0) {
                                enter(search, target, at);
                                at = target;
                        } else if (vertices[target].on_stack) {
                                lower(&vertices[at], vertices[target].number);
                        }
                        continue;
                }
                vertices[at].on_path = false;
                if (vertices[at].low == vertices[at].number)
                        close_component(search, at);
                parent = vertices[at].parent;
                if (parent != NO_PARENT)
                        lower(&vertices[parent], vertices[at].low);
                at = parent;
        }
}

static void
warn_unreached(struct sqi_model *model)
{
        const struct sqi_model_component *component;
        bool has_input;
        size_t i, j;

        for (i = 0; i < model->ncomponents; i++) {
                component = &model->components[i];
                has_input = false;
                for (j = 0; !component->reached && j < model->nedges; j++)
                        has_input |= usable(&model->edges[j]) && model->edges[j].target == (int)i;
                if (has_input)
                        sqi_diagnose(model->diagnostics, SQI_WARNING, component->id.place,
                                     "nothing reaches the bolt '%s': no path leads to it from a spout",
                                     component->id.text);
        }
}

void
sqi_order(struct sqi_model *model)
{
        struct visits search = {.model = model};
        uint32_t i, n = (uint32_t)model->ncomponents;
        enum sq_kind kind;

        search.vertices = sqi_model_alloc(model, n, sizeof(*search.vertices));
        search.first = sqi_model_alloc(model, n + 1, sizeof(*search.first));
        search.out = sqi_model_alloc(model, model->nedges, sizeof(*search.out));
        search.stack = sqi_model_alloc(model, n, sizeof(*search.stack));
        if (!search.vertices || !search.first || !search.out || !search.stack)
                return;
        sort_edges(&search);
        for (kind = SQ_KIND_SPOUT; kind <= SQ_KIND_BOLT; kind++) {
                for (i = 0; i < n; i++)
                        if (model->components[i].kind == kind && search.vertices[i].number == 0)
                                visit(&search, i);
                for (i = 0; kind == SQ_KIND_SPOUT && i < n; i++)
                        model->components[i].reached = search.vertices[i].number != 0;
        }
        /* Tarjan's order is the reverse one. */
        for (i = 0; i < n; i++)
                model->components[i].rank = search.ranks - model->components[i].rank;
        warn_unreached(model);
}
