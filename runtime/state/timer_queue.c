/* SPDX-License-Identifier: Apache-2.0 */
#include "state/timer_queue.h"

#include <stdlib.h>

enum { FIRST_ROOM = 64 };

struct sqi_timer_node {
        void *state;
        uint32_t next; /* + 1; 0: it is the last of its run, or of those that are free */
};

struct sqi_timer_run {
        int64_t at_ns;
        uint64_t order; /* of the first that was put there; those of two runs do not mix */
        uint32_t first; /* + 1 */
};

static bool
is_before(const struct sqi_timer_run *a, const struct sqi_timer_run *b)
{
        return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static struct sqi_timer_node *
node_at(const struct sqi_timer_queue *queue, uint32_t place)
{
        return &queue->nodes[place - 1];
}

/* ---- Runs -------------------------------------------------------------------------------------------- */

static bool
push_run(struct sqi_timer_queue *queue, struct sqi_timer_run run)
{
        uint32_t at;

        if (queue->nruns == queue->runs_room) {
                uint32_t room = queue->runs_room ? queue->runs_room * 2 : FIRST_ROOM;
                struct sqi_timer_run *runs = reallocarray(queue->runs, room, sizeof(*runs));
                if (!runs)
                        return false;
                queue->runs = runs;
                queue->runs_room = room;
        }
        for (at = queue->nruns++; at > 0 && is_before(&run, &queue->runs[(at - 1) / 2]); at = (at - 1) / 2)
                queue->runs[at] = queue->runs[(at - 1) / 2];
        queue->runs[at] = run;
        return true;
}

static void
pop_run(struct sqi_timer_queue *queue)
{
        struct sqi_timer_run last = queue->runs[--queue->nruns];
        uint32_t at = 0;

        for (uint32_t next; (next = 2 * at + 1) < queue->nruns; at = next) {
                if (next + 1 < queue->nruns && is_before(&queue->runs[next + 1], &queue->runs[next]))
                        next++;
                if (!is_before(&queue->runs[next], &last))
                        break;
                queue->runs[at] = queue->runs[next];
        }
        queue->runs[at] = last;
}

/* ---- Timers ------------------------------------------------------------------------------------------ */

bool
sqi_timer_queue_grow(struct sqi_timer_queue *queue)
{
        uint32_t room = queue->room ? queue->room * 2 : FIRST_ROOM;
        struct sqi_timer_node *nodes = room > queue->room ? reallocarray(queue->nodes, room, sizeof(*nodes)) : NULL;

        if (!nodes)
                return false;
        queue->nodes = nodes;
        queue->room = room;
        return true;
}

static uint32_t
take_node(struct sqi_timer_queue *queue)
{
        uint32_t place = queue->free_node;

        if (place == 0)
                return ++queue->made;
        queue->free_node = node_at(queue, place)->next;
        return place;
}

static void
give_node_back(struct sqi_timer_queue *queue, uint32_t place)
{
        node_at(queue, place)->next = queue->free_node;
        queue->free_node = place;
}

bool
sqi_timer_queue_put(struct sqi_timer_queue *queue, struct sqi_timer timer)
{
        uint32_t place = take_node(queue);

        *node_at(queue, place) = (struct sqi_timer_node){timer.state, 0};
        if (queue->last > 0 && queue->last_at_ns == timer.at_ns) {
                node_at(queue, queue->last)->next = place;
        } else if (!push_run(queue, (struct sqi_timer_run){timer.at_ns, queue->order, place})) {
                give_node_back(queue, place);
                return false;
        }
        queue->last = place;
        queue->last_at_ns = timer.at_ns;
        queue->order++;
        queue->n++;
        return true;
}

int64_t
sqi_timer_queue_time(const struct sqi_timer_queue *queue)
{
        return queue->runs[0].at_ns;
}

struct sqi_timer
sqi_timer_queue_take(struct sqi_timer_queue *queue)
{
        struct sqi_timer_run *run = &queue->runs[0];
        uint32_t place = run->first;
        struct sqi_timer_node *node = node_at(queue, place);
        struct sqi_timer timer = {run->at_ns, node->state};

        if (queue->last == place)
                queue->last = 0;
        run->first = node->next;
        if (run->first == 0)
                pop_run(queue);
        give_node_back(queue, place);
        queue->n--;
        return timer;
}

unsigned
sqi_timer_queue_ahead(const struct sqi_timer_queue *queue, unsigned n, const void **ret_states)
{
        uint32_t place = queue->n > 0 ? queue->runs[0].first : 0;
        unsigned found = 0;

        for (; place > 0 && found < n; place = node_at(queue, place)->next)
                ret_states[found++] = node_at(queue, place)->state;
        return found;
}

/* ---- What is not set any more -------------------------------------------------------------------------- */

struct placed {
        struct sqi_timer timer;
        size_t place; /* in the order in which they are taken */
};

/* So that those that are the same stand together. */
static int
compare_keys(const void *left, const void *right)
{
        const struct placed *a = left, *b = right;

        if (a->timer.state != b->timer.state)
                return a->timer.state < b->timer.state ? -1 : 1;
        return (a->place > b->place) - (a->place < b->place);
}

static int
compare_places(const void *left, const void *right)
{
        const struct placed *a = left, *b = right;

        return (a->place > b->place) - (a->place < b->place);
}

static bool
is_same(const struct placed *a, const struct placed *b)
{
        return a->timer.state == b->timer.state && a->timer.at_ns == b->timer.at_ns;
}

void
sqi_timer_queue_tidy(struct sqi_timer_queue *queue, sqi_timer_is_set *is_set, const void *context)
{
        size_t n = queue->n, kept = 0;
        struct placed *all = n > 0 ? reallocarray(NULL, n, sizeof(*all)) : NULL;

        if (!all)
                return;
        for (size_t i = 0; i < n; i++)
                all[i] = (struct placed){sqi_timer_queue_take(queue), i};
        qsort(all, n, sizeof(*all), compare_keys);
        for (size_t i = 0; i < n; i++)
                if (is_set(context, &all[i].timer) && (kept == 0 || !is_same(&all[kept - 1], &all[i])))
                        all[kept++] = all[i];
        qsort(all, kept, sizeof(*all), compare_places);
        queue->made = queue->free_node = queue->last = 0;
        for (size_t i = 0; i < kept; i++)
                (void)sqi_timer_queue_put(queue, all[i].timer); /* there are no more runs than before */
        free(all);
}

void
sqi_timer_queue_free(struct sqi_timer_queue *queue)
{
        free(queue->runs);
        free(queue->nodes);
        *queue = (struct sqi_timer_queue){0};
}
