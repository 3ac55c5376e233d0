/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The epochs of an exactly-once topology, as the supervisor makes them: one at a time, by number, and no number twice.
 *
 *     NONE --due--> OPENING --folder--> TAKING --every part--> SEALING --sealed--> COMMITTING --all have--> NONE
 *                     |                    |                      |
 *                     +-- no folder        +-- failed, too late   +-- cannot be sealed
 *                     v                    v                      v
 *                   given up: ABANDON, and the next one at the next interval
 *
 *  1. The epoch gets a folder of its own (FOLDER), beside all else. When it is there, and the epoch may still begin,
 *     CHECKPOINT goes to all tasks; if not, nobody has heard of it. Each answers SNAPSHOT, a spout
 *     POSITION before it: where it goes on, as of this epoch. CHECKPOINT is repeated while a part is missing.
 *  2. All parts are there: SEAL makes manifest, parts and positions durable together, beside all else: a disk takes its
 *     time. From then on the epoch is what a restore goes back to, and its positions are kept apart from those that are
 *     told later. Once it is begun it is waited for, whoever dies: nobody goes back behind what may be durable.
 *  3. COMMIT goes to all and is repeated until each has answered COMMITTED. Only then may the next epoch begin: what a
 *     sink holds back for one epoch is never mixed with that of the next.
 *  4. The first one is made before START, if there is no snapshot to begin from: where the spouts begin, and how long
 *     the files of the sinks are, is durable before a tuple flows.
 *  5. The last one is made when every task has finished, also after a drain or for a hand-over. Nobody is told to exit
 *     before it is committed; if it cannot be made, it is tried again.
 *
 * A death drops the epoch under way, but one that is being sealed. All workers then begin anew from the newest sealed
 * one (restore.c): no process that has seen something later than that is left.
 */
#ifndef SQI_CHECKPOINT_H
#define SQI_CHECKPOINT_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

enum sqi_checkpoint_phase {
        SQI_CHECKPOINT_NONE,
        SQI_CHECKPOINT_OPENING,
        SQI_CHECKPOINT_TAKING,
        SQI_CHECKPOINT_SEALING,
        SQI_CHECKPOINT_COMMITTING,
};

/* GATHERING: a worker died, and the others are ended; STARTING: all begin together, up to START. */
enum sqi_restore { SQI_RESTORE_NONE, SQI_RESTORE_GATHERING, SQI_RESTORE_STARTING };

enum { SQI_CHECKPOINT_CAUSE = 512 };

struct sqi_checkpoint {
        enum sqi_checkpoint_phase phase;
        enum sqi_restore restore;
        bool last;          /* it began when every task had finished: what it commits is the end */
        bool behind_spouts; /* it began when every spout had finished: it has all that they sent, */
        bool whole;         /* and so had the newest sealed one */
        bool late;          /* that it was not sealed, or not committed, for long has been reported */
        bool held;          /* none begins but the first and the last: another plan may have to go on from the newest */
        const char *place;  /* the folder of the topology's snapshots; borrowed */
        uint64_t epoch;     /* the one under way, or the last that was: above any seen */
        uint64_t sealed;    /* the newest snapshot that this supervisor has sealed; 0: none yet */
        uint64_t began_at, repeat_at;
        uint64_t due;             /* NONE: when the next one begins, or SQI_NEVER */
        uint64_t sealed_at, took; /* of the newest sealed one: when, and ns from its CHECKPOINT */
        uint64_t size;            /* bytes of all its parts, */
        uint64_t written;  /* of them those that were not on disk before, and what was merged of those that were, */
        uint64_t recorded; /* and of batches that were on their way */
        uint64_t given_up; /* epochs that came to nothing */
        uint64_t restores; /* how often all began anew */
        bool failing;      /* the last epoch was given up: `cause` says why */
        char cause[SQI_CHECKPOINT_CAUSE];
        char folder[PATH_MAX]; /* of `epoch` while it is taken */
        char newest[PATH_MAX]; /* what a restore begins from; empty: from nothing */
};

/* PLACE/.open.EPOCH, and PLACE/EPOCH once it is sealed: snapshots.h. */
#define SQI_CHECKPOINT_OPEN ".open."

#endif
