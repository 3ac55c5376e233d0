/* SPDX-License-Identifier: Apache-2.0 */
#include "task/seldom.h"

#include <inttypes.h>
#include <stdio.h>

#include "task/task.h"

static const uint64_t TELL_NS = 1000000000;

static bool
is_digit(char c)
{
        return c >= '0' && c <= '9';
}

/* Equal for texts that are alike but for their numbers: FNV-1a, with one digit for each of them. */
static uint64_t
kind_of(const char *text)
{
        uint64_t hash = UINT64_C(0xcbf29ce484222325);

        for (; *text; text++) {
                if (is_digit(text[0]) && is_digit(text[1]))
                        continue;
                hash ^= is_digit(text[0]) ? '0' : (unsigned char)text[0];
                hash *= UINT64_C(0x100000001b3);
        }
        return hash;
}

static void
tell_more(struct sq_task *task, const char *text, uint64_t more)
{
        if (more > 0)
                sq_log(task, SQ_WARN, "%s (and %" PRIu64 " more like it)", text, more);
}

void
sqi_seldom_tell(struct sq_task *task, bool now)
{
        struct sqi_seldom *seldom = &task->seldom;

        if (seldom->n == 0 || (!now && sqi_clock_ns() < seldom->since_ns + TELL_NS))
                return;
        for (uint32_t i = 0; i < seldom->n; i++)
                tell_more(task, seldom->kinds[i].text, seldom->kinds[i].more);
        if (seldom->others > 0)
                sq_log(task, SQ_WARN, "and %" PRIu64 " more warnings, for other causes", seldom->others);
        seldom->n = 0;
        seldom->others = 0;
}

void
sqi_task_log_seldom(struct sq_task *task, const char *what, const char *text)
{
        struct sqi_seldom *seldom = &task->seldom;
        char whole[SQI_SELDOM_TEXT];
        uint64_t like;

        if (task->driver) {
                sq_log(task, SQ_WARN, "%s: %s", what, text);
                return;
        }
        sqi_seldom_tell(task, false);
        snprintf(whole, sizeof(whole), "%s: %s", what, text);
        like = kind_of(whole);
        for (uint32_t i = 0; i < seldom->n; i++)
                if (seldom->kinds[i].like == like) {
                        seldom->kinds[i].more++;
                        return;
                }
        if (seldom->n == SQI_SELDOM_KINDS) {
                seldom->others++;
                return;
        }
        if (seldom->n == 0)
                seldom->since_ns = sqi_clock_ns();
        seldom->kinds[seldom->n].like = like;
        seldom->kinds[seldom->n].more = 0;
        memcpy(seldom->kinds[seldom->n++].text, whole, sizeof(whole));
        sq_log(task, SQ_WARN, "%s: %s", what, text);
}

void
sqi_task_log_lasting(struct sq_task *task, struct sqi_reminder *reminder, const char *what, const char *text)
{
        uint64_t unsaid = 0;

        if (!sqi_reminder_due(reminder, sqi_clock_ns(), &unsaid) && !task->driver)
                return;
        if (unsaid)
                sq_log(task, SQ_WARN, "%s: %s (and %" PRIu64 " more like it meanwhile)", what, text, unsaid);
        else
                sq_log(task, SQ_WARN, "%s: %s", what, text);
}
