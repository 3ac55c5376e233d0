/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger of a spout task: every tuple tree in flight, and what becomes of it. A pure state machine: no socket, no
 * clock, no thread.
 *
 * The life of a tree:
 *
 *  1. sqi_ledger_open() gives it a root number. sqi_ledger_seal() hands in the XOR of the edge ids that the spout
 *     emitted for it.
 *  2. Bolts' records come in by sqi_ledger_take(): each XORs into the state the edge it consumed and those it created.
 *     Every edge is XORed in exactly twice, so the state is zero when all are consumed (N. Marz, Storm's acker).
 *     docs/guarantees.md gives the odds of a false zero.
 *  3. Zero: completed. A fail record, the message timeout, or the loss of a task: failed; it waits out a back-off and
 *     comes back from sqi_ledger_retry() to be emitted again under a new root number, or is given up after its last
 *     retry.
 *
 * What is an attempt? A verdict that fails the tuple (SQI_ACK_FAIL), and a death that is proven to be its own (below).
 * A failure that says "not now" (SQI_ACK_LATER: a flush that failed, a disk that is full), a time-out and other deaths
 * say nothing of the tuple: after an outage of any length all is still there.
 *
 * Time-outs: trees are counted by the time slot they were opened in; the slots form a wheel of SQI_LEDGER_SLOTS. A slot
 * that falls due with none left costs nothing; else the table is scanned once. A tree times out between T and T + T/32.
 *
 * Root numbers count up, so the table is addressed by their low bits: in the common case a ring without probes.
 *
 * A lost tree costs no attempt: it was in flight when some worker died, which mostly was not its fault. But a tuple
 * that kills its worker is in flight at every death, and its topology would crash for ever. So losses in a row are
 * counted by tree, and from SQI_LEDGER_SUSPECT on
 *
 *  - the trees that were lost are replayed one at a time, the oldest first, for channels keep their order and the one
 *    that kills was at the head of one; when some hundreds have come through, two at a time, and so on;
 *  - what is lost while it is alone in flight is replayed alone from then on, after a back-off with jitter (another
 *    spout may be looking for its own); each of those losses is an attempt, and it is given up after max_retries as if
 *    it had failed.
 *
 * So it takes four deaths and max_retries to be rid of a tuple that kills; all others pass. A burst of kills from
 * outside may begin the search too, and it is over as soon as a few trees have come through.
 *
 * Flow: sqi_ledger_is_full() holds the spout back at max_pending trees. Without a setting the limit adapts: it grows
 * while trees complete within a sixteenth of the message timeout (eightfold while that is milliseconds), and shrinks
 * when they take more than an eighth, so that no queue outgrows the timeout. It does not count trees of which all that
 * is left is kept by bolts: those are in no queue, and a join or a batch may wait for just the tuple that the limit
 * would hold back. (A max_pending that was set counts them, as Storm's does.) The spout is held back, too, when too
 * many failed trees wait for their retry: a topology that fails everything must not fill the memory.
 */
#ifndef SQI_LEDGER_H
#define SQI_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tuple/wire.h"

enum { SQI_LEDGER_SLOTS = 64, SQI_LEDGER_SUSPECT = 3, SQI_LEDGER_WAITING_MAX = 1 << 18 };

struct sqi_ledger_config {
        uint32_t task;           /* goes into the roots */
        uint64_t first;          /* root number to begin with: another for each incarnation */
        uint64_t timeout_ns;     /* message timeout; 0: none */
        uint64_t max_pending;    /* 0: adaptive */
        int64_t max_retries;     /* -1: for ever */
        uint64_t retry_delay_ns; /* doubled at each retry of the same tree, up to SQI_RETRY_DELAY_MAX */
        bool steady;             /* the adaptive limit grows however long trees take: the same in every run */
        bool once;               /* what has failed is over: there is no retry, and nothing is given up */
};
#define SQI_RETRY_DELAY_MAX 30000000000ull

enum sqi_tree_outcome {
        SQI_COMPLETED,
        SQI_FAILED,    /* will be retried */
        SQI_TIMED_OUT, /* likewise */
        SQI_LOST,      /* likewise: was in flight when a task died */
        SQI_GIVEN_UP,
};

/* Told of every outcome, at once. `age_ns`: since the tree was opened. Must not call back into the ledger. */
typedef void sqi_ledger_told(void *context, enum sqi_tree_outcome outcome, uint64_t position, uint64_t age_ns);

/* What a tree has behind it. A new one: {0}. */
struct sqi_attempt {
        uint32_t failures; /* replays that counted as attempts */
        uint16_t losses;   /* in a row */
        /* other replays that waited out a delay: time-outs, and failures that were not the tuple's */
        uint8_t waits;
        bool alone; /* it was lost while it was alone: it is to be replayed alone */
};

struct sqi_ledger;

/* NULL when memory is short. */
struct sqi_ledger *sqi_ledger_new(const struct sqi_ledger_config *config, sqi_ledger_told *told, void *context);
void sqi_ledger_free(struct sqi_ledger **ledger);

/* A new tree, or one that sqi_ledger_retry() gave back. 0 and its root; -ENOMEM. */
int sqi_ledger_open(struct sqi_ledger *ledger, uint64_t position, struct sqi_attempt attempt, uint64_t now_ns,
                    uint64_t *ret_root);

/* The spout has emitted all of it: `edges` is the XOR of their ids. A tree without edges completes here. */
void sqi_ledger_seal(struct sqi_ledger *ledger, uint64_t root, uint64_t edges, uint64_t now_ns);

/* A record from a bolt. Unknown roots (late, of an earlier incarnation) are ignored. */
void sqi_ledger_take(struct sqi_ledger *ledger, const struct sqi_ack *ack, uint64_t now_ns);

/* Fails what has timed out. */
void sqi_ledger_tick(struct sqi_ledger *ledger, uint64_t now_ns);

/* Fails everything in flight: a task has died. It is due for a retry at once, and no attempt is counted but for what
 * was on trial. */
void sqi_ledger_lose(struct sqi_ledger *ledger, uint64_t now_ns);

/* Takes out a failed tree that is due, if it may be in flight now; the caller opens it again at once. */
bool sqi_ledger_retry(struct sqi_ledger *ledger, uint64_t now_ns, uint64_t *ret_position,
                      struct sqi_attempt *ret_attempt);

/* What waits for its retry need not wait any longer: the topology drains, and its time is limited. */
void sqi_ledger_hurry(struct sqi_ledger *ledger, uint64_t now_ns);

/* When sqi_ledger_tick() or sqi_ledger_retry() next have something to do; UINT64_MAX: never. */
uint64_t sqi_ledger_next(const struct sqi_ledger *ledger);

bool sqi_ledger_is_full(struct sqi_ledger *ledger);
/* Trees that may be opened before it is. */
size_t sqi_ledger_room(const struct sqi_ledger *ledger);
size_t sqi_ledger_pending(const struct sqi_ledger *ledger);    /* in flight */
size_t sqi_ledger_unfinished(const struct sqi_ledger *ledger); /* in flight, or waiting for a retry */
uint64_t sqi_ledger_limit(const struct sqi_ledger *ledger);

/* Every position below this one is completed or given up. `next`: what to answer when nothing is unfinished. Costs a
 * scan. */
uint64_t sqi_ledger_low(const struct sqi_ledger *ledger, uint64_t next);

#endif
