/* SPDX-License-Identifier: Apache-2.0 */
#include "state/portions.h"

static const uint64_t LEAST_NS = 100000, MOST_NS = 2000000;
static const double LEAST_REST = 0.25, MOST_REST = 3, OFF_REST = 20;

void
sqi_portions_begin(struct sqi_portions *portions, uint64_t now_ns, uint64_t interval_ns)
{
        *portions = (struct sqi_portions){.until_ns = now_ns + interval_ns / 2, .rest = MOST_REST};
}

uint64_t
sqi_portions_due(const struct sqi_portions *portions)
{
        return portions->ended_ns ? portions->ended_ns + (uint64_t)((double)LEAST_NS * portions->rest) : 0;
}

/* A batch may have taken longer than the rest: then the portion is longer, too. */
uint64_t
sqi_portions_time(const struct sqi_portions *portions, uint64_t now_ns)
{
        uint64_t time_ns;

        if (now_ns < sqi_portions_due(portions))
                return 0;
        time_ns = portions->ended_ns ? (uint64_t)((double)(now_ns - portions->ended_ns) / portions->rest) : LEAST_NS;
        if (time_ns < LEAST_NS)
                return LEAST_NS;
        return time_ns < MOST_NS ? time_ns : MOST_NS;
}

void
sqi_portions_end(struct sqi_portions *portions, uint64_t begun_ns, uint64_t now_ns, size_t n, size_t left)
{
        double wanted_ns = n ? (double)(now_ns - begun_ns) * (double)left / (double)n : 0;
        double there_ns = now_ns < portions->until_ns ? (double)(portions->until_ns - now_ns) : 0;
        double rest = wanted_ns > 0 ? there_ns / wanted_ns - 1 : MOST_REST;

        portions->ended_ns = now_ns;
        portions->rest = rest < LEAST_REST ? LEAST_REST : rest < MOST_REST ? rest : MOST_REST;
}

void
sqi_portions_put_off(struct sqi_portions *portions, uint64_t now_ns)
{
        portions->ended_ns = now_ns;
        portions->rest = OFF_REST;
}
