/* SPDX-License-Identifier: Apache-2.0 */
#include "task/loose.h"

#include <stdlib.h>
#include <string.h>

#include "task/task.h"

static const uint64_t FIRST_DELAY_NS = 50000000, LAST_DELAY_NS = 1000000000, LIMIT_NS = SQI_LOOSE_SECS * 1000000000ull;

struct sqi_loose {
        struct sqi_loose *next;
        struct sq_tuple tuple;
        uint8_t bytes[];
};

static void
append(struct sqi_loose_list *list, struct sqi_loose *loose)
{
        if (!list->first)
                list->end = &list->first;
        loose->next = NULL;
        *list->end = loose;
        list->end = &loose->next;
        list->n++;
}

static void
clear(struct sqi_loose_list *list)
{
        while (list->first) {
                struct sqi_loose *loose = list->first;
                list->first = loose->next;
                free(loose);
        }
        list->n = 0;
}

static void
add(struct sq_task *task, struct sqi_loose_list *list, const struct sq_tuple *tuple)
{
        size_t size = tuple->slice.offsets[tuple->slice.n];
        struct sqi_loose *loose = malloc(sizeof(*loose) + size);

        if (!loose) {
                sqi_task_fail(task, -ENOMEM, "out of memory for a tuple that is to be tried again");
                return;
        }
        loose->tuple = *tuple;
        loose->tuple.slice.at = loose->bytes;
        memcpy(loose->bytes, tuple->slice.at, size);
        append(list, loose);
}

/* There are failures: when are they tried again, or is it over? */
static void
plan_retry(struct sq_task *task, const char *cause)
{
        struct sqi_loose_tuples *loose = &task->bolt.loose;

        if (!loose->since_ns) {
                loose->since_ns = task->now_ns;
                loose->delay_ns = FIRST_DELAY_NS;
        }
        if (task->now_ns - loose->since_ns < LIMIT_NS) {
                loose->due_ns = task->now_ns + loose->delay_ns;
                return;
        }
        sqi_task_lose(task, loose->failed.n, cause[0] ? cause : "its bolt failed it");
        clear(&loose->failed);
        loose->since_ns = 0;
}

void
sqi_loose_hold(struct sq_task *task, const struct sq_tuple *tuple)
{
        add(task, &task->bolt.loose.held, tuple);
}

void
sqi_loose_fail(struct sq_task *task, const struct sq_tuple *tuple)
{
        if (!task->tracking) {
                sqi_task_lose(task, 1, task->cause[0] ? task->cause : "its bolt failed it");
                return;
        }
        add(task, &task->bolt.loose.failed, tuple);
        plan_retry(task, task->cause);
}

void
sqi_loose_flushed(struct sq_task *task, bool fine)
{
        struct sqi_loose_tuples *loose = &task->bolt.loose;

        if (fine) {
                clear(&loose->held);
                if (!loose->failed.first)
                        loose->since_ns = 0;
                return;
        }
        while (loose->held.first) {
                struct sqi_loose *one = loose->held.first;
                loose->held.first = one->next;
                append(&loose->failed, one);
        }
        loose->held.n = 0;
        if (loose->failed.first)
                plan_retry(task, task->error);
}

uint64_t
sqi_loose_due(const struct sq_task *task)
{
        return task->bolt.loose.failed.first ? task->bolt.loose.due_ns : UINT64_MAX;
}

void
sqi_loose_retry(struct sq_task *task, void (*execute)(struct sq_task *task, struct sq_tuple *tuple))
{
        struct sqi_loose_list again = task->bolt.loose.failed;

        task->bolt.loose.failed = (struct sqi_loose_list){0};
        task->bolt.loose.delay_ns = task->bolt.loose.delay_ns * 2 < LAST_DELAY_NS ? task->bolt.loose.delay_ns * 2
                                                                                  : LAST_DELAY_NS;
        for (struct sqi_loose *loose = again.first; loose && task->failed == 0; loose = loose->next)
                execute(task, &loose->tuple);
        clear(&again);
}

bool
sqi_loose_is_empty(const struct sq_task *task)
{
        return !task->bolt.loose.held.first && !task->bolt.loose.failed.first;
}

void
sqi_loose_free(struct sqi_loose_tuples *loose)
{
        clear(&loose->held);
        clear(&loose->failed);
}
