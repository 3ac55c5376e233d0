/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a snapshot of a topology consists of: the sealed file `manifest` in the snapshot's folder. The supervisor writes
 * it last (daemon/snapshots.h), a task reads it before it believes a file (task/snapshot.h).
 *
 * A file holds what one task had at that epoch; its name is COMPONENT.INDEX. A task that had nothing has none. A file
 * is the one that the manifest means if its size and its XXH3 checksum are those that the task reported.
 */
#ifndef SQI_MANIFEST_H
#define SQI_MANIFEST_H

#include "control/position.h"

enum { SQI_MANIFEST_ID = 65, SQI_MANIFEST_FILE = SQI_MANIFEST_ID + 12 };

struct sqi_manifest_file {
        char name[SQI_MANIFEST_FILE];
        uint64_t size, sum; /* bytes; XXH3 of all of them */
};

struct sqi_manifest_position {
        char component[SQI_MANIFEST_ID];
        uint32_t index;
        struct sqi_position position;
};

struct sqi_manifest {
        uint64_t epoch; /* above 0; no other snapshot of the topology has it */
        char topology[SQI_MANIFEST_ID];
        uint64_t missing; /* tuples lost and keys whose state was lost up to it: what it goes on to is as much short */
        /* sqi_wiring() of the plan whose channels were not empty: it goes on under a plan of the same alone. 0: they
         * were empty */
        uint64_t wiring;
        bool anew;     /* another run made it, and this is a copy: what that run was told to end goes on */
        uint64_t plan; /* sqi_plan_mark() of the plan that it was made under; 0: an earlier version wrote it */
        uint32_t nfiles, npositions;
        struct sqi_manifest_file *files;
        struct sqi_manifest_position *positions;
};

/* `folder` is an fd. Synced. 0 or a negative errno. */
int sqi_manifest_write(int folder, const struct sqi_manifest *manifest);
/* 0 and a manifest for sqi_manifest_free(); -ENOENT: there is none; -EBADMSG: it is damaged; -EPROTO: a later
 * version wrote it; or another negative errno. */
int sqi_manifest_read(int folder, struct sqi_manifest *ret);
void sqi_manifest_free(struct sqi_manifest *manifest);

/* NULL: the snapshot has none of that name. */
const struct sqi_manifest_file *sqi_manifest_find(const struct sqi_manifest *manifest, const char *name);
const struct sqi_position *sqi_manifest_position(const struct sqi_manifest *manifest, const char *component,
                                                 uint32_t index);

#endif
