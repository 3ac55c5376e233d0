/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which components of a topology log at another level than info, and for how long.
 *
 * Each task that is told so (LOG_LEVEL) goes back by itself when the time is over, so nothing has to be undone if
 * nobody is left to do it. Here is kept what was said, in memory and in the file `levels` beside the topology's record,
 * to tell workers that are restarted, and to show it.
 */
#ifndef SQI_LEVELS_H
#define SQI_LEVELS_H

#include "daemon/desk.h"
#include "supervisor/supervisor.h"

struct sqi_level {
        char component[SQI_ID_MAX + 1];
        uint8_t level; /* enum sq_level */
        int64_t until; /* seconds since 1970 */
};

struct sqi_levels {
        struct sqi_level *items;
        uint32_t n;
        struct sqi_told { /* by worker */
                uint32_t incarnation;
                bool told;
        } * told;
        uint32_t nworkers;
        bool later; /* the file is of a later version, and is not written over */
};

/* What the file says; nothing, if there is none. 0; or a negative errno, for sqi_sealed_reason(): nothing then either.
 */
int sqi_levels_load(struct sqi_levels *levels, const char *path);
void sqi_levels_free(struct sqi_levels *levels);

/* `component` NULL: all of the plan. Level SQ_INFO: as it was. The desk, or NULL, stands aside while it is written
 * (desk.h). 0, or a negative errno: -ENOENT: the plan has no such component; -EPROTO: the file is of a later version.
 */
int sqi_levels_set(struct sqi_levels *levels, const char *path, struct sqi_desk *desk, const struct sqi_plan *plan,
                   const char *component, enum sq_level level, double seconds);

/* Tells every worker that runs and was not told yet. */
void sqi_levels_tell(struct sqi_levels *levels, struct sqi_running *running);

/* Of a component; *ret_left: seconds that it lasts. SQ_INFO: nothing was said. */
enum sq_level sqi_levels_of(const struct sqi_levels *levels, const char *component, double *ret_left);

#endif
