/* SPDX-License-Identifier: Apache-2.0 */
/* What a daemon keeps of each topology: daemon.c, hosted.c, answer.c and status.c share it, nobody else looks in. */
#ifndef SQI_HOSTED_H
#define SQI_HOSTED_H

#include "daemon/daemon.h"
#include "daemon/journal.h"
#include "daemon/levels.h"
#include "daemon/snapshots.h"
#include "command/server.h"
#include "daemon/state.h"
#include "supervisor/supervisor.h"
#include "tuple/writer.h"

/* Counted once a second, for rates. */
struct sqi_sample {
        uint64_t at_ns, emitted;
};

struct sqi_hosted {
        struct sqi_daemon *daemon;
        struct sqi_hosted *next;
        struct sqi_record record;
        struct sqi_plan *plan;       /* NULL while `running` has it, or when it cannot be read: see record.cause */
        struct sqi_running *running; /* NULL: it has ended, or could not be started */
        struct sqi_journal journal;
        struct sqi_levels levels;
        struct sqi_position *positions; /* as last saved; of ntasks */
        uint32_t ntasks;
        uint64_t from;  /* epoch of the snapshot that the run began from; 0: none */
        uint64_t epoch; /* of the one that a hand-over will make */
        bool saved;     /* positions of this run have been written down */
        bool unsealed;  /* the run was handed over, and its snapshot is not on disk: `trouble` says why */
        uint64_t
                /* it could not be started, for a reason outside of it, `trouble`, and is to be tried again then; 0: not
                 * so */
                retry_at;
        uint32_t tries;
        char trouble[SQI_RECORD_CAUSE];
        bool finishing; /* was handed over, but is to be killed: runs once more, to finish */
        bool updating;  /* drains; .next-NAME takes its place then */
        uint32_t *
                /* updating: for each worker of the next plan, the one of this that goes on as it (plan/stay.h); NULL:
                 * none does */
                stays;
        uint32_t nstays;
        uint64_t proved_at; /* an update on trial runs: to be kept from then on; 0: it does not run yet */
        bool over;          /* it has ended, and what follows from that is done */
        bool discarded;     /* it has ended, and is to be forgotten */
        struct sqi_sample before, now;
};

/* One that asked AWAIT. */
struct sqi_waiter {
        struct sqi_waiter *next;
        struct sqi_caller caller;
        uint8_t id[SQI_REQUEST_ID];
        char name[SQI_ID_MAX + 1], serial[SQI_SERIAL_SIZE];
        enum sqi_until { SQI_UNTIL_RUNNING, SQI_UNTIL_GONE, SQI_UNTIL_SETTLED } until;
        uint64_t due;
};

struct sqi_daemon {
        struct sqi_daemon_options options;
        struct sqi_state state;
        struct sqi_server server;
        struct sqi_supervisor *supervisor;
        struct sqi_answers answers;
        struct sqi_hosted *first;
        struct sqi_waiter *waiters;
        char base[SQI_RUNDIR_SIZE];
        uint64_t sample_due;
        bool stopping, left;
        bool lost;                         /* the state directory is gone, and that was reported */
        bool unread;                       /* a record could not be read: what belongs to nobody may be its */
        char stop_error[SQI_RECORD_CAUSE]; /* why the last stop was given up; empty: it was not */
};

/* What a command is answered. */
struct sqi_result {
        enum sqi_status status;
        char error[1024];
        struct sqi_writer writer;
        bool later;                                         /* a waiter has been set up: no reply now */
        char name[SQI_ID_MAX + 1], serial[SQI_SERIAL_SIZE]; /* of what it is about: for the answers that are kept */
};

/* daemon.c */
void sqi_daemon_tell(struct sqi_daemon *daemon, enum sq_level level, const char *topology, const char *format, ...)
        SQ_PRINTF(4, 5);
struct sqi_hosted *sqi_daemon_find(struct sqi_daemon *daemon, struct sq_str name);
const char *sqi_daemon_rundir(const struct sqi_daemon *daemon, const char *serial, char ret[SQI_RUNDIR_SIZE]);
const char *sqi_daemon_spare(const struct sqi_daemon *daemon, const char *line, char ret[PATH_MAX]); /* snapshots.h */

void sqi_daemon_clear_rundir(struct sqi_daemon *daemon, const char *path); /* kills what runs in it, and removes it */
/* A stop that would lose something is given up: what it has ended begins again. */
void sqi_daemon_resume(struct sqi_daemon *daemon, const char *cause);

/* hosted.c */
/* linked in; NULL: no memory */
struct sqi_hosted *sqi_hosted_new(struct sqi_daemon *daemon, const struct sqi_record *record);
void sqi_hosted_free(struct sqi_hosted **hosted); /* unlinked; its processes are killed if it runs */
void sqi_hosted_start(struct sqi_hosted *hosted); /* adopts what runs of it */
/* Drains it to go on later; as sqi_running_hand_over(). */
void sqi_hosted_hand_over(struct sqi_hosted *hosted, const uint32_t *stays, uint32_t n);
void sqi_hosted_kill(struct sqi_hosted *hosted, double seconds);
void sqi_hosted_retry(struct sqi_hosted *hosted, uint64_t now); /* if it is time */
/* It could not be started for a reason that lies outside of it: tried again, with back-off. */
void sqi_hosted_wait(struct sqi_hosted *hosted, const char *trouble);
/* Its record or plan cannot be read: damaged, which is final, or a shortage. */
void sqi_hosted_unreadable(struct sqi_hosted *hosted, int error, const char *cause);
void sqi_hosted_snapshots(const struct sqi_hosted *hosted, struct sqi_snapshots *ret);
void sqi_hosted_look(struct sqi_hosted *hosted);                         /* has it ended? */
void sqi_hosted_save(struct sqi_hosted *hosted);                         /* its positions */
bool sqi_hosted_is_running(const struct sqi_hosted *hosted);             /* it has, or is about to have, processes */
const struct sqi_plan *sqi_hosted_plan(const struct sqi_hosted *hosted); /* NULL: cannot be read */
const char *sqi_hosted_state(const struct sqi_hosted *hosted);           /* "running", ... */

/* Takes what it was away, and begins again with what is in the state directory. */
void sqi_hosted_reload(struct sqi_hosted *hosted);
/* The same after a hand-over: the workers that stay go along. */
void sqi_hosted_move(struct sqi_hosted *hosted);
void sqi_hosted_forget_stays(struct sqi_hosted *hosted);
void sqi_hosted_cause(const struct sqi_hosted *hosted, char *ret, size_t size); /* why it has failed */

/* update.c */
void sqi_update_load(struct sqi_hosted *hosted); /* at the start of the daemon: was there one under way? */
void sqi_update_begin(struct sqi_hosted *hosted, const struct sqi_request *request, struct sqi_plan *plan,
                      struct sqi_result *result);
void sqi_update_swap(struct sqi_hosted *hosted);                /* the old one has ended */
void sqi_update_watch(struct sqi_hosted *hosted, uint64_t now); /* does the new one prove itself? */
/* it has ended; true: it was on trial, and the old one is back */
bool sqi_update_failed(struct sqi_hosted *hosted);

/* answer.c */
void sqi_refuse(struct sqi_result *result, enum sqi_status status, const char *format, ...) SQ_PRINTF(3, 4);
void sqi_answer_about(struct sqi_result *result, const char *name,
                      const char *serial); /* which topology, and which submission of it */
void sqi_answer(struct sqi_daemon *daemon, const struct sqi_caller *caller, const void *bytes, size_t size);
void sqi_answer_waiters(struct sqi_daemon *daemon, uint64_t now);
uint64_t sqi_answer_due(const struct sqi_daemon *daemon);

/* status.c */
void sqi_status_list(const struct sqi_daemon *daemon, struct sqi_writer *writer);
void sqi_status_one(const struct sqi_hosted *hosted, struct sqi_writer *writer);
void sqi_status_sample(struct sqi_hosted *hosted, uint64_t now);

#endif
