/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a task does about epochs: Chandy and Lamport's snapshot (1985), under exactly-once only.
 *
 *  1. CHECKPOINT names an epoch and the folder for its parts. A task begins it between two callbacks: a spout by the
 *     order; a bolt at the first mark of the epoch that comes in, or, where none has come for a while, by itself: a
 *     mark waits for what is before it, and so never has more than one hop to go. It flushes, tells its component
 *     (precommit), writes its state down, with what it has taken in and not executed (backlog.c), and puts a mark
 *     behind everything in each of its channels: one step, in which nothing else happens.
 *  2. Then it goes on. What comes by a channel whose mark is still to come was sent before its sender had begun: it
 *     is executed, and goes into the part, too, as the state of the channel (transit.h). A mark waits for no tuple to
 *     be executed, however slow the bolt is: nothing holds it up in its outlet (channel/outlet.h), and what is before
 *     it is taken in at once. An end-of-stream mark stands for all later marks.
 *  3. The last mark is there: the part is made durable, which a thread of its own does, and reported. A spout reports
 *     before it where it goes on.
 *  4. COMMIT: the component publishes, and the task answers COMMITTED. ABANDON drops what is under way; so does a
 *     higher epoch.
 *
 * A task that has not been started, or has ended, answers at once: nothing goes into its channels or comes out of them.
 *
 * Each task that goes on from a snapshot is of a new process, and so are its channels. It executes what was in transit
 * before anything that comes in; what is left of that is part of the next epoch, too. A gap in a channel, or a batch
 * that is refused, ends the task: without tuple trees nobody else would notice the loss.
 */
#ifndef SQI_EPOCH_H
#define SQI_EPOCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zmq.h>

#include "control/message.h"
#include "control/position.h"
#include "state/portions.h"

struct sq_task;
struct sqi_snapshot_writing;
struct sqi_part_log;

enum { SQI_EPOCH_CAUSE = 256, SQI_EPOCH_FOLDER = 4096 };

/* A mark that comes after every other one: of a channel that has ended, or is none. */
#define SQI_EPOCH_LAST UINT64_MAX

struct sqi_epoch {
        bool exact;         /* the delivery is exactly-once: else all this stays zero */
        uint64_t ordered;   /* the newest that CHECKPOINT named, with `folder` */
        uint64_t dropped;   /* the newest that is known to be given up */
        uint64_t begun;     /* the newest that this task has begun */
        uint64_t answered;  /* the newest that it has reported its part of, as below */
        uint64_t commit;    /* the newest that COMMIT named */
        uint64_t committed; /* the newest that the component has published */
        uint64_t due_ns;    /* when it begins without a mark */
        bool recording;     /* `missing` channels have not brought the mark of `begun` */
        bool writing_down;  /* all is there, and is being made durable */
        bool commit_asked;
        uint32_t missing;
        int wake;                   /* an eventfd, when `exact`: it is durable, or cannot be */
        uint64_t recorded, written; /* bytes */
        struct sqi_snapshot_writing *writing;
        struct sqi_portions portions; /* of its keys */
        struct sqi_part_log *log;     /* of the last part; NULL: the next one is whole */
        struct sqi_position position; /* of a spout, at its mark */
        uint64_t *sealed;             /* where the spout was in the epochs that are kept, the newest last; */
        size_t nsealed;               /* at most topology.checkpoint.keep */
        uint64_t released;            /* the newest of them */
        uint64_t size, sum;           /* of the part */
        char cause[SQI_EPOCH_CAUSE];  /* why it is not there; empty: it is */
        char folder[SQI_EPOCH_FOLDER];
};

/* What is answered to an order at once. */
enum sqi_epoch_answer {
        SQI_EPOCH_SAY_NOTHING,
        SQI_EPOCH_SAY_PART,      /* again, as it was answered */
        SQI_EPOCH_SAY_COMMITTED, /* again */
};

/* Takes note of CHECKPOINT, ABANDON or COMMIT, in this alone: what comes twice, or late, changes nothing. */
enum sqi_epoch_answer sqi_epoch_take(struct sqi_epoch *epoch, const struct sqi_message *order, uint64_t now_ns);
/* Is one ordered that has neither begun nor been given up? */
bool sqi_epoch_is_wanted(const struct sqi_epoch *epoch);

/* The same for a task, which answers. They are acted on by sqi_epoch_act(). */
void sqi_epoch_order(struct sq_task *task, const struct sqi_message *order);
/* POSITION, of a spout, and SNAPSHOT of the part that is answered last. */
void sqi_epoch_report(struct sq_task *task);
/* COMMITTED, of the newest. */
void sqi_epoch_report_committed(struct sq_task *task);
/* Between two callbacks: does what is due. */
void sqi_epoch_act(struct sq_task *task);
/* The same of a bolt that looks seldom: what was ordered waits for no mark. Is an epoch under way? */
bool sqi_epoch_hasten(struct sq_task *task);
/* The same, in the middle of a callback: reports a part that is durable by now. */
void sqi_epoch_settle(struct sq_task *task);
/* When sqi_epoch_act() is to be called again at the latest. */
uint64_t sqi_epoch_due(const struct sq_task *task);

/* Before the first order. 0 or a negative errno. */
int sqi_epoch_open(struct sq_task *task);

/* A mark has come by a channel, whose newest one so far is at `seen`. Between two batches. */
void sqi_epoch_mark(struct sq_task *task, uint64_t *seen, uint64_t epoch);
/* A batch goes into the part: it has come by a channel whose mark of the epoch under way is still to come, or came
 * before the epoch began and is not executed. False: that is too much, or cannot be, and `cause` says why. */
bool sqi_epoch_record(struct sq_task *task, zmq_msg_t *message, bool feedback);

/* The state of `epoch` is loaded: the component publishes that again, and takes back what came later. 0; or the task
 * has failed. */
int sqi_epoch_restored(struct sq_task *task, uint64_t epoch);
void sqi_epoch_close(struct sq_task *task);

#endif
