/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Warnings that may come a million times a second. Of each kind the first goes into the log at once; how many more
 * there were is told a second later, and at the end of the task. Texts that differ in their numbers alone are of one
 * kind. Of more than SQI_SELDOM_KINDS kinds in a second the others are only counted.
 */
#ifndef SQI_SELDOM_H
#define SQI_SELDOM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/reminder.h"

struct sq_task;

enum { SQI_SELDOM_KINDS = 4, SQI_SELDOM_TEXT = 384 };

struct sqi_seldom {
        uint64_t since_ns; /* the first of them */
        uint32_t n;
        uint64_t others; /* of further kinds */
        struct {
                uint64_t like, more;
                char text[SQI_SELDOM_TEXT];
        } kinds[SQI_SELDOM_KINDS];
};

void sqi_task_log_seldom(struct sq_task *task, const char *what, const char *text);
/* The same of what may go on for hours: more and more seldom. */
void sqi_task_log_lasting(struct sq_task *task, struct sqi_reminder *reminder, const char *what, const char *text);
/* How many more there were, if that is due, or else with `now`. */
void sqi_seldom_tell(struct sq_task *task, bool now);

#endif
