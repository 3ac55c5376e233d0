/* SPDX-License-Identifier: Apache-2.0 */
#include "task/park.h"

#include "channel/socket.h"
#include "task/recorder.h"
#include "task/task.h"

/* Their trees have ended with the plan: there is nothing left to ack. */
static void
loosen_kept(struct sq_task *task)
{
        for (struct sq_kept *kept = task->kept; kept; kept = kept->next) {
                kept->input = (uint32_t)(kept->tuple.input - task->intake.inputs);
                kept->tuple.input = NULL;
                kept->nroots = 0;
        }
}

/* All else of the task is as new. */
static void
keep_instance(struct sq_task *task)
{
        struct sq_task *old = malloc(sizeof(*old));

        if (!old) {
                task->failed = -ENOMEM;
                return;
        }
        memcpy(old, task, sizeof(*old));
        memset(task, 0, sizeof(*task));
        task->state = old->state;
        task->code = old->code;
        task->settings = old->settings;
        task->keyed = old->keyed;
        task->key_shape = old->key_shape;
        task->key_field = old->key_field;
        task->kept = old->kept;
        task->nkept = old->nkept;
        if (task->kept)
                task->kept->link = &task->kept;
        task->wake_ns = old->wake_ns;
        task->wake_fd = old->wake_fd;
        task->active = old->active;
        task->done = old->done;
        task->tracked = old->tracked;
        task->next_position = old->next_position;
        task->note = old->note;
        task->log_level = old->log_level;
        task->log_until_ns = old->log_until_ns;
        task->metrics = old->metrics;
        task->resumed = task->prepared = true;
        free(old);
}

void
sqi_task_park(struct sq_task *task)
{
        loosen_kept(task);
        sqi_record_close(task);
        sqi_acker_close(&task->acker);
        sqi_collector_close(&task->collector);
        sqi_intake_close(task);
        sqi_spout_close(task);
        free(task->key);
        free(task->fds);
        sqi_socket_close(&task->control);
        keep_instance(task);
}

void
sqi_park_end(struct sq_task *task)
{
        for (struct sq_kept *kept = task->kept; kept; kept = kept->next)
                kept->tuple.input = &task->intake.inputs[kept->input];
}
