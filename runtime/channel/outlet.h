/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sending end of a channel: an open batch, and what is still to be sent of those before it.
 *
 * An outlet never waits. A sealed batch that its socket does not take at once stays here, `stuck`, and goes first at
 * the next sqi_outlet_push(). A forward outlet may have one stuck batch and an open one; when the open one is full too,
 * the outlet is blocked, and so is its task until there is room: that is back-pressure. The outlet of a feedback edge
 * queues instead and is never blocked, which keeps cycles live (docs/guarantees.md); its task takes nothing but
 * feedback while the queue is not empty.
 *
 * What a task emits in its finish callback stands outside every tuple tree: nobody would replay it. So from there on an
 * outlet may `keep` a reference to each batch, and sends all of them again, with the end-of-stream mark, to a reader
 * that was restarted.
 *
 * Where the load of the receiver is known, a batch is full, too, when the receiver will take SQI_BATCH_NS for it, and
 * nothing is sent (`held`) while what is on its way there will take it SQI_QUEUE_NS: a slow receiver gets small batches
 * and few of them, so that shuffle can balance, a drain ends soon, and little is lost or replayed when it dies. Nor is
 * anything sent while more than `channel_bytes` are on their way there; what is larger goes alone. And nothing is sent
 * while the receiver is `away`.
 *
 * The mark of an epoch waits for none of these bounds, and neither does what is before it (`urgent`): the receiver
 * takes it in without executing it. So that this does not add up, an outlet that was overdrawn by one mark after the
 * other is blocked until what is on its way is within the bounds again.
 *
 * A broadcast outlet sends by XPUB (no-drop): one batch for all receivers of one stream, as fast as the slowest of them
 * lets it by what is said above. It waits, too, while the living incarnation of a receiver has not subscribed.
 */
#ifndef SQI_OUTLET_H
#define SQI_OUTLET_H

#include <zmq.h>

#include "channel/load.h"
#include "channel/tap.h"
#include "control/metrics.h"
#include "tuple/batch.h"

enum { SQI_BATCH_NS = 20000000, SQI_QUEUE_NS = 1000000000 };

/* A sealed batch on its way into the socket. */
struct sqi_sealed {
        struct sqi_sealed *next;
        zmq_msg_t message;
};

/* A task that may read a broadcast. */
struct sqi_listener {
        uint32_t incarnation; /* that listens; while none does, the least that counts */
        bool expected, listens;
};

struct sqi_outlet {
        void *socket;      /* shared by the broadcast outlets of a task; owned by the collector */
        uint32_t receiver; /* task; broadcast: the stream */
        bool broadcast, feedback;
        bool ended;   /* the end-of-stream mark is sent */
        bool touched; /* something is staged in it: on the collector's list for commit and rollback */
        /* tuples were dropped since the last batch was sealed, which the next one says */
        bool dropped;
        bool loose;                    /* it has carried a tuple that belongs to no tree */
        uint32_t expected, subscribed; /* broadcast: readers, and those of them that listen */
        uint32_t nreaders;
        struct sqi_listener *readers; /* broadcast: by task */
        uint64_t edge_key, seq;       /* of the next tuple staged */
        uint64_t staged_seq;          /* seq when the transaction began */
        struct sqi_batch batch;
        struct sqi_sealed *stuck, **stuck_end;
        uint32_t nstuck;
        uint32_t urgent;       /* so many of them go up to the newest mark of an epoch */
        uint32_t overdrawn;    /* marks that went above the bounds since what is on its way was within them */
        struct sqi_load *load; /* of the receiver, or by task those of all; NULL: not known */
        uint32_t most;         /* tuples that make a batch full, whatever its bytes */
        bool held;             /* what is stuck waits for the receiver, not for room in the socket */
        bool away;             /* its receiver is dead, and its socket may not know yet */
        uint64_t tap_paid_ns;  /* sqi_tap_copy() */
        bool keep;
        struct sqi_sealed *kept, **kept_end;
};

/* Who sends: goes into the headers. */
struct sqi_source {
        uint32_t task, incarnation;
        uint16_t deaths;       /* of tasks, that it knows of */
        bool handover;         /* goes into its end-of-stream marks, */
        bool drained;          /* and so does this */
        int64_t channel_bytes; /* on their way to one receiver, at most */
        struct sqi_pool *pool;
        struct sqi_metrics *metrics;
        struct sqi_tap *tap; /* NULL: nobody looks at what it sends */
};

void sqi_outlet_init(struct sqi_outlet *outlet, const struct sqi_source *source, void *socket, uint32_t receiver,
                     bool broadcast, bool feedback);
void sqi_outlet_clear(struct sqi_outlet *outlet);

/* From here on the outlet goes by the receiver's load, or, once it knows its readers, by theirs in the array of all
 * tasks. Either may be NULL. */
void sqi_outlet_watch(struct sqi_outlet *outlet, struct sqi_load *load);

/*
 * Who reads a broadcast: the `n` tasks from `first` on, of `ntasks`. 0 or -ENOMEM. Then sqi_outlet_reader() is told who
 * begins and ends to listen, and sqi_outlet_lose_reader() that the incarnations of a task before this one are dead,
 * whatever their sockets still say. Both ignore who is not expected.
 */
int sqi_outlet_expect(struct sqi_outlet *outlet, uint32_t ntasks, uint32_t first, uint32_t n);
void sqi_outlet_reader(struct sqi_outlet *outlet, uint32_t task, uint32_t incarnation, bool listens);
void sqi_outlet_lose_reader(struct sqi_outlet *outlet, uint32_t task, uint32_t incarnation);

/* Drops what is not sent yet, but for what is kept. Between transactions only. */
void sqi_outlet_drop(struct sqi_outlet *outlet);

/* Seals the open batch, if it holds tuples, and sends what it can. 0: nothing is left; -EAGAIN: something is stuck;
 * -ENOMEM; or another error of the socket. While a forward outlet is stuck its open batch stays open and grows. */
int sqi_outlet_push(struct sqi_outlet *outlet, const struct sqi_source *source);

/* Is it blocked by the marks that were sent, whether or not anything is stuck? */
bool sqi_outlet_is_overdrawn(struct sqi_outlet *outlet, const struct sqi_source *source);

/* Puts the mark of an epoch behind everything else, and never waits for room: 0, or -EAGAIN: it is to be pushed out
 * like a batch; or another negative errno: it is not there. */
int sqi_outlet_mark(struct sqi_outlet *outlet, const struct sqi_source *source, uint64_t epoch);

/* The same of a watermark of stream `stream`, or of what wire.h has in the place of one. */
int sqi_outlet_watermark(struct sqi_outlet *outlet, const struct sqi_source *source, uint32_t stream,
                         int64_t watermark);

/* Puts an end-of-stream mark behind everything else; to be pushed out like a batch. */
int sqi_outlet_end(struct sqi_outlet *outlet, const struct sqi_source *source);

/* The same once more for a reader that was restarted, with all that was kept before it. */
int sqi_outlet_end_again(struct sqi_outlet *outlet, const struct sqi_source *source);

#endif
