/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many trees a spout may have in flight: what was set, or a limit that adapts, so that no queue outgrows the
 * message timeout. It grows while trees complete within a sixteenth of the timeout (eightfold while that is
 * milliseconds), and shrinks when they take more than an eighth. ledger.h says which trees count.
 */
#ifndef SQI_FLOW_H
#define SQI_FLOW_H

#include <stdbool.h>
#include <stdint.h>

enum { SQI_FLOW_MAX = 1 << 18 }; /* of a limit that adapts */

/* One round: as many outcomes as the limit had trees when the round began. */
struct sqi_flow {
        uint64_t limit;
        uint64_t goal_ns;  /* no tree is to take longer; 0: the limit does not adapt */
        uint64_t todo;     /* outcomes left in this round */
        uint64_t worst_ns; /* the oldest completion of the round */
        bool steady;       /* ages are not looked at */
        bool was_full;     /* the limit held the spout back in this round; for the caller to set */
};

/* `fixed`: the limit that was set, or 0. `timeout_ns`: of messages, or 0. */
void sqi_flow_begin(struct sqi_flow *flow, uint64_t fixed, uint64_t timeout_ns, bool steady);

/* A tree has come to its end at that age. */
void sqi_flow_count(struct sqi_flow *flow, bool timed_out, uint64_t age_ns);

#endif
