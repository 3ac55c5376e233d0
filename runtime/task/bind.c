/* SPDX-License-Identifier: Apache-2.0 */
/* Where the sockets of a task listen. */
#include "control/endpoint.h"
#include "channel/socket.h"
#include "task/task.h"

int
sqi_task_bind(const struct sq_task *task, void *socket, enum sqi_endpoint_kind kind)
{
        char endpoint[SQI_ENDPOINT_SIZE];
        int r = 0;

        for (int inproc = 1; inproc >= (task->driver ? 1 : 0) && r == 0; inproc--) {
                r = sqi_endpoint(task->rundir, kind, task->id, inproc, endpoint);
                if (r == 0)
                        r = sqi_socket_bind(socket, endpoint);
        }
        return r;
}
