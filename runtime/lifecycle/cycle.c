/* SPDX-License-Identifier: Apache-2.0 */
#include "lifecycle/cycle.h"

bool
sqi_cycle_is_settled(const struct sqi_cycle *cycle)
{
        return cycle->ntasks > 0 && cycle->settled == cycle->ntasks && !cycle->released;
}

void
sqi_cycle_begin(struct sqi_cycle *cycle, uint64_t round)
{
        cycle->round = round;
        cycle->answered = 0;
        cycle->received = cycle->sent = 0;
}

static enum sqi_cycle_verdict
judge(struct sqi_cycle *cycle)
{
        bool same = cycle->counted && cycle->received == cycle->last_received && cycle->sent == cycle->last_sent;
        bool even = cycle->received == cycle->sent;

        cycle->round = 0;
        cycle->still = same ? cycle->still + 1 : 0;
        cycle->last_received = cycle->received;
        cycle->last_sent = cycle->sent;
        cycle->counted = true;
        if (same && (even || (cycle->lossy && cycle->still >= SQI_CYCLE_STILL)))
                return SQI_CYCLE_RELEASE;
        return even ? SQI_CYCLE_AGAIN : SQI_CYCLE_LATER;
}

enum sqi_cycle_verdict
sqi_cycle_answer(struct sqi_cycle *cycle, uint64_t round, uint64_t received, uint64_t sent)
{
        if (cycle->round == 0 || round != cycle->round)
                return SQI_CYCLE_WAIT;
        cycle->received += received;
        cycle->sent += sent;
        if (++cycle->answered < cycle->ntasks)
                return SQI_CYCLE_WAIT;
        return judge(cycle);
}

void
sqi_cycle_lose(struct sqi_cycle *cycle, bool was_settled)
{
        if (was_settled)
                cycle->settled--;
        cycle->round = 0;
        cycle->counted = false;
        cycle->still = 0;
        cycle->lossy = true;
}
