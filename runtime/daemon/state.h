/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state directory of a daemon: what was submitted, and what has become of it. It survives kill -9 and a power cut
 * at any instant.
 *
 *     STATE/lock                       locked (flock) by the supervisor, and holds its pid
 *     STATE/requests                   the last commands that changed something, with their answers (sealed.h)
 *     STATE/topologies/NAME/record     struct sqi_record (sealed)
 *                           plan       the plan, with the paths of the copies below (sealed)
 *                           positions  where its spouts are to resume, and which snapshot the run began from that got
 *                                      there (sealed)
 *                           topology.yaml, components/N-NAME.so   copies of what was submitted
 *                           log, log.1, ...                       (log_file.h)
 *     STATE/snapshots/NAME-LINE/       its snapshots                  (snapshots.h)
 *     STATE/killed/NAME/               what is left of one that was killed: its log    (killed.h)
 *
 *     STATE/NAME.dead-letters.jsonl    what its spouts gave up, where the topology names no file of its own; it stays
 *                                      after a kill
 *
 * An update is put together beside the topology, topologies/.next-NAME; when the old one is drained the two change
 * places; when the new one has proved itself what is at .next-NAME goes, and if it fails they change back. `trial` in
 * both records tells which is which (update.c).
 *
 * A topology comes whole: it is put together in topologies/.new-SERIAL, synced, and renamed. It goes whole: it is
 * renamed into killed/, or, if it has no log, to .old-SERIAL, then removed. What has such a name when the directory is
 * opened is swept away. Names are sqi_is_id(), so none can lead elsewhere.
 */
#ifndef SQI_STATE_H
#define SQI_STATE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "command/command.h"
#include "lifecycle/lifecycle.h"
#include "daemon/desk.h"
#include "supervisor/rundir.h"

enum { SQI_SERIAL_SIZE = 17, SQI_RECORD_CAUSE = 1024 };

/* What the user wants of a topology. */
enum sqi_wish { SQI_WISH_ACTIVE, SQI_WISH_INACTIVE, SQI_WISH_KILLED };

struct sqi_record {
        char name[SQI_ID_MAX + 1];
        char serial[SQI_SERIAL_SIZE]; /* of this submission: no other has it */
        char line
                /* serial of the submission that it is an update of, of an update of ...: they share their snapshots */
                [SQI_SERIAL_SIZE];
        uint8_t request[SQI_REQUEST_ID]; /* that submitted it */
        enum sqi_wish wish;
        double drain_secs;            /* KILLED: for at most; below 0: the message timeout */
        enum sqi_outcome outcome;     /* not NONE: it has ended by itself, and is not run again */
        char cause[SQI_RECORD_CAUSE]; /* of outcome FAILED */
        int64_t submitted;            /* seconds since 1970 */
        uint32_t runs;                /* how often it was started and ran */
        int64_t began;                /* likewise: when its workers were started; adoption does not count */
        char rundir[SQI_RUNDIR_SIZE];
        bool trial; /* an update that has not proved itself yet */
};

struct sqi_state {
        char path[PATH_MAX];
        int fd, topologies, snapshots, killed, lock;
        struct sqi_desk *desk; /* stands aside while what changes is written; or NULL (desk.h) */
};

/* $XDG_STATE_HOME/squall, ~/.local/state/squall; /var/lib/squall for root. 0 or -ENOENT: there is no home. */
int sqi_state_default(char ret[PATH_MAX]);

/* Makes the directory (mode 0700) if it is not there, locks and sweeps it. 0, or a negative errno with the cause in
 * `error`; -EWOULDBLOCK: another supervisor has it. */
int sqi_state_open(const char *path, struct sqi_state *ret, char *error, size_t size);
void sqi_state_close(struct sqi_state *state);

/* A new topology; in place of one of that name, if there is one. `plan` gets the paths of the copies. 0, or a negative
 * errno with the cause in `error`: then nothing has changed. */
int sqi_state_add(struct sqi_state *state, const struct sqi_record *record, struct sqi_plan *plan, struct sq_str yaml,
                  char *error, size_t size);
/* Its log is kept for sqi_state_killed_log(). */
int sqi_state_remove(struct sqi_state *state, const struct sqi_record *record);
/* The path of the log of a topology that was killed. False: none of that name is kept. */
bool sqi_state_killed_log(const struct sqi_state *state, const char *name, char ret[PATH_MAX]);

/* An update, beside the topology of that name; as sqi_state_add(). */
int sqi_state_add_next(struct sqi_state *state, const struct sqi_record *record, struct sqi_plan *plan,
                       struct sq_str yaml, char *error, size_t size);
/* The topology and its update change places; the log stays. */
int sqi_state_swap_next(struct sqi_state *state, const char *name);
/* 0: it is gone for every later supervisor too, or there was none; or a negative errno: it may still be there. */
int sqi_state_drop_next(struct sqi_state *state, const char *name);
/* What the functions below take as the name of the other one. */
enum { SQI_NEXT_SIZE = SQI_ID_MAX + 8 };
const char *sqi_state_next(const char *name, char ret[SQI_NEXT_SIZE]);

int sqi_state_put(struct sqi_state *state, const struct sqi_record *record);
int sqi_state_put_at(struct sqi_state *state, const char *name,
                     const struct sqi_record *record); /* where another one's name would be */
/* `torn`: the present one was damaged, this is the one before it. */
int sqi_state_get(struct sqi_state *state, const char *name, struct sqi_record *ret, bool *ret_torn);
int sqi_state_plan(struct sqi_state *state, const char *name, struct sqi_plan **ret, char *error, size_t size);

/* Folder of the snapshots of a topology, and its name. */
enum { SQI_LINE_FOLDER = SQI_ID_MAX + SQI_SERIAL_SIZE + 2 };
const char *sqi_state_line(const struct sqi_record *record, char ret[SQI_LINE_FOLDER]);
const char *sqi_state_snapshots(const struct sqi_state *state, const struct sqi_record *record, char ret[PATH_MAX]);
/* The path still leads to the directory that is open. */
bool sqi_state_is_there(const struct sqi_state *state);

/* The names of all topologies, sorted, NULL-terminated; one block, to be freed. NULL for want of memory. */
char **sqi_state_names(struct sqi_state *state);

/* The path of a file of a topology. */
const char *sqi_state_path(const struct sqi_state *state, const char *name, const char *file, char ret[PATH_MAX]);

#endif
