/* SPDX-License-Identifier: Apache-2.0 */
/* What a task has to say: reports to the supervisor, lines in the log, why the task can't go on. */
#include <stdlib.h>
#include <stdio.h>
#include <unistd.h>

#include "task/task.h"

void
sqi_task_report(struct sq_task *task, const struct sqi_message *message)
{
        void *bytes;
        size_t size;
        struct sqi_message whole = *message;

        if (task->driver) {
                task->driver->report(task->driver->context, task, message);
                return;
        }
        whole.worker = task->plan->tasks[task->id].worker;
        whole.incarnation = task->incarnation;
        if (sqi_message_encode(&whole, &bytes, &size) < 0) {
                if (whole.type == SQI_MSG_METRICS)
                        return; /* the next ones will do */
                /* Anything else would be waited for, for ever. */
                fprintf(stderr, "error: no memory for a report to the supervisor\n");
                _exit(EXIT_FAILURE);
        }
        zmq_send(task->control, bytes, size, 0);
        task->reported = true;
        free(bytes);
}

void
sqi_task_report_metrics(struct sq_task *task)
{
        sqi_task_report(task,
                        &(struct sqi_message){.type = SQI_MSG_METRICS, .task = task->id, .metrics = task->metrics});
}

static void write_log(struct sq_task *task, enum sq_level level, const char *format, va_list arguments) SQ_PRINTF(3, 0);

/* One write, so that lines of several tasks do not mix. */
static void
write_log(struct sq_task *task, enum sq_level level, const char *format, va_list arguments)
{
        static const char *const names[] = {"error", "warning", "info", "debug"};
        char line[2048], name[128];
        int head = 0, body;

        if (task->driver) {
                vsnprintf(line, sizeof(line), format, arguments);
                task->driver->log(task->driver->context, task, level, line);
                return;
        }
        sqi_task_name(task->plan, task->id, name, sizeof(name));
        if (task->packed)
                head = snprintf(line, sizeof(line), "%s: %s: ", name, names[level]);
        else
                head = snprintf(line, sizeof(line), "%s: ", names[level]);
        body = vsnprintf(line + head, sizeof(line) - (size_t)head - 1, format, arguments);
        size_t len = (size_t)head + (body < 0 ? 0 : (size_t)body);
        if (len > sizeof(line) - 2)
                len = sizeof(line) - 2;
        line[len++] = '\n';
        if (write(STDERR_FILENO, line, len) < 0)
                return; /* nobody listens; there is nobody to tell */
}

static bool
is_logged(struct sq_task *task, enum sq_level level)
{
        if (task->instance.log_until_ns && sqi_clock_ns() >= task->instance.log_until_ns)
                task->instance.log_until_ns = 0;
        return level <= (task->instance.log_until_ns ? task->instance.log_level : SQ_INFO);
}

void
sq_log(struct sq_task *task, enum sq_level level, const char *format, ...)
{
        va_list arguments;

        if (!task->driver && !is_logged(task, level))
                return;
        va_start(arguments, format);
        write_log(task, level, format, arguments);
        va_end(arguments);
}

int
sq_error(struct sq_task *task, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        vsnprintf(task->error, sizeof(task->error), format, arguments);
        va_end(arguments);
        return -1;
}

int
sq_error_final(struct sq_task *task, const char *format, ...)
{
        char text[sizeof(task->error)];
        va_list arguments;

        va_start(arguments, format);
        vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);
        task->final = task->final || task->failed == 0;
        if (task->instance.code && task->instance.code->spout)
                task->collector.open = false; /* nothing goes out behind what it could not go on from */
        return sqi_task_fail(task, -EIO, "%s", text);
}

int
sqi_task_fail(struct sq_task *task, int error, const char *format, ...)
{
        char text[sizeof(task->error)];
        va_list arguments;

        if (task->failed == 0) {
                va_start(arguments, format);
                vsnprintf(text, sizeof(text), format, arguments);
                va_end(arguments);
                memcpy(task->error, text, sizeof(text));
                task->failed = error;
        }
        return -1;
}
