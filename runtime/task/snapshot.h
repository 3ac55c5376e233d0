/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A task's part of a snapshot (daemon/snapshots.h), as a file COMPONENT.INDEX (snapshot_format.h): its keys (keyed.h),
 * its values (own_values.h), the batches in transit to it (transit.h), and whether it is over.
 *
 * HANDOVER names the epoch and the folder. A task whose sources have ended to hand over (their end-of-stream marks say
 * so) writes its keys there, synced, and reports size and checksum (SNAPSHOT); where the folder has no room it writes
 * to RUNDIR/snapshot-COMPONENT.INDEX instead. It takes no tuple after that. A task that has nothing writes nothing and
 * reports the size 0.
 *
 * RESTORE names the folder of a sealed snapshot. Before it reads a tuple a task takes the keys that are its own:
 *
 *     as many tasks as before     those of the file with its own index
 *     another number of them      those whose route, the hash that the fields grouping deals tuples out by, leads to it
 *
 * A key that two tasks had, each with a state of its own, has no owner: where both lead to one task, it has failed, but
 * in a plan of --lose-state.
 *
 * State of another version is handed to the component's migrate, key by key. Where it has none, of another size, or
 * with another routing (plan/routing.h), the task has failed, but in a plan of --lose-state: there it begins from
 * nothing, and logs that. Values and batches are of one task: as many tasks must go on. Where all tasks of a component
 * were over, so are all that go on for them, whatever their number. A file that is torn, missing or another one than
 * the manifest means fails the task, and is named.
 */
#ifndef SQI_SNAPSHOT_H
#define SQI_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>
#include <zmq.h>

#include "control/manifest.h"

struct sq_task;

/* Writes it, and reports how that went: a failure is reported too, and is the supervisor's to decide about. */
void sqi_snapshot_write(struct sq_task *task, uint64_t epoch, const char *folder);
/*
 * The same in pieces, under exactly-once (epoch.h), into `folder` alone: the state as it is now; batches as they come
 * in; and, when all are there, the end of it. Keys are written by and by, in portions between which the task works: one
 * that is about to change is written before it does (keyed.h), so what is written is as of the beginning. A thread of
 * its own writes the file and waits for the disk, but where the task has a driver. It writes to `wake`, an eventfd or
 * -1, when it is done; then close says how it went. 0 or a negative errno; a size of 0: there was nothing to write. Who
 * began it closes it, or drops it, which accepts NULL; both null the pointer.
 *
 * It writes what has changed since the last one only, behind that, where `log`, as that left it, is not NULL, and less
 * than half of the keys have; or a fifth, when what is there would be merged then. Begin takes the log over; a part
 * that fails or is dropped leaves none, and the next one is whole.
 */
struct sqi_snapshot_writing;
struct sqi_part_log;
int sqi_snapshot_begin(const struct sq_task *task, uint64_t epoch, const char *folder, int wake,
                       struct sqi_part_log **log, struct sqi_snapshot_writing **ret);
int sqi_snapshot_add(const struct sq_task *task, struct sqi_snapshot_writing *writing, zmq_msg_t *message,
                     bool feedback);
/* So many keys more. True: there are more to come. */
bool sqi_snapshot_go_on(struct sqi_snapshot_writing *writing, size_t n);
/* How many are. */
size_t sqi_snapshot_left(const struct sqi_snapshot_writing *writing);
/* The disk is: keys that need not be written now had better not be. */
bool sqi_snapshot_is_behind(const struct sqi_snapshot_writing *writing);
/* All keys that are still to come, too. */
void sqi_snapshot_end(struct sqi_snapshot_writing *writing);
bool sqi_snapshot_is_done(const struct sqi_snapshot_writing *writing);
uint64_t
sqi_snapshot_written(const struct sqi_snapshot_writing *writing); /* when it is done: bytes, see part_writer.h */
int sqi_snapshot_close(struct sqi_snapshot_writing **writing, uint64_t *ret_size, uint64_t *ret_sum,
                       struct sqi_part_log **ret_log);
void sqi_snapshot_drop(struct sqi_snapshot_writing **writing);

/* The task takes of such a file, from its first byte to its last, what is its own. 0, or a negative errno. */
int sqi_snapshot_take(struct sq_task *task, const void *bytes, size_t size);

/* 0, also if there is none to restore; or the task has failed, with the cause. */
int sqi_snapshot_restore(struct sq_task *task);

/*
 * A sealed snapshot that is held open, for a task that only looks: what it has of one component stays there although
 * the folder is removed, as one of an epoch is soon. Hold fails with -ENOENT when that has come first; let go accepts
 * what is all zero. Take fails as restore does.
 */
struct sqi_snapshot_held {
        struct sqi_manifest manifest;
        int *fds; /* of each file; -1: it is of another component */
};
int sqi_snapshot_hold(const char *path, const char *component, struct sqi_snapshot_held *ret);
int sqi_snapshot_take_held(struct sq_task *task, const struct sqi_snapshot_held *held);
void sqi_snapshot_let_go(struct sqi_snapshot_held *held);

/* The same file, for a task without a supervisor: written to an empty `fd` (nothing where there are no keys), which is
 * not synced, and read from it. 0 or a negative errno; a task that fails to load it has failed. */
int sqi_snapshot_save(const struct sq_task *task, int fd);
int sqi_snapshot_load(struct sq_task *task, int fd);

#endif
