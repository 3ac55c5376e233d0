/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A savepoint: a snapshot of a topology that its user keeps, as a folder of its own, which no supervisor removes.
 *
 *     PATH/manifest, PATH/COMPONENT.INDEX    the snapshot (snapshots.h): links to its files where the file system is
 *                                            the same
 *     PATH/plan                              the plan under which it was made (sealed)
 *     PATH/topology.yaml                     the file that was submitted
 *
 * What it is made of is held open first, which takes no time and outlasts whatever becomes of the topology, its
 * snapshots and its plan. Then it is put together in PATH.new, synced, and renamed whole, so it is there or it is not;
 * who makes it has a lock on PATH.new, which the next attempt removes when nobody has. A topology begins from it as
 * from a snapshot of its own (sqi_savepoint_put), or with the folder itself as the snapshot (`squall run --from`). Any
 * thread; it waits for the disk.
 */
#ifndef SQI_SAVEPOINT_H
#define SQI_SAVEPOINT_H

#include <stdatomic.h>

#include "daemon/snapshots.h"
#include "plan/plan.h"

/* The name of one that a `query --all` makes for itself and removes, below STATE/savepoints: this and its pid. */
#define SQI_QUERY_PREFIX ".query-"

struct sqi_savepoint {
        char path[PATH_MAX];
        struct sqi_manifest manifest;
        struct sqi_plan *plan; /* under which it was made */
        int64_t made;          /* seconds since 1970 */
        bool running;          /* it is an epoch of a topology that was under way: for that plan alone */
};

/* Of the newest of these snapshots, which is one of `plan`, with `source`, the topology's file. 0 and what is for
 * sqi_savepoint_let_go(), which accepts NULL; or a negative errno with the cause in `error`. A file of it is a
 * descriptor: what is held is not for long. */
struct sqi_savepoint_held;
int sqi_savepoint_hold(const struct sqi_snapshots *snapshots, const struct sqi_plan *plan, const char *source,
                       struct sqi_savepoint_held **ret, char *error, size_t size);
void sqi_savepoint_let_go(struct sqi_savepoint_held **held);

/* Makes the folder `path`; until another thread sets *stop, then -ECANCELED. 0, or a negative errno with the cause in
 * `error`: then there is none. */
int sqi_savepoint_make(const struct sqi_savepoint_held *held, const char *path, const atomic_bool *stop, char *error,
                       size_t size);

/* Of a savepoint, or of a folder that holds the epochs of `squall run` and its plan: then of the newest of them, which
 * `path` names afterwards. All of it is read and compared with its checksums; until another thread sets *stop (NULL:
 * nobody does), then -ECANCELED. 0 and a savepoint for sqi_savepoint_close(), or a negative errno with the cause in
 * `error`. */
int sqi_savepoint_open(const char *path, const atomic_bool *stop, struct sqi_savepoint *ret, char *error, size_t size);
void sqi_savepoint_close(struct sqi_savepoint *savepoint);

/* Can a topology of this plan begin from it? 0, or -EINVAL with the reason in `error`: a bolt that had keys is missing
 * or gets its tuples by another grouping; a spout has another number of tasks; or, of an epoch of a topology that was
 * under way, any component has. */
int sqi_savepoint_fits(const struct sqi_savepoint *savepoint, const struct sqi_plan *plan, char *error, size_t size);

/* Can `after` go on from the newest of these snapshots, which is one of `before`? 0, also where there is none; or
 * -EINVAL with the reason in `error`: a bolt has another number of tasks, and what they have is each one's own. */
int sqi_savepoint_can_go_on(const struct sqi_snapshots *snapshots, const struct sqi_plan *before,
                            const struct sqi_plan *after, char *error, size_t size);

/* Makes a copy of it the newest snapshot of a topology that has none; `stop` as above. 0 or a negative errno, with the
 * cause. */
int sqi_savepoint_put(const struct sqi_savepoint *savepoint, const struct sqi_snapshots *snapshots,
                      const atomic_bool *stop, char *error, size_t size);

#endif
