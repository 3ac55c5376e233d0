/* SPDX-License-Identifier: Apache-2.0 */
#include "rig/look.h"

#include <stdio.h>

#include "base/real_time.h"
#include "task/snapshot.h"

static void
log_line(void *context, struct sq_task *task, enum sq_level level, const char *text)
{
        (void)context;
        if (level <= SQ_WARN)
                fprintf(stderr, "%s: %s\n", task->component->id, text);
}

static void
ignore_report(void *context, struct sq_task *task, const struct sqi_message *message)
{
        (void)context;
        (void)task;
        (void)message;
}

static int
look(struct sq_task *task, const struct sqi_snapshot_held *held)
{
        if (sqi_task_load(task) < 0)
                return task->failed;
        if (sqi_component_key_state(task->instance.code) == 0)
                return -ENOTSUP;
        return sqi_snapshot_take_held(task, held) < 0 ? task->failed : 0;
}

int
sqi_look_open(const struct sqi_plan *plan, uint32_t task, const struct sqi_snapshot_held *held, struct sqi_look **ret,
              char *error, size_t size)
{
        struct sqi_look *it = calloc(1, sizeof(*it));

        if (!it)
                return -ENOMEM;
        it->driver = (struct sqi_driver){
                .now = sqi_real_now, .wall = sqi_real_wall, .log = log_line, .report = ignore_report};
        it->task.plan = plan;
        it->task.id = task;
        it->task.component = &plan->components[plan->tasks[task].component];
        it->task.incarnation = 0;
        it->task.rundir = "";
        it->task.metrics = &it->metrics;
        it->task.driver = &it->driver;
        it->task.record = -1;
        it->task.instance.wake_fd = -1;
        int r = look(&it->task, held);
        if (r < 0) {
                snprintf(error, size, "%s", it->task.error[0] ? it->task.error : strerror(-r));
                sqi_look_close(&it);
                return r;
        }
        *ret = it;
        return 0;
}

void
sqi_look_close(struct sqi_look **look)
{
        if (!*look)
                return;
        sqi_task_close(&(*look)->task);
        free(*look);
        *look = NULL;
}
