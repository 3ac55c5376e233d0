/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When to say again that something goes on which was said before: at once, after a second, and then at intervals that
 * double, up to a minute. What has not happened for longer than that begins anew.
 *
 *     struct sqi_reminder reminder = {0};
 *     if (sqi_reminder_due(&reminder, now_ns, &unsaid)) ...
 */
#ifndef SQI_REMINDER_H
#define SQI_REMINDER_H

#include <stdbool.h>
#include <stdint.h>

struct sqi_reminder {
        uint64_t last_ns, due_ns, gap_ns, unsaid;
};

/* It happens, at `now_ns`. Whether to say it; then *ret_unsaid is how often it was not said since. */
bool sqi_reminder_due(struct sqi_reminder *reminder, uint64_t now_ns, uint64_t *ret_unsaid);

#endif
