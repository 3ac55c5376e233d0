/* SPDX-License-Identifier: Apache-2.0 */
#include "task/recorder.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "task/task.h"

/* An incarnation that was killed may have left half a record. */
static int
cut_torn(int fd)
{
        struct stat about;
        uint32_t size;
        off_t at = 0, next;

        if (fstat(fd, &about) < 0)
                return -1;
        while (pread(fd, &size, sizeof(size), at) == sizeof(size) &&
               (next = at + (off_t)sizeof(size) + size) <= about.st_size)
                at = next;
        return at < about.st_size ? ftruncate(fd, at) : 0;
}

void
sqi_recorder_open(struct sq_task *task)
{
        const char *folder = getenv(SQI_RECORDER_VARIABLE);
        char path[512];

        if (!folder || !*folder)
                return;
        snprintf(path, sizeof(path), "%s/%s.%u", folder, task->component->id, sq_index(task));
        task->record = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
        if (task->record < 0 || cut_torn(task->record) < 0)
                sq_log(task, SQ_WARN, "cannot record to %s: %s", path, strerror(errno));
}

void
sqi_recorder_batch(struct sq_task *task, zmq_msg_t *message)
{
        uint32_t size = (uint32_t)zmq_msg_size(message);
        struct iovec parts[] = {{&size, sizeof(size)}, {zmq_msg_data(message), size}};

        if (writev(task->record, parts, 2) == (ssize_t)(sizeof(size) + size))
                return;
        sq_log(task, SQ_WARN, "stops recording: %s", strerror(errno));
        sqi_recorder_close(task);
}

void
sqi_recorder_close(struct sq_task *task)
{
        if (task->record > 0)
                close(task->record);
        task->record = -1;
}
