/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Anchors beyond the input's own, and kept tuples.
 *
 * While a callback anchors to nothing but its input, the collector's `edges` is all there is to know. The first
 * sq_anchor() or sq_unanchor() opens the list: one anchor for each tree, the input's first, each with what its record
 * is to get. A tree's record leaves as one XOR, whatever the callback did for it; else the tree could look complete in
 * between.
 */
#include <stdlib.h>
#include <string.h>

#include "task/task.h"

static struct sqi_anchor *
add_anchor(struct sqi_collector *collector, uint64_t root)
{
        for (uint32_t i = 0; i < collector->nanchors; i++)
                if (collector->anchors[i].root == root)
                        return &collector->anchors[i];
        if (collector->nanchors == collector->anchors_capacity) {
                uint32_t capacity = collector->anchors_capacity ? collector->anchors_capacity * 2 : 16;
                struct sqi_anchor *anchors = realloc(collector->anchors, capacity * sizeof(*anchors));
                if (!anchors)
                        return NULL;
                collector->anchors = anchors;
                collector->anchors_capacity = capacity;
        }
        struct sqi_anchor *anchor = &collector->anchors[collector->nanchors++];
        *anchor = (struct sqi_anchor){.root = root};
        return anchor;
}

/* Gives the edges made so far to the anchors they were made for. */
static void
fold(struct sqi_collector *collector)
{
        for (uint32_t i = 0; i < collector->nanchors; i++)
                if (collector->anchors[i].active)
                        collector->anchors[i].value ^= collector->edges;
        collector->edges = 0;
}

static bool
open_anchors(struct sqi_collector *collector)
{
        if (collector->anchors_open) {
                fold(collector);
                return true;
        }
        collector->nanchors = 0;
        for (uint16_t i = 0; i < collector->nroots; i++) {
                struct sqi_anchor *anchor = add_anchor(collector, collector->roots[i]);
                if (!anchor)
                        return false;
                anchor->active = true;
        }
        collector->anchors_open = true;
        fold(collector);
        return true;
}

/* The active ones as the runs of a batch want them. */
static bool
list_roots(struct sqi_collector *collector)
{
        uint16_t n = 0;

        for (uint32_t i = 0; i < collector->nanchors; i++) {
                if (!collector->anchors[i].active)
                        continue;
                if (n == SQI_ROOTS_MAX)
                        return false;
                collector->roots[n++] = collector->anchors[i].root;
        }
        collector->nroots = n;
        return true;
}

void
sq_anchor(struct sq_task *task, const struct sq_kept *kept)
{
        struct sqi_collector *collector = &task->collector;
        bool fine = open_anchors(collector);

        for (uint16_t i = 0; i < kept->nroots && fine; i++) {
                struct sqi_anchor *anchor = add_anchor(collector, kept->roots[i]);
                fine = anchor != NULL;
                if (anchor)
                        anchor->active = true;
        }
        if (!fine)
                sqi_task_fail(task, -ENOMEM, "out of memory for anchors");
        else if (!list_roots(collector))
                sqi_task_misuse(task, "sq_anchor: more than %d tuple trees for one tuple", SQI_ROOTS_MAX);
}

void
sq_unanchor(struct sq_task *task)
{
        struct sqi_collector *collector = &task->collector;

        if (!open_anchors(collector)) {
                sqi_task_fail(task, -ENOMEM, "out of memory for anchors");
                return;
        }
        for (uint32_t i = 0; i < collector->nanchors; i++)
                collector->anchors[i].active = false;
        collector->nroots = 0;
}

void
sqi_anchors_commit(struct sq_task *task, uint16_t ninput, uint64_t input_id)
{
        struct sqi_collector *collector = &task->collector;

        fold(collector);
        for (uint32_t i = 0; i < collector->nanchors; i++) {
                uint64_t value = collector->anchors[i].value ^ (i < ninput ? input_id : 0);
                if (value)
                        sqi_acker_add(&task->acker, collector->anchors[i].root, value, SQI_ACK_XOR);
        }
        collector->anchors_open = false;
}

/* That the tuple waits here and in no queue, at the beginning and at the end of it. */
static void
tell_kept(struct sq_task *task, const struct sq_kept *kept)
{
        for (uint16_t r = 0; r < kept->nroots; r++)
                sqi_acker_add(&task->acker, kept->roots[r], kept->edge_id, SQI_ACK_KEPT);
}

struct sq_kept *
sq_keep(struct sq_task *task, const struct sq_tuple *in)
{
        size_t size = in->slice.offsets[in->slice.n];
        uint16_t nroots = task->bolt.in_execute ? task->bolt.input_nroots : 0;
        struct sq_kept *kept;

        if (!task->bolt.in_execute) {
                sqi_task_misuse(task, "sq_keep outside execute");
                nroots = 0;
        }
        size_t roots_at = (size + 7) & ~(size_t)7;
        kept = malloc(sizeof(*kept) + roots_at + nroots * sizeof(uint64_t));
        if (!kept) {
                sqi_task_fail(task, -ENOMEM, "out of memory for a kept tuple");
                abort(); /* never NULL by contract; the worker is restarted, and its tuples replayed */
        }
        kept->tuple = *in;
        memcpy(kept->bytes, in->slice.at, size);
        kept->tuple.slice.at = kept->bytes;
        kept->edge_id = task->bolt.input_id;
        kept->nroots = nroots;
        kept->since_ns = task->now_ns;
        kept->roots = (uint64_t *)(void *)(kept->bytes + roots_at);
        memcpy(kept->roots, task->bolt.input_roots, nroots * sizeof(uint64_t));
        kept->next = task->instance.kept;
        kept->link = &task->instance.kept;
        if (kept->next)
                kept->next->link = &kept->next;
        task->instance.kept = kept;
        task->instance.nkept++;
        task->bolt.kept_in_turn += task->bolt.in_execute && !task->bolt.kept_now;
        task->bolt.kept_now = true;
        tell_kept(task, kept);
        return kept;
}

const struct sq_tuple *
sq_kept_tuple(const struct sq_kept *kept)
{
        return &kept->tuple;
}

static void
let_go(struct sq_task *task, struct sq_kept **kept)
{
        *(*kept)->link = (*kept)->next;
        if ((*kept)->next)
                (*kept)->next->link = (*kept)->link;
        task->instance.nkept--;
        free(*kept);
        *kept = NULL;
}

void
sq_ack_kept(struct sq_task *task, struct sq_kept **kept)
{
        struct sqi_collector *collector = &task->collector;

        if (!*kept)
                return;
        tell_kept(task, *kept);
        for (uint16_t r = 0; r < (*kept)->nroots; r++) {
                struct sqi_anchor *anchor = NULL;
                for (uint32_t i = 0; collector->anchors_open && i < collector->nanchors && !anchor; i++)
                        if (collector->anchors[i].root == (*kept)->roots[r])
                                anchor = &collector->anchors[i];
                if (anchor)
                        anchor->value ^= (*kept)->edge_id;
                else
                        sqi_acker_add(&task->acker, (*kept)->roots[r], (*kept)->edge_id, SQI_ACK_XOR);
        }
        sqi_count(&task->metrics->acked, 1);
        let_go(task, kept);
}

void
sq_fail_kept(struct sq_task *task, struct sq_kept **kept)
{
        if (!*kept)
                return;
        for (uint16_t r = 0; r < (*kept)->nroots; r++) {
                if (task->cause[0])
                        sqi_acker_explain(&task->acker, SQI_ROOT_TASK((*kept)->roots[r]), task->cause);
                sqi_acker_add(&task->acker, (*kept)->roots[r], 0, task->bolt.later ? SQI_ACK_LATER : SQI_ACK_FAIL);
        }
        if ((*kept)->nroots == 0)
                sqi_loose_fail(task, &(*kept)->tuple);
        sqi_count(&task->metrics->failed, 1);
        task->bolt.kept_in_turn -= task->bolt.in_execute; /* it is none of the failed tuples of the batch under way */
        let_go(task, kept);
}

void
sq_reset_timeout(struct sq_task *task, const struct sq_kept *kept)
{
        for (uint16_t r = 0; r < kept->nroots; r++)
                sqi_acker_add(&task->acker, kept->roots[r], 0, SQI_ACK_RESET);
        (*kept->link)->since_ns = task->now_ns;
}

void
sqi_kept_check(struct sq_task *task)
{
        uint64_t timeout_ns = (uint64_t)(task->plan->config.message_timeout * 1e9);
        char json[256] = "";
        size_t old = 0;

        task->bolt.next_kept_check_ns = task->now_ns + timeout_ns;
        for (const struct sq_kept *kept = task->instance.kept; kept; kept = kept->next) {
                if (task->now_ns < kept->since_ns + timeout_ns)
                        continue;
                if (old++ == 0 && kept->tuple.slice.n)
                        sq_json(sq_tuple_get(&kept->tuple, 0), json, sizeof(json));
        }
        if (old)
                sq_log(task, SQ_WARN,
                       "%zu kept tuples are older than topology.message.timeout.secs, one from \"%s\" with %s %s: their trees have timed out "
                       "(end each with sq_ack_kept() or sq_fail_kept(), or call sq_reset_timeout())",
                       old, task->instance.kept->tuple.input->source,
                       sq_tuple_name(&task->instance.kept->tuple, 0) ? sq_tuple_name(&task->instance.kept->tuple, 0)
                                                                     : "?",
                       json);
}

void
sqi_kept_release(struct sq_task *task)
{
        while (task->instance.kept) {
                struct sq_kept *kept = task->instance.kept;
                let_go(task, &kept);
        }
}
