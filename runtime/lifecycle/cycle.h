/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When is a cycle of components quiet? Its tasks wait for each other's end, so none can end first; the supervisor finds
 * out by counting (F. Mattern, Algorithms for distributed termination detection, 1987: the four-counter method).
 *
 * Once every task of the cycle has seen the end of all that comes from outside (SETTLED), rounds are asked for (PROBE).
 * Each task answers how many tuples it has received from and sent into the cycle. When the sums of two rounds in a row
 * are equal, received to sent and round to round, nothing was under way between them, and nothing can come any more:
 * the cycle is released.
 *
 * A task of the cycle that died has taken its counts with it, and received never equals sent again. From then on the
 * cycle is `lossy`: it is released when the sums have stood still for SQI_CYCLE_STILL rounds.
 *
 * Pure: no time, no sockets. The caller sends what is asked for.
 */
#ifndef SQI_CYCLE_H
#define SQI_CYCLE_H

#include <stdbool.h>
#include <stdint.h>

enum { SQI_CYCLE_STILL = 20 };

struct sqi_cycle {
        uint32_t ntasks;                   /* of the cycle */
        uint32_t settled;                  /* of them */
        uint32_t answered;                 /* of them, in the round under way */
        uint64_t round;                    /* 0: none is under way */
        uint64_t received, sent;           /* sums of the round under way */
        uint64_t last_received, last_sent; /* of the round before */
        uint32_t still;                    /* rounds in a row with the same sums */
        bool counted;                      /* there is a round before */
        bool lossy, released;
};

enum sqi_cycle_verdict { SQI_CYCLE_WAIT, SQI_CYCLE_AGAIN, SQI_CYCLE_LATER, SQI_CYCLE_RELEASE };

/* Every task has settled, and the cycle is not released: rounds make sense. */
bool sqi_cycle_is_settled(const struct sqi_cycle *cycle);

void sqi_cycle_begin(struct sqi_cycle *cycle, uint64_t round);

/* A task's answer to round `round`, each task once. WAIT: answers are missing (or it was another round's); AGAIN: begin
 * the next round at once; LATER: after a little while, for the cycle is busy; RELEASE: it is quiet. */
enum sqi_cycle_verdict sqi_cycle_answer(struct sqi_cycle *cycle, uint64_t round, uint64_t received, uint64_t sent);

/* A task of the cycle died: the round is void. */
void sqi_cycle_lose(struct sqi_cycle *cycle, bool was_settled);

#endif
