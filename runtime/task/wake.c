/* SPDX-License-Identifier: Apache-2.0 */
/* When a component is called without a tuple: at a time, or because a file of its own can be read. */
#include <poll.h>

#include "task/task.h"

void
sq_wake_at(struct sq_task *task, uint64_t now_ns)
{
        task->instance.wake_ns = now_ns;
}

void
sq_wake_on(struct sq_task *task, int fd)
{
        task->instance.wake_fd = fd;
}

void
sq_pause(struct sq_task *task, bool pause)
{
        if (!task->instance.code->bolt || !task->instance.code->bolt->wake)
                sqi_task_misuse(task, "sq_pause() by a component without .wake: nobody would end the pause");
        else
                task->instance.paused = pause;
}

void
sq_expect_more(struct sq_task *task, bool more)
{
        task->instance.expects_more = more;
}

bool
sqi_bolt_wake(struct sq_task *task)
{
        int (*wake)(struct sq_task *) = task->instance.code->bolt->wake;
        struct pollfd file = {.fd = task->instance.wake_fd, .events = POLLIN};

        if (!wake || poll(&file, 1, 0) <= 0)
                return false;
        sqi_task_call(task, wake);
        return true;
}
