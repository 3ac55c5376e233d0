/* SPDX-License-Identifier: Apache-2.0 */
/* What a daemon has: its topologies, and what it keeps of each. The units of daemon/ share it, nobody else looks in. */
#ifndef SQI_REGISTRY_H
#define SQI_REGISTRY_H

#include <stdatomic.h>

#include "command/server.h"
#include "daemon/daemon.h"
#include "daemon/desk.h"
#include "daemon/events.h"
#include "daemon/asked.h"
#include "daemon/log_file.h"
#include "daemon/levels.h"
#include "daemon/requests.h"
#include "daemon/snapshots.h"
#include "daemon/state.h"
#include "http/http.h"
#include "supervisor/supervisor.h"

/* A savepoint under way: saving.h. */
struct sqi_saving {
        char path[PATH_MAX], serial[SQI_SERIAL_SIZE];
        bool ends; /* the topology, with it */
        enum { SQI_SAVING_WAITS, SQI_SAVING_WRITES, SQI_SAVING_WRITTEN } phase;
        atomic_bool stop;                /* WRITES: it is not wanted any more */
        struct sqi_savepoint_held *held; /* WRITTEN: it is still to be made, of this; NULL: it is there, or failed */
        char cause[SQI_RECORD_CAUSE];    /* WRITTEN: why not; empty: all is well */
};

/* How one went. */
struct sqi_saved {
        char serial[SQI_SERIAL_SIZE];
        char cause[SQI_RECORD_CAUSE]; /* of its failure; empty: it is there */
};
enum { SQI_SAVED = 16 };

/* One that was told to end, and has left something undone. */
struct sqi_undone {
        char serial[SQI_SERIAL_SIZE];
        char cause[SQI_RECORD_CAUSE];
};
enum { SQI_UNDONE = 16 };

struct sqi_hosted {
        struct sqi_daemon *daemon;
        struct sqi_hosted *next;
        struct sqi_record record;
        struct sqi_plan *plan;       /* NULL while `running` has it, or when it cannot be read: see record.cause */
        struct sqi_running *running; /* NULL: it has ended, or could not be started */
        struct sqi_log_file log;
        struct sqi_levels levels;
        struct sqi_position *positions; /* as last saved; of ntasks */
        uint32_t ntasks;
        uint64_t from;    /* epoch of the snapshot that the run began from; 0: none */
        uint64_t epoch;   /* of the one that a hand-over will make */
        bool anew;        /* that snapshot was made elsewhere: what was told to end there goes on */
        uint64_t missing; /* what the runs up to that snapshot have lost */
        uint32_t started; /* so often, which is not written down yet */
        bool ending;      /* it ends by itself, which is not written down yet; its run waits for that */
        bool saved;       /* positions of this run have been written down */
        bool noting;      /* they are being written down: progress.h */
        bool outdated;    /* what was written down of it has to go before it runs again, and could not be removed */
        bool unsealed;    /* the run was handed over, and its snapshot is not on disk: `trouble` says why */
        uint64_t
                retry_at; /* 0, or when to try again to start it: `trouble`, which lies outside of it, prevented that */
        uint32_t tries;
        char trouble[SQI_RECORD_CAUSE];
        bool finishing;   /* was handed over, but is to be killed: runs once more, to finish */
        uint64_t drop_at; /* 0, or when to try again to remove an update that is done or given up */
        bool updating;    /* drains, and .next-NAME takes its place then; or that takes it back */
        uint32_t *stays;  /* updating: of each next worker, the one that goes on as it (plan/stay.h); or NULL */
        uint32_t nstays;
        struct sqi_saving *saving; /* updating: for a savepoint; or NULL */
        bool same;          /* it was updated to the plan that it had, for a savepoint: there is nothing to prove */
        uint64_t proved_at; /* an update on trial runs: to be kept from then on; 0: it does not run yet */
        bool over;          /* it has ended, and what follows from that is done */
        bool discarded;     /* it has ended, and is to be forgotten */
        bool unscraped;     /* the answer to /metrics that is put together does not have it yet */
};

/* One that asked AWAIT, or QUERY. */
struct sqi_waiter {
        struct sqi_waiter *next;
        struct sqi_caller caller;
        uint8_t id[SQI_REQUEST_ID];
        char name[SQI_ID_MAX + 1], serial[SQI_SERIAL_SIZE];
        enum sqi_until {
                SQI_UNTIL_RUNNING,
                SQI_UNTIL_GONE,
                SQI_UNTIL_SETTLED,
                SQI_UNTIL_SAVED,
                SQI_UNTIL_ANSWERED,
                SQI_UNTIL_COPIED /* it is to ask again then: copying.h */
        } until;
        uint64_t number; /* SQI_UNTIL_ANSWERED: of the question (query.h) */
        /* NULL: it came by the command socket. Else this has its answer, as of sqi_waiters_reply(), and `context`. */
        void (*take)(struct sqi_daemon *daemon, void *context, enum sqi_status status, struct sq_str text);
        void *context;
        uint64_t due;
};

struct sqi_peek; /* somebody on the page looks at a component's tuples: peek.h */

struct sqi_drpc; /* command/drpc.h */

struct sqi_copying; /* a savepoint that a topology is to begin from: copying.h */

struct sqi_export; /* a savepoint that is made while its topology goes on: exporting.h */

struct sqi_savepoint_held; /* savepoint.h */

struct sqi_rebalancing; /* somebody asked for one over HTTP: rebalancing.h */

struct sqi_daemon {
        struct sqi_daemon_options options;
        struct sqi_state state;
        struct sqi_server server;
        struct sqi_http *http; /* NULL: not asked for */
        struct sqi_drpc *drpc; /* who asks by HTTP; NULL: nobody has */
        struct sqi_peek *peeks;
        struct sqi_scraping *scraping; /* NULL: nobody waits for one */
        struct sqi_rebalancing *rebalancings;
        struct sqi_copying *copyings;
        struct sqi_export *exports;
        int copied; /* an eventfd: one of either is done */
        struct sqi_supervisor *supervisor;
        struct sqi_desk *desk;   /* NULL: the loop itself writes down and waits */
        struct sqi_asked *asked; /* the commands that wait for it */
        struct sqi_answers answers;
        struct sqi_hosted *first;
        struct sqi_events events;
        struct sqi_waiter *waiters;
        struct sqi_saved saved[SQI_SAVED]; /* the last ones, the n-th at n modulo their number */
        unsigned nsaved;
        struct sqi_undone undone[SQI_UNDONE]; /* likewise */
        unsigned nundone;
        char base[SQI_RUNDIR_SIZE];
        uint64_t sample_due;
        bool stopping, left;
        bool stop_due;                     /* what runs is to be handed over */
        bool crowded;                      /* no descriptor was left, and that was reported */
        bool lost;                         /* the state directory is gone, and that was reported */
        bool unread;                       /* a record could not be read: what belongs to nobody may be its */
        char stop_error[SQI_RECORD_CAUSE]; /* why the last stop was given up; empty: it was not */
};

/* To whoever made the daemon; `topology` NULL: about the daemon itself. */
void sqi_daemon_tell(struct sqi_daemon *daemon, enum sq_level level, const char *topology, const char *format, ...)
        SQ_PRINTF(4, 5);
/* The same as an event of that name; NULL: it has been added already. */
void sqi_daemon_report(struct sqi_daemon *daemon, enum sq_level level, const char *topology, const char *event,
                       const char *text);
/* NULL: there is none of that name. */
struct sqi_hosted *sqi_daemon_find(struct sqi_daemon *daemon, struct sq_str name);

/*
 * Run directories are BASE/top-OURS-SERIAL, and the snapshots that found no room on disk (snapshots.h)
 * BASE/snp-OURS-LINE, OURS being a hash of the state directory, so that each daemon knows its own.
 */
enum { SQI_PREFIX_SIZE = 24 };
const char *sqi_daemon_rundir_prefix(const struct sqi_daemon *daemon, char ret[SQI_PREFIX_SIZE]);
const char *sqi_daemon_spare_prefix(const struct sqi_daemon *daemon, char ret[SQI_PREFIX_SIZE]);
const char *sqi_daemon_rundir(const struct sqi_daemon *daemon, const char *serial, char ret[SQI_RUNDIR_SIZE]);
const char *sqi_daemon_spare(const struct sqi_daemon *daemon, const char *line, char ret[PATH_MAX]);

/* Where the snapshots of a topology are: of one that is not there yet, and of one that is. In the foreground: of a run
 * without epochs, nowhere (""). */
void sqi_daemon_snapshots(const struct sqi_daemon *daemon, const struct sqi_record *record, struct sqi_snapshots *ret);
void sqi_hosted_snapshots(const struct sqi_hosted *hosted, struct sqi_snapshots *ret);
/* All of them go; the desk stands aside meanwhile. */
void sqi_daemon_remove_snapshots(const struct sqi_daemon *daemon, const struct sqi_snapshots *snapshots);

#endif
