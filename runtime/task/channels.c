/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a task's channels: as it ends, and as it leaves one plan for the next. */
#include <stdlib.h>

#include "channel/socket.h"
#include "task/task.h"

void
sqi_channels_close(struct sq_task *task)
{
        sqi_acker_close(&task->acker);
        sqi_collector_close(&task->collector);
        sqi_intake_close(task);
        sqi_watermark_close(task);
        sqi_spout_close(task);
        free(task->bolt.key);
        free(task->fds);
        sqi_socket_close(&task->control);
}
