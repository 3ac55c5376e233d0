/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The collector: takes what a callback emits, packs it once, and deals it out to the outlets by the groupings.
 *
 * A callback is a transaction. What it emits is staged in the open batches; sqi_collector_commit() lets it go,
 * sqi_collector_rollback() takes it back. `anchors` are the tuple trees that the emitted tuples belong to; `edges` is
 * the XOR of the edge ids made since the set of anchors last changed. At the commit each anchor's record gets its
 * edges, together with the ack of the input, as one XOR.
 */
#ifndef SQI_COLLECTOR_H
#define SQI_COLLECTOR_H

#include "channel/outlet.h"
#include "squall.h"
#include "plan/plan.h"

/* One reader of a stream. */
struct sqi_target {
        const struct sqi_plan_edge *edge;
        enum sqi_grouping_type grouping;
        uint32_t noutlets;
        struct sqi_outlet **outlets; /* by the reader's task index; one for a broadcast */
        struct sqi_outlet **local;   /* local-or-shuffle: those in this worker */
        uint32_t nlocal;
        uint32_t rotor;   /* shuffle: whose turn it is */
        uint32_t turns;   /* shuffle: until the loads are looked at again */
        uint64_t fair_ns; /* shuffle: a task where a tuple would wait longer is passed over */
        uint16_t *owners; /* fields: of each slot, by plan/routing.h */
        uint64_t *dealt;  /* partial-key: tuples dealt to each */
        uint64_t *keys;   /* broadcast: each receiver's own edge key */
        int64_t *told;    /* by outlet: the watermark that it was told last; NULL: it is told none (watermark.h) */
        bool in_cycle;    /* the reader is of this task's own cycle */
        bool by_tuple;    /* who gets a tuple depends on it */
        bool many;        /* several may get a tuple, each one of its own */
        struct sq_group *group; /* custom: what chooses; else NULL */
};

struct sqi_stream_targets {
        const struct sqi_plan_stream *stream;
        uint32_t ntargets;
        struct sqi_target *targets;
        bool any_type;                  /* every field is declared SQ_ANY */
        bool takes_plain, takes_direct; /* some reader has another grouping than `direct`; has `direct` */
        /* the only reader, where a tuple can be packed at once into the batch it leaves by */
        struct sqi_target *in_place;
        struct sqi_outlet *quick; /* its only outlet, where every field takes short strings: see emit_quick() */
        const struct sqi_event_time *time; /* NULL: it has none of its own. Else the two above are NULL, */
        struct sqi_target *timed_in_place; /* and this stands for the first of them */
};

/* The latest event time among the tuples that were emitted, those of the transaction under way with them. */
struct sqi_latest {
        int64_t *seen;  /* NULL: the task has no event time of its own */
        int64_t before; /* what it was when the transaction began that first emitted when so many had been emitted: */
        uint64_t emitted;
        bool timed; /* one with a time was emitted since this was last looked at */
};

/* A tree that the transaction under way touches. */
struct sqi_anchor {
        uint64_t root;
        uint64_t value; /* what its record is to get */
        bool active;    /* emits are anchored to it */
};

struct sqi_collector {
        struct sqi_source source;
        uint32_t noutlets;
        struct sqi_outlet *outlets;
        void **sockets; /* one an outlet; the broadcast ones share theirs, which stands last */
        uint32_t nsockets;
        void *broadcast; /* XPUB or NULL */
        uint32_t nstreams;
        struct sqi_stream_targets *streams;
        uint32_t batch_bytes;
        bool tracking;
        bool open;     /* the task runs: it may emit */
        bool choosing; /* a grouping does: it may not, for the time being */
        bool lasting;  /* what is emitted is never taken back: it may go out before the transaction ends */

        /* the transaction */
        struct sqi_outlet **touched;
        uint32_t ntouched;
        uint64_t edges;
        uint64_t emitted, transferred; /* staged */
        uint16_t nroots;               /* active anchors, as a run wants them */
        uint64_t roots[SQI_ROOTS_MAX];
        uint32_t nanchors;
        struct sqi_anchor *anchors; /* only when the set is not just the input's */
        uint32_t anchors_capacity;
        bool anchors_open; /* `anchors` is in use in this transaction */

        struct sqi_latest latest;
        bool pressed; /* some outlet may be blocked: look before the next tuple */
        uint64_t sent_to_cycle;
        uint8_t *scratch;
        size_t scratch_size;
        struct sqi_tap *tap; /* once it was tapped; in the source only as long as somebody looks */
};

struct sq_task;

/* Makes the sockets and outlets of the task as the plan says. 0 or a negative errno. */
int sqi_collector_open(struct sq_task *task);
int sqi_collector_connect(struct sq_task *task);
void sqi_collector_close(struct sqi_collector *collector);

/*
 * At least once: `lost` has died, and every tree in flight is lost with it and will be replayed. So what waits in a
 * channel is nobody's any more. A spout, between transactions, drops it, and the replays need not wait for the next
 * incarnation to make room for them. The socket to the dead is replaced, in a bolt too: an I/O thread that has not seen
 * the hang-up yet would take a replay for the old connection, and its tree would wait out the message timeout. Where
 * the socket holds what must not be dropped, nothing is sent until the reader is back.
 */
void sqi_collector_lose(struct sq_task *task, uint32_t lost);
/* It is: what waited for it may go. */
void sqi_collector_reach(struct sqi_collector *collector, uint32_t back);

/* `lost` has died, and goes on as `incarnation`: broadcasts wait for that one from here on. */
void sqi_collector_lose_reader(struct sqi_collector *collector, uint32_t lost, uint32_t incarnation);

/* The transaction begins: emits are anchored to `roots` (none outside execute). */
static inline void
sqi_collector_begin(struct sqi_collector *collector, const uint64_t *roots, uint16_t nroots)
{
        if (nroots == 1)
                collector->roots[0] = roots[0];
        else
                for (uint16_t i = 0; i < nroots; i++)
                        collector->roots[i] = roots[i];
        collector->nroots = nroots;
        collector->edges = 0;
}

void sqi_collector_commit_staged(struct sqi_collector *collector);

/* Lets what is staged go; sends batches that have become full. What each anchor's record is to get stays to be read
 * until the next begin. */
static inline void
sqi_collector_commit(struct sqi_collector *collector)
{
        if (collector->emitted)
                sqi_collector_commit_staged(collector);
}

void sqi_collector_rollback(struct sqi_collector *collector);
/* Lets what is staged go before the transaction is over, but for the tuple that is counted already and for which this
 * outlet is to have room; and pushes its batch. */
void sqi_collector_let_go(struct sqi_collector *collector, struct sqi_outlet *outlet);

/* Pushes every open batch and everything stuck. True: nothing is left. */
bool sqi_collector_flush(struct sqi_collector *collector);

/* An open batch that could be pushed now? */
bool sqi_collector_has_open(const struct sqi_collector *collector);
/* Retries what is stuck. True: no forward outlet is blocked any more. */
bool sqi_collector_relieve(struct sqi_collector *collector);
/* Something waits in a feedback outlet: take feedback only. */
bool sqi_collector_has_feedback(const struct sqi_collector *collector);
/* Takes subscriptions; true when every broadcast has all its receivers. */
bool sqi_collector_subscribed(struct sqi_collector *collector);
/* From here on what is emitted belongs to no tuple tree, and is kept for readers that are restarted. */
void sqi_collector_keep(struct sqi_collector *collector);
/* The mark of an epoch into every channel that has not ended. Between transactions. 0, or a negative errno: some
 * channel has none. */
int sqi_collector_mark(struct sqi_collector *collector, uint64_t epoch);
/* End-of-stream marks to all; and once more, behind what was kept, where a restarted task listens, which may not have
 * had them. */
void sqi_collector_end(struct sqi_collector *collector);
void sqi_collector_end_again(struct sqi_collector *collector, uint32_t task);

#endif
