/* SPDX-License-Identifier: Apache-2.0 */
#include "base/reminder.h"

static const uint64_t FIRST_GAP_NS = 1000000000, LAST_GAP_NS = 60000000000;

bool
sqi_reminder_due(struct sqi_reminder *reminder, uint64_t now_ns, uint64_t *ret_unsaid)
{
        if (reminder->last_ns == 0 || now_ns > reminder->last_ns + LAST_GAP_NS)
                *reminder = (struct sqi_reminder){.gap_ns = FIRST_GAP_NS, .unsaid = reminder->unsaid};
        reminder->last_ns = now_ns;
        if (now_ns < reminder->due_ns) {
                reminder->unsaid++;
                return false;
        }
        *ret_unsaid = reminder->unsaid;
        reminder->unsaid = 0;
        reminder->due_ns = now_ns + reminder->gap_ns;
        reminder->gap_ns = reminder->gap_ns < LAST_GAP_NS / 2 ? 2 * reminder->gap_ns : LAST_GAP_NS;
        return true;
}
