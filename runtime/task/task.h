/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A task: one instance of a component, in a thread of its own. All of it belongs to that thread, but for the metrics,
 * which the worker's control thread reads.
 *
 *     inbox, feedback, broadcasts --> intake --> executor (bolt or spout) --> collector --> outlets
 *                                                     |                           acker --> ack inboxes of the spouts
 *                                                     +-- orders from and reports to the control thread, by an
 *                                                         inproc PAIR
 */
#ifndef SQI_TASK_H
#define SQI_TASK_H

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "base/clock.h"
#include "control/endpoint.h"
#include "control/message.h"
#include "control/metrics.h"
#include "control/position.h"
#include "squall.h"
#include "channel/sequence.h"
#include "component/catalog.h"
#include "ledger/acker.h"
#include "ledger/ledger.h"
#include "plan/plan.h"
#include "state/keyed.h"
#include "state/own_values.h"
#include "task/collector.h"
#include "task/dead_letter.h"
#include "task/driver.h"
#include "task/epoch.h"
#include "task/letter_box.h"
#include "task/loose.h"
#include "task/owed.h"
#include "task/query.h"
#include "task/seldom.h"
#include "task/timers.h"
#include "task/trace.h"
#include "task/transit.h"
#include "task/watermark.h"
#include "tuple/frame.h"

/* One input of a bolt: a stream of a source component, and how its fields are counted here. */
struct sqi_input {
        const struct sqi_plan_edge *edge;
        const struct sqi_plan_stream *stream;
        const char *source; /* component id */
        uint32_t nfields;   /* that the component counts */
        uint32_t in_order;  /* so many of them, from the first on, are neighbours in the tuple in their order */
        uint8_t places[SQ_FIELDS_MAX];
        uint32_t watermarks; /* in the list of the intake: those of its first task; SQI_WATERMARK_NOWHERE: none come */
};

struct sq_tuple {
        struct sq_task *task;
        const struct sqi_input *input;
        struct sqi_slice slice;
};

/*
 * Which key a bolt looks up, learnt from its first look-up: its first fields packed (sq_key(), sq_key_of()), or the
 * bytes of one field. Only a guess for the executor's look-ahead: a wrong one costs a wasted prefetch.
 */
enum sqi_key_shape { SQI_KEY_UNKNOWN, SQI_KEY_PACKED, SQI_KEY_FIELD, SQI_KEY_OTHER };

/* A group of tuples found but not executed yet; there is one a stage (ahead.c). */
enum { SQI_AHEAD = 8, SQI_STAGES = 3 };
struct sqi_ahead {
        uint32_t n;
        bool guessed;                   /* `keys` hold */
        bool one_form;                  /* packed ones: all are as sq_key_of() gives them */
        uint32_t first;                 /* packed ones: the place in the tuple that they begin at */
        struct sqi_key keys[SQI_AHEAD]; /* as guessed */
        struct sq_tuple tuples[SQI_AHEAD];
};

/* What the trees of the run under way are to get. */
struct sqi_gathered {
        uint64_t value;
        uint16_t nroots;
        uint64_t roots[SQI_ROOTS_MAX];
};

/* The batch that a bolt is in the middle of: bolt.c. */
struct sqi_under_way {
        bool open;
        bool restored; /* it was in transit in the snapshot that the task goes on from */
        int found;     /* what the last look ahead came to */
        zmq_msg_t message;
        struct sqi_frame frame;
        struct sqi_gathered gathered;
        /* what a tuple goes to: the component's, but for drivers and batches with traced tuples */
        enum sq_verdict (*execute)(struct sq_task *, const struct sq_tuple *);
        uint64_t received_ns; /* of a batch with traced tuples: when it was taken from its channel */
        uint32_t place;       /* in the group that is executed: its next tuple */
        const uint8_t *next;  /* the same while a turn waits for room in its middle; else NULL */
        uint32_t stepped;     /* then: tuples from there on that the frame has stepped over already */
        uint32_t queued;      /* tuples still counted in the load of this task */
        uint64_t until_ns;    /* when this turn is to leave it, */
        uint64_t looked_ns;   /* when the clock was last looked at, */
        uint32_t since;       /* how many tuples ago, */
        uint32_t stride;      /* and after how many it will be again */
};

/* Owned by the bolt that keeps it. `bytes` hold a copy of the tuple. */
struct sq_kept {
        struct sq_tuple tuple;
        uint64_t edge_id;
        uint16_t nroots;
        uint32_t input; /* number of tuple.input, while the task is between two plans */
        uint64_t since_ns;
        uint64_t *roots;
        struct sq_kept *next, **link; /* on the task's list of what is kept */
        uint8_t bytes[];
};

/* Where tuples come in, and whose end-of-stream marks are still to come. */
struct sqi_intake {
        void *inbox, *feedback, *broadcasts; /* PULL, PULL or NULL, SUB or NULL */
        struct sqi_input *inputs;            /* by edge: those into this task's component */
        uint32_t ninputs;
        uint32_t streams;                   /* the most that a component has whose tuples come in; 0: none do */
        const struct sqi_input **by_stream; /* [component * streams + stream], NULL: not ours */
        uint32_t marks_missing;             /* of all sources but feedback ones */
        uint32_t outside_missing;           /* of those outside this task's cycle */
        uint32_t *fence;                    /* by task: lowest incarnation whose batches are taken */
        bool *owed;                     /* by task: it has died, and its successor has not got what was kept for it */
        size_t nchannels;               /* intake.c; of each: */
        struct sqi_sequence *sequences; /* ... what is to come next, */
        uint64_t *marks;                /* ... the newest epoch whose mark came by it, */
        bool *ended;                    /* ... no end-of-stream mark is to come by it (any more) */
        bool from_feedback;             /* the last batch came by it */
        struct sqi_transit backlog;     /* taken in, and not executed yet: backlog.c */
        bool from_backlog;              /* the last batch came from there */
        uint16_t deaths;                /* known of: the sum of `fence` */
        uint16_t believed;              /* the same, or more: what was waited for in vain */
        uint64_t received;              /* tuples from this task's own cycle */
        bool turn;                      /* inbox and broadcasts take turns */
        uint64_t empty_ns;              /* since when nothing has come; 0: it does */
};

/* What a task may wait on besides its outlets: control, three inboxes, acks, the spout's own descriptor, the part of an
 * epoch. */
enum { SQI_WAIT_FIXED = 7 };

/* How long an order may lie there while a task works: to ask ZeroMQ takes two system calls. */
enum { SQI_ORDERS_NS = 500000 };

/* Of the paths in orders, with their NUL. */
enum { SQI_FOLDER_SIZE = 4096 };

enum sqi_phase { SQI_BINDING, SQI_WAITING, SQI_RUNNING, SQI_ENDED };

/*
 * What lives on when a task goes to another plan while its process goes on (handover.h): the component with its
 * state and settings, its keys, the tuples it keeps, when it wants to be called. All else of a task belongs to the
 * plan. The pointer to the state is first: sq_state() is inline.
 */
struct sqi_instance {
        void *state;
        struct sqi_component *code;
        struct sqi_settings_memory settings;
        struct sqi_keyed *keyed;
        struct sqi_own_values values;
        struct sqi_letter_box letters;
        struct sqi_timers timers, event_timers;
        const uint64_t *timer_route;                    /* while a timer's callback runs, of its key; else NULL */
        int64_t watermark;                              /* SQ_NO_WATERMARK: none has come */
        int64_t held_back[SQ_DECLARED_STREAMS_MAX + 1]; /* sq_hold_back_watermark() */
        int64_t seen;  /* watermark.h: the latest time among what it has emitted, or SQI_WATERMARK_NONE */
        bool prepared; /* its prepare was called, under this plan or an earlier one */
        enum sqi_key_shape key_shape;
        unsigned key_field;  /* SQI_KEY_FIELD: its place in the tuple */
        uint32_t key_fields; /* SQI_KEY_PACKED: how many they are */
        struct sq_kept *kept;
        size_t nkept;
        uint64_t wake_ns;        /* what sq_wake_at() said; 0: nothing */
        int wake_fd;             /* what sq_wake_on() said, or -1 */
        bool paused;             /* what sq_pause() said */
        bool expects_more;       /* what sq_expect_more() said */
        enum sq_level log_level; /* until log_until_ns, then SQ_INFO */
        uint64_t log_until_ns;

        /* spout */
        bool active;              /* between ACTIVATE and DEACTIVATE */
        bool done;                /* next() answered SQ_DONE */
        bool tracked;             /* sq_track() was called at least once */
        uint64_t next_position;   /* where it goes on when everything below is done */
        struct sqi_position note; /* only its note: what sq_note() said */
};

/* What the supervisor has in mind for a task that hands over: HANDOVER says so. */
enum sqi_fate { SQI_FATE_UNKNOWN, SQI_FATE_ENDS, SQI_FATE_STAYS };

/* The topology goes on with another plan. */
struct sqi_handover {
        /* a source that hands over has ended, or, of a spout, HANDOVER has come: keyed state goes into the snapshot */
        bool begun;
        bool moving; /* told to move: it leaves its plan at its end */
        bool anew;   /* another run made the snapshot: what that was told to end goes on */
        enum sqi_fate fate;
        uint64_t epoch, restored;                               /* what HANDOVER and RESTORE said */
        char folder[SQI_FOLDER_SIZE], restore[SQI_FOLDER_SIZE]; /* likewise; empty: nothing */
        /* of the snapshot: tasks of the component, and how many of them were over, where these are not as many */
        uint32_t before, over;
};

/* What only a bolt has: the batch and the tuple under way, and what has been executed and not flushed yet. */
struct sqi_bolt_part {
        struct sqi_under_way batch;
        struct sqi_ahead ahead[SQI_STAGES];
        struct sqi_ahead *stages[SQI_STAGES]; /* the group that is executed comes first */
        const struct sq_tuple *tuple;         /* under way */
        const struct sqi_input *input;        /* of the run under way; NULL: not for this task */
        const struct sqi_key *guess;          /* of the tuple under way, or NULL */
        uint32_t guess_fields;                /* it is what sq_key_of() is of so many; 0: of none */
        bool later;                           /* sq_retry_later() was called in this callback */
        bool in_execute;
        bool kept_now;     /* sq_keep() was called for the tuple */
        uint64_t input_id; /* edge id of the tuple under way */
        const uint64_t *input_roots;
        uint16_t input_nroots;
        char *key; /* scratch of sq_key() */
        size_t key_size;
        struct sqi_loose_tuples loose;
        uint64_t flushed;     /* at most once: metrics->executed at the last flush */
        bool dirty;           /* executed since the last flush */
        bool flush_failed;    /* between two tuples, in a wait for room: those of the run before it have failed too */
        uint64_t turn_ns;     /* how long it has worked in the last turn */
        uint64_t next_key_ns; /* when a key is next looked at: bolt.c */
        struct sqi_paced {    /* since its pace was last told, from the next turn of work on */
                uint64_t tuples, busy_ns, since_ns;
                bool blocked;
        } paced;
        uint64_t tick_ns, next_tick_ns;
        uint64_t kept_in_turn; /* tuples executed in this turn that were kept: acked when they are */
        uint64_t next_kept_check_ns;
        uint64_t keeps_until_ns; /* its input is over, and it still keeps tuples: how long it may */
        uint64_t finish_due_ns,
                finish_until_ns; /* finish has failed: when it is called again, and how long it may be */
};

/* What only a spout has: its trees, and where it goes on. */
struct sqi_spout_part {
        struct sqi_ledger *ledger;
        void *ack_inbox;
        uint32_t calls;             /* of next() in a turn, at most */
        struct sqi_position resume; /* where to seek to, if it is known */
        struct sqi_position told;   /* what was last reported */
        uint64_t next_lag_ns;       /* when it is asked for its lag; UINT64_MAX: never */
        bool tree_open, replaying;
        bool replays_due; /* they go before new tuples: a task was lost, or there are more of them than a turn takes */
        uint64_t root;
        uint32_t cause_task; /* from whom the fails being taken are */
        enum sqi_tree_outcome last_outcome;
        struct sqi_dead_letters letters;
        struct sqi_owed owed;
};

struct sq_task {
        struct sqi_instance instance; /* first */

        /* its place in the plan */
        const struct sqi_plan *plan;
        const struct sqi_plan_component *component;
        uint32_t id, incarnation;
        const char *rundir;
        void *context;                   /* ZeroMQ */
        void *control;                   /* PAIR to the control thread */
        const struct sqi_driver *driver; /* NULL: in a worker */
        struct sqi_load *loads;          /* by task; NULL: not known */
        struct sqi_load *load;           /* this task's */
        int record;                      /* file that what comes in is copied to, or -1: recorder.h */
        struct sqi_metrics *metrics;
        bool tracking; /* at-least-once */
        bool metered;  /* topology.metrics: times are taken */
        bool packed;   /* shares its worker with other tasks */

        /* how far it is */
        enum sqi_phase phase;
        bool may_connect, may_start, start_inactive;
        bool draining, quitting, released, settled;
        atomic_bool leaving;        /* the control thread waits for its end */
        bool finished;              /* its finish was called: it cannot go on */
        bool asked;                 /* what is in `query` */
        bool over;                  /* the same; and it may have been before the snapshot that this one goes on from */
        struct sqi_transit transit; /* what was on its way to it in the snapshot that it goes on from */
        struct sqi_epoch epoch;
        struct sqi_watermarks watermarks;
        struct sqi_handover handover;
        struct sqi_query query;
        struct sqi_showing *showing; /* in .show: show.h */
        int failed;                  /* negative errno: the task can't go on; `error` says why */
        bool final;                  /* `failed` is: no restart could mend it */
        char error[512];

        /* its loop */
        struct pollfd *fds; /* scratch of sqi_task_wait(): one an outlet, and SQI_WAIT_FIXED */
        uint64_t now_ns;    /* of this turn of the loop */
        uint64_t look_ns;   /* when to look for orders again, should there be no time to wait */
        bool reported;      /* since the control socket was last read empty */
        bool minds_file;    /* it waits for its wake_fd, too: it could do something about it now */
        uint64_t next_flush_ns, next_report_ns;
        uint64_t flushed_ns,
                flushed_tuples; /* when an idle task last had something to flush, after how many tuples, ... */
        uint64_t breath_ns;     /* ... and how long what follows is to wait for company */
        struct sqi_seldom seldom;
        struct sqi_reminder away, unfinished; /* the other side; an end, or a commit, that has to wait */

        /* the callback under way */
        bool misused;
        uint64_t refused;               /* emits of it that were a misuse */
        char cause[SQI_CAUSE_MAX + 16]; /* bolt: of the last sq_fail(); spout: of the fails being taken */

        struct sqi_intake intake;
        struct sqi_collector collector;
        struct sqi_acker acker;
        struct sqi_tracing tracing;
        struct sqi_bolt_part bolt;
        struct sqi_spout_part spout;
};

/* Before the bolt is called with a tuple that nothing was looked up for. */
static inline void
sqi_task_forget_guess(struct sq_task *task)
{
        task->bolt.guess = NULL;
        task->bolt.guess_fields = 0;
}

/* The body of the task thread, from bind to the end; `argument` is the task. */
void *sqi_task_main(void *argument);

/* ---- between the files of the task ------------------------------------------------------------------- */

/* The clock that everything in a component's sight goes by. */
static inline uint64_t
sqi_task_clock(const struct sq_task *task)
{
        return __builtin_expect(task->driver != NULL, 0) ? task->driver->now(task->driver->context) : sqi_clock_ns();
}

/* Binds under the inproc name and, in a worker, under the ipc one. 0 or a negative errno. */
int sqi_task_bind(const struct sq_task *task, void *socket, enum sqi_endpoint_kind kind);
/* All its channels, and what belongs to them. */
void sqi_channels_close(struct sq_task *task);

/* report.c: the task is over, `error` says why; the first cause stays. Returns -1. */
int sqi_task_fail(struct sq_task *task, int error, const char *format, ...) SQ_PRINTF(3, 4);
/* A misuse of squall.h: counted, logged, and the tuple under way fails. */
void sqi_task_misuse(struct sq_task *task, const char *format, ...) SQ_PRINTF(2, 3);
/* `n` tuples are lost for good, for they belong to no tuple tree that could be replayed: counted, and logged with the
 * cause. */
void sqi_task_lose(struct sq_task *task, uint64_t n, const char *cause);
/* Its counters, at once: for what must be known even if the task dies now. */
void sqi_task_report_metrics(struct sq_task *task);
void sqi_task_report(struct sq_task *task, const struct sqi_message *message);
/* Waits until every broadcast has all its receivers. False: told to quit before. */
bool sqi_task_await_subscribers(struct sq_task *task);
/* Serves what has come from the control thread. True: something came. */
bool sqi_task_serve(struct sq_task *task);
/* Of a spout: between ACTIVATE and DEACTIVATE, or not. */
void sqi_task_activate(struct sq_task *task, bool active);
/* Waits until something may be done: orders, input (if `intake`), acks, room in a stuck outlet, or `until_ns`. */
void sqi_task_wait(struct sq_task *task, bool intake, uint64_t until_ns);
/* Has it the socket by which it shows what it does (channel/tap.h)? If not, the log says so. */
bool sqi_task_open_tap(struct sq_task *task);
/* The component's own flush. False: it failed, and what it answers for fails too. */
bool sqi_task_flush_component(struct sq_task *task);
/* Sends what is open; first the component's own flush. */
void sqi_task_flush(struct sq_task *task);
/* Has a batch waited long enough? Without workers the answer must not depend on the clock: two runs are to be the
 * same. */
static inline bool
sqi_task_must_flush(const struct sq_task *task)
{
        return task->driver || task->now_ns >= task->next_flush_ns;
}
/* For a task that is idle. When it is to flush again: UINT64_MAX, or soon, where it held back what it has. */
uint64_t sqi_task_flush_idle(struct sq_task *task);
uint64_t sqi_task_breath_ends(const struct sq_task *task); /* before it, nothing that is idle goes out */
/* The one place from which a bolt's acks go out, after its own flush: they vouch for what that made durable. */
void sqi_task_push_acks(struct sq_task *task);
/* While an outlet is blocked: waits, serving orders and acks. */
void sqi_task_unblock(struct sq_task *task);
/* The task has done all it will: end-of-stream marks, the last METRICS, FINISHED. */
void sqi_task_end(struct sq_task *task);
/* Runs a callback that may emit outside execute: tick, finish. When it fails, so does the task. */
void sqi_task_call(struct sq_task *task, int (*callback)(struct sq_task *));
/* commit.c: the callbacks of a sink (struct sq_bolt), where it has them. 0; or -1, and task->error says why: not a
 * failure of the task, unless task->failed. */
int sqi_task_precommit(struct sq_task *task, uint64_t epoch);
int sqi_task_commit(struct sq_task *task, uint64_t epoch);
/* After a restore: commits `epoch`, and aborts what is later. 0; or the task has failed. */
int sqi_task_commit_restored(struct sq_task *task, uint64_t epoch);
/* The same, for whoever may call it again. 0; or -1: it failed, by task->error, and *ret_dropped tuples of it were not
 * emitted. */
int sqi_task_try(struct sq_task *task, int (*callback)(struct sq_task *), uint64_t *ret_dropped);
/* The task has so many keys: what dies with its worker. */
void sqi_task_count_keys(struct sq_task *task);

/* intake.c, fence.c */
int sqi_intake_bind(struct sq_task *task);
int sqi_intake_connect(struct sq_task *task);
void sqi_intake_close(struct sq_task *task);
/* `lost` has died, and goes on as `incarnation`: older batches are refused from here on. True: word of it comes late,
 * for batches of senders who knew have been executed; what they led to must not be taken for what was lost. */
bool sqi_intake_lose(struct sq_task *task, uint32_t lost, uint32_t incarnation);
/* One message from any inbox, without waiting. 1: got it; 0: none. */
int sqi_intake_receive(struct sq_task *task, zmq_msg_t *message);
/* feedback.c: nothing is taken but feedback. */
bool sqi_intake_is_closed(const struct sq_task *task);
/* The same of one that is not executed yet: its bytes count as on their way until it is. */
bool sqi_intake_fetch(struct sq_task *task, zmq_msg_t *message);
/* Opens the frame; handles marks, fences and what is malformed. The edge key is made this task's own. True: execute
 * it. */
bool sqi_intake_open(struct sq_task *task, zmq_msg_t *message, struct sqi_frame *frame);
/* The same of a message that waits for its turn from here on, but for marks. True: it is to wait. */
bool sqi_intake_open_ahead(struct sq_task *task, zmq_msg_t *message);
/* Takes in all that there is, in front of missing marks of the epoch under way. A task of a cycle does not: while
 * feedback waits, it is to take nothing else. */
void sqi_intake_take_in(struct sq_task *task);
/* backlog.c: gives what was taken in and not executed, from the batch under way on, to a taker, which says whether it
 * could take it. False: it could not, or memory is short. */
typedef bool sqi_backlog_taker(struct sq_task *task, zmq_msg_t *message, bool feedback);
bool sqi_backlog_give(struct sq_task *task, sqi_backlog_taker *taker);
/* The same of a batch that was in transit in a snapshot: it came through fence and sequence then. */
bool sqi_intake_reopen(struct sq_task *task, zmq_msg_t *message, struct sqi_frame *frame);
/* The input that a stream of task `source` is, or NULL: not ours. */
static inline const struct sqi_input *
sqi_intake_stream(const struct sq_task *task, uint32_t source, uint32_t stream)
{
        const struct sqi_intake *intake = &task->intake;

        if (stream >= intake->streams)
                return NULL;
        return intake->by_stream[(size_t)task->plan->tasks[source].component * intake->streams + stream];
}
/* The input of a tuple of this frame, or NULL: not for us. */
const struct sqi_input *sqi_intake_input(const struct sq_task *task, const struct sqi_frame *frame);
void sqi_intake_refuse(struct sq_task *task, uint32_t source, const char *cause);
/* Has the task heard of fewer deaths than others? Both are sums that wrap. */
static inline bool
sqi_is_behind(uint16_t deaths, uint16_t others)
{
        return (int16_t)(uint16_t)(others - deaths) > 0;
}

/* anchor.c */
/* Ends a transaction that opened the list of anchors: the first `ninput` are the input's, which is acked with
 * `input_id` (0: not now). */
void sqi_anchors_commit(struct sq_task *task, uint16_t ninput, uint64_t input_id);
void sqi_kept_release(struct sq_task *task);
/* Warns of kept tuples that are older than the message timeout: somebody has forgotten them. */
void sqi_kept_check(struct sq_task *task);

/* bolt.c, spout.c: one turn of the loop of either kind. */
void sqi_bolt_turn(struct sq_task *task);
/* Lets go of a batch that the task is in the middle of. */
void sqi_bolt_close(struct sq_task *task);
/* own_load.c. A turn of a bolt has executed so many tuples, and has worked, and waited for room, for so long. */
void sqi_load_tell(struct sq_task *task, uint64_t tuples, uint64_t worked_ns, uint64_t blocked_ns);
/* Has it executed all that is said to be on its way? Then what it made of that goes out before it looks for more: who
 * waits for it need not wait for that look, too. */
bool sqi_load_is_through(const struct sq_task *task);
/* There was nothing to take in. */
void sqi_load_look_idle(struct sq_task *task);
/* wake.c: calls a bolt's `.wake` when its file can be read. True: it was called. */
bool sqi_bolt_wake(struct sq_task *task);
/* When a bolt's `.tick` is to run next: at its interval, or when the bolt asked for; UINT64_MAX: never. And runs it. */
uint64_t sqi_tick_due(const struct sq_task *task);
void sqi_tick(struct sq_task *task);
/* When something else than a tuple is to be done: a tick, a timer, a watermark; UINT64_MAX: never. */
uint64_t sqi_bolt_due(const struct sq_task *task);
/* Every source has ended, a cycle is quiet, nothing is waited for any more. Reports it if the task has settled. */
bool sqi_finish_is_due(struct sq_task *task);
/* The last callback, or the snapshot of a hand-over; then the task's own marks. May have to be tried again. */
void sqi_finish(struct sq_task *task);
/* Finds the next group and fetches the places of its keys. The result of the last sqi_frame_slice(). */
int sqi_look_ahead(const struct sq_task *task, struct sqi_frame *frame, struct sqi_ahead *ahead);
/* Fetches the entries of a group whose places have arrived. */
void sqi_fetch_entries(const struct sq_task *task, const struct sqi_ahead *ahead);
void sqi_spout_turn(struct sq_task *task);
int sqi_spout_open(struct sq_task *task);
void sqi_spout_close(struct sq_task *task);
/* position.c. It has one to tell; at most once it counts although its tree is not tracked. */
bool sqi_spout_has_position(const struct sq_task *task);
/* Where it would go on now; not known of a bolt, and where there is no position. */
void sqi_spout_where(const struct sq_task *task, struct sqi_position *ret);
/* The epoch that COMMIT names is sealed: what no kept epoch needs is let go of. */
void sqi_spout_sealed(struct sq_task *task);
/* Drains the ack inbox. True: something came. */
bool sqi_spout_take_acks(struct sq_task *task);
/* It cannot go on, and no restart mends that: what it emitted before is processed first, as in a drain. */
void sqi_spout_settle(struct sq_task *task);

#endif
