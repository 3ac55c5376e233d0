/* SPDX-License-Identifier: Apache-2.0 */
/* What a task has to say: reports to the supervisor, lines in the log, what a component did wrong, why the task can't
 * go on. */
#include <stdlib.h>
#include <stdio.h>
#include <unistd.h>

#include "task/task.h"

static const uint64_t LOG_AGAIN_NS = 1000000000;

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

void
sqi_task_log_seldom(struct sq_task *task, const char *what, const char *text)
{
        uint64_t now_ns = sqi_clock_ns();

        if (!task->driver && task->fail_logged_ns && now_ns < task->fail_logged_ns + LOG_AGAIN_NS) {
                task->fails_unlogged++;
                return;
        }
        if (task->fails_unlogged)
                sq_log(task, SQ_WARN, "%s: %s (and %zu more like it in the last second)", what, text,
                       (size_t)task->fails_unlogged);
        else
                sq_log(task, SQ_WARN, "%s: %s", what, text);
        task->fail_logged_ns = now_ns;
        task->fails_unlogged = 0;
}

void
sqi_task_log_lasting(struct sq_task *task, struct sqi_reminder *reminder, const char *what, const char *text)
{
        uint64_t unsaid = 0;

        if (!sqi_reminder_due(reminder, sqi_clock_ns(), &unsaid) && !task->driver)
                return;
        if (unsaid)
                sq_log(task, SQ_WARN, "%s: %s (and %zu more like it meanwhile)", what, text, (size_t)unsaid);
        else
                sq_log(task, SQ_WARN, "%s: %s", what, text);
}

static void write_cause(struct sq_task *task, char text[512], const char *format, va_list arguments) SQ_PRINTF(3, 0);

static void
write_cause(struct sq_task *task, char text[512], const char *format, va_list arguments)
{
        vsnprintf(text, 512, format, arguments);
        snprintf(task->cause, sizeof(task->cause), "%.*s", SQI_CAUSE_MAX, text);
}

enum sq_verdict
sq_fail(struct sq_task *task, const char *format, ...)
{
        va_list arguments;
        char text[512];

        va_start(arguments, format);
        write_cause(task, text, format, arguments);
        va_end(arguments);
        sqi_task_log_seldom(task, "failed a tuple", text);
        task->bolt.later = false;
        return SQ_FAIL;
}

enum sq_verdict
sq_retry_later(struct sq_task *task, const char *format, ...)
{
        va_list arguments;
        char text[512];

        va_start(arguments, format);
        write_cause(task, text, format, arguments);
        va_end(arguments);
        sqi_task_log_lasting(task, &task->away, "put a tuple off", text);
        task->bolt.later = true;
        return SQ_FAIL;
}

void
sqi_task_misuse(struct sq_task *task, const char *format, ...)
{
        char text[1024];
        va_list arguments;

        va_start(arguments, format);
        vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);
        task->misused = true;
        task->bolt.later = false;
        sqi_count(&task->metrics->misused, 1);
        sqi_task_log_seldom(task, "misuse of squall.h", text);
        snprintf(task->cause, sizeof(task->cause), "misuse of squall.h: %.*s", SQI_CAUSE_MAX - 24, text);
}

void
sqi_task_lose(struct sq_task *task, uint64_t n, const char *cause)
{
        sqi_count(&task->metrics->lost, n);
        sqi_task_log_seldom(task, "lost a tuple that belongs to no tuple tree", cause);
        sqi_task_report_metrics(task);
}

void
sq_lost(struct sq_task *task, uint64_t n, const char *format, ...)
{
        char text[sizeof(task->error)];
        va_list arguments;

        va_start(arguments, format);
        vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);
        sqi_count(&task->metrics->lost, n);
        sq_log(task, SQ_ERROR, "%s", text);
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
