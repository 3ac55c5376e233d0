/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/flow.h"

enum { FIRST_LIMIT = 16 };

void
sqi_flow_begin(struct sqi_flow *flow, uint64_t fixed, uint64_t timeout_ns, bool steady)
{
        *flow = (struct sqi_flow){.limit = fixed ? fixed : FIRST_LIMIT, .steady = steady};
        flow->todo = flow->limit;
        flow->goal_ns = fixed ? 0 : timeout_ns / 8;
}

static uint64_t
next_limit(const struct sqi_flow *flow)
{
        uint64_t limit = flow->limit;

        if (flow->worst_ns > flow->goal_ns)
                limit = limit * 2 / 3;
        else if (flow->was_full && flow->worst_ns < flow->goal_ns / 256)
                limit *= 8;
        else if (flow->was_full && flow->worst_ns < flow->goal_ns / 2)
                limit *= 2;
        if (limit < 1)
                limit = 1;
        return limit < SQI_FLOW_MAX ? limit : SQI_FLOW_MAX;
}

void
sqi_flow_count(struct sqi_flow *flow, bool timed_out, uint64_t age_ns)
{
        if (flow->goal_ns == 0)
                return;
        if (age_ns > flow->worst_ns && !flow->steady)
                flow->worst_ns = age_ns;
        if (timed_out)
                flow->todo = 1;
        if (--flow->todo)
                return;
        flow->limit = flow->todo = next_limit(flow);
        flow->worst_ns = 0;
        flow->was_full = false;
}
