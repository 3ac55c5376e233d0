/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The epochs of a running exactly-once topology on disk, as the daemon and `squall run` keep them: its snapshots
 * (snapshots.h), made one after the other while it runs (lifecycle/checkpoint.h).
 *
 *     PLACE/.open.NUMBER/    what the tasks write while the epoch is taken
 *     PLACE/NUMBER/          a sealed one: the folder above, with its manifest, renamed whole
 *
 *  1. sqi_checkpoints_first() says the first number that was never used in that place.
 *  2. sqi_checkpoints_open() for each epoch that begins, sqi_checkpoints_seal() when all its parts are there.
 *
 * What is sealed is on disk, or it is not sealed: there is no second place as there is for a hand-over. One thread,
 * which waits for the disk, but for the sealing itself: while that is under way no other epoch begins.
 */
#ifndef SQI_CHECKPOINTS_H
#define SQI_CHECKPOINTS_H

#include "daemon/snapshots.h"
#include "supervisor/supervisor.h"
#include "tuple/writer.h"

/* 0 or a negative errno. The place need not be there. */
int sqi_checkpoints_first(const char *place, uint64_t *ret);

/* What makes the folder of the epoch that the lifecycle has begun. 0 or a negative errno. */
int sqi_checkpoints_open(const char *place, const struct sqi_running *running, struct sqi_errand **ret);

/* What makes the epoch whose parts the lifecycle has the newest one; those that are older than the last
 * topology.checkpoint.keep, and folders of epochs that were given up, are removed. A negative errno, of this or of what
 * it does: it is not sealed, and all others are as they were. */
int sqi_checkpoints_seal(const char *place, const struct sqi_running *running, struct sqi_errand **ret);

/* What the tasks have reported, as the manifest of this epoch; for sqi_manifest_free(). -EIO: the part of a task is
 * missing, or of another epoch. */
int sqi_checkpoints_list(const struct sqi_running *running, uint64_t epoch, struct sqi_manifest *ret);

/* Writes the key `epochs`, as status and summary show it; nothing if the topology is not exactly-once. */
void sqi_checkpoints_write(const struct sqi_running *running, struct sqi_writer *writer);

#endif
