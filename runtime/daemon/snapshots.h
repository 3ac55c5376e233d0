/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The snapshots of a topology: the keyed state of all its tasks and the positions of all its spouts, as they were at
 * one epoch, together.
 *
 *     DURABLE/.open/COMPONENT.INDEX    what tasks write while a hand-over is under way (task/snapshot.h)
 *     DURABLE/.open.NUMBER/            what they write while an epoch of exactly-once is taken
 *     DURABLE/NUMBER/                  a snapshot: the folder above, with its manifest (control/manifest.h), renamed
 *                                      whole
 *     SPARE/NUMBER/                    likewise, where DURABLE had no room: gone after a reboot, but better than none
 *
 *  1. sqi_snapshots_begin() makes DURABLE/.open. Each task writes its file there, syncs it, and reports its size and
 *     checksum. One that cannot writes into its run directory.
 *  2. sqi_snapshots_seal() gathers the files that were reported, in whichever place each is, compares their checksums,
 *     writes the manifest last, syncs, renames the folder to its number and syncs the folder above. It is there from
 *     the rename on, and never in part: whatever dies or fails before, the one before it is as it was.
 *  3. A plan begins from sqi_snapshots_newest(). One that is damaged is never passed over in silence: what was
 *     committed would be lost.
 *  4. sqi_snapshots_prune() removes what is older than the one that the sealing run began from: the newest may turn out
 *     to be of no use only while the plan that began from it has not sealed one itself.
 *
 * The part of an epoch is the beginning of its file, as far as the manifest says: a later epoch may have a name of the
 * same file, and go on in it (state/part_writer.h).
 *
 * A number is an epoch: it only grows, and is never used twice for one topology. What this calls a hand-over's snapshot
 * is a hold epoch of a checkpoint. One thread; it waits for the disk.
 */
#ifndef SQI_SNAPSHOTS_H
#define SQI_SNAPSHOTS_H

#include <limits.h>
#include <stdatomic.h>
#include <stddef.h>

#include "control/manifest.h"
#include "plan/plan.h"

struct sqi_snapshots {
        char durable[PATH_MAX], spare[PATH_MAX]; /* folders; spare may be "": none */
};

/* Where tasks are to write. */
#define SQI_SNAPSHOTS_OPEN ".open"

/* 0 or a negative errno. */
int sqi_snapshots_begin(const struct sqi_snapshots *snapshots);

/* `run` is the run directory whose tasks have reported the files of `manifest`. 0: it is sealed, and *ret_durable says
 * whether on disk. A negative errno: it is not. `error` says why it is not (on disk), else it is empty. */
int sqi_snapshots_seal(const struct sqi_snapshots *snapshots, const struct sqi_manifest *manifest, const char *run,
                       bool *ret_durable, char *error, size_t size);

/* 0, its folder and its manifest, for sqi_manifest_free(); -ENOENT: there is none; or a negative errno with the cause,
 * the place and what to do in `error`: there is one that cannot be used. */
int sqi_snapshots_newest(const struct sqi_snapshots *snapshots, struct sqi_manifest *ret, char ret_path[PATH_MAX],
                         char *error, size_t size);

/* As the newest, of the snapshot in this folder, with the bytes of all its files; until another thread sets *stop
 * (NULL: nobody does), then -ECANCELED. 0 or a negative errno, with the cause. */
int sqi_snapshots_verify(const char *path, const atomic_bool *stop, struct sqi_manifest *ret, char *error, size_t size);

/* Makes a copy of the snapshot in the folder `from`, which has this manifest, the newest one of those of a topology
 * that has none, and says in its manifest that it is a copy (`anew`). On disk when it returns 0; a negative errno, with
 * the cause: there is none, or, of -ECANCELED as above, not all of one. */
int sqi_snapshots_adopt(const struct sqi_snapshots *snapshots, const struct sqi_manifest *manifest, const char *from,
                        const atomic_bool *stop, char *error, size_t size);

/* Where the spouts of a plan resume by a snapshot: one for each of its tasks. */
void sqi_snapshots_positions(const struct sqi_manifest *manifest, const struct sqi_plan *plan,
                             struct sqi_position *ret);

/* ---- Running epochs: epochs.h ------------------------------------------------------------------------- */

/* Makes DURABLE/.open.EPOCH, empty; the folders above it but one must be there. 0 or a negative errno. */
int sqi_snapshots_open_epoch(const struct sqi_snapshots *snapshots, uint64_t epoch);

/* Makes DURABLE/.open.EPOCH, whose files its tasks have written and synced, the snapshot of that epoch, with a link to
 * DURABLE/plan, if there is one (cli/epochs.h): as
 * sqi_snapshots_seal(), but there or not at all. The tasks' checksums are not computed again: nobody else writes into a
 * folder of one epoch, and who reads a file compares them. */
int sqi_snapshots_seal_epoch(const struct sqi_snapshots *snapshots, const struct sqi_manifest *manifest);

/* The highest number in use, also of one that was never sealed; 0: none. 0 or a negative errno. */
int sqi_snapshots_highest(const struct sqi_snapshots *snapshots, uint64_t *ret);

/* Removes all but the newest `keep`, and every folder that was not sealed. */
void sqi_snapshots_keep(const struct sqi_snapshots *snapshots, uint64_t keep);

/* ---- Removing ------------------------------------------------------------------------------------------ */

/* Removes those below `epoch`. */
void sqi_snapshots_prune(const struct sqi_snapshots *snapshots, uint64_t epoch);
/* Removes all. */
void sqi_snapshots_remove(const struct sqi_snapshots *snapshots);

#endif
