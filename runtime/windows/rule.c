/* SPDX-License-Identifier: Apache-2.0 */
#include "windows/rule.h"

static int64_t
common_divisor(int64_t a, int64_t b)
{
        return b == 0 ? a : common_divisor(b, a % b);
}

/* From 0 to length - 1, of what is negative too. */
static int64_t
modulo(int64_t a, int64_t length)
{
        int64_t rest = a % length;

        return rest < 0 ? rest + length : rest;
}

/* The last of start, start + step, ... and start - step, ... that is not after `time`; 0 <= start < step. */
static int64_t
step_down(int64_t time, int64_t start, int64_t step)
{
        int64_t rest = modulo(time, step) - start;

        return sqi_plus(time, -(rest < 0 ? rest + step : rest));
}

void
sqi_rule_complete(struct sqi_rule *rule)
{
        rule->pane = rule->slide > 0 ? common_divisor(rule->size, rule->slide) : 0;
        rule->offset = rule->slide > 0 ? modulo(rule->offset, rule->slide) : 0;
        rule->pane_offset = rule->pane > 0 ? rule->offset % rule->pane : 0;
}

bool
sqi_rule_has_room(const struct sqi_rule *rule, int64_t time)
{
        return sqi_has_room(time, rule->size + rule->slide + rule->gap, rule->lateness);
}

int64_t
sqi_last_start(const struct sqi_rule *rule, int64_t time)
{
        return step_down(time, rule->offset, rule->slide);
}

int64_t
sqi_last_end(const struct sqi_rule *rule, int64_t time)
{
        return sqi_plus(sqi_last_start(rule, time), rule->size);
}

int64_t
sqi_pane_start(const struct sqi_rule *rule, int64_t time)
{
        return step_down(time, rule->pane_offset, rule->pane);
}

int64_t
sqi_first_end(const struct sqi_rule *rule, int64_t time)
{
        int64_t before = sqi_last_start(rule, sqi_plus(time, -rule->size));

        return sqi_plus(sqi_plus(before, rule->slide), rule->size);
}
