/* SPDX-License-Identifier: Apache-2.0 */
/* What went wrong with tuples, counted and logged: a bolt failed them, they were lost, a component misused squall.h. */
#include <stdio.h>

#include "task/task.h"

enum { TEXT_MAX = 512 };

static void write_cause(struct sq_task *task, char text[TEXT_MAX], const char *format, va_list arguments)
        SQ_PRINTF(3, 0);

static void
write_cause(struct sq_task *task, char text[TEXT_MAX], const char *format, va_list arguments)
{
        vsnprintf(text, TEXT_MAX, format, arguments);
        snprintf(task->cause, sizeof(task->cause), "%.*s", SQI_CAUSE_MAX, text);
}

enum sq_verdict
sq_fail(struct sq_task *task, const char *format, ...)
{
        va_list arguments;
        char text[TEXT_MAX];

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
        char text[TEXT_MAX];

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
