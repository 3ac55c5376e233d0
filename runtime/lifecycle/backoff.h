/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long a worker that died is waited for before it is started again: pure arithmetic, time and chance come in as
 * arguments.
 *
 * Two things are counted. `streak`: deaths in a row of incarnations that got nothing done; it sets the delay (none
 * after the first, then 100 ms doubled each time up to 30 s, with a quarter of jitter) and is what the crash limit
 * looks at. An incarnation that did work halves it first, or one that lived for a second and for far longer than it had
 * been waited for: so a worker that is killed now and then is always back at once, while one that dies as it starts, or
 * of a tuple that comes again ever later, is tried ever more slowly. `crashes`: all deaths since the last minute of
 * health; three of them make the topology `degraded`.
 */
#ifndef SQI_BACKOFF_H
#define SQI_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

#define SQI_MS UINT64_C(1000000)
#define SQI_NEVER UINT64_MAX

#define SQI_HEALTHY (60 * SQI_SECOND) /* a life so long forgets what was before */
#define SQI_BACKOFF_MIN (100 * SQI_MS)
#define SQI_BACKOFF_MAX (30 * SQI_SECOND)
enum { SQI_DEGRADED_CRASHES = 3 };

struct sqi_backoff {
        uint32_t streak, crashes;
        uint64_t delay; /* ns; of the last time */
};

/* An incarnation that lived for `lived` ns after its start (0: it never started) died. Returns the delay in ns.
 * `random` is any number. */
uint64_t sqi_backoff_died(struct sqi_backoff *backoff, uint64_t lived, bool worked, uint64_t random);

static inline bool
sqi_backoff_is_degraded(const struct sqi_backoff *backoff)
{
        return backoff->crashes >= SQI_DEGRADED_CRASHES;
}

#endif
