/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a bolt task has to say to the ledgers: records gathered per spout task, sent some hundreds at a time. Called by
 * the task thread. A record that is gathered holds until it is sent: the spouts always drain, and what is gathered is
 * bounded by what they have in flight.
 */
#ifndef SQI_ACKER_H
#define SQI_ACKER_H

#include <stdbool.h>
#include <stddef.h>

#include "tuple/wire.h"

/* The records for one spout task. */
struct sqi_ledger_outlet {
        void *socket; /* PUSH to its ack inbox */
        uint32_t task;
        struct sqi_ack *records;
        size_t n, capacity;
};

struct sqi_acker {
        uint32_t task, incarnation; /* of the bolt */
        uint32_t nspouts;
        struct sqi_ledger_outlet *spouts;
        struct sqi_ledger_outlet **by_task; /* NULL where the task is not a spout */
        uint32_t ntasks;
        size_t gathered; /* records in all */
        bool no_memory;  /* a record was lost: its task must not go on as if it had been sent */
};

enum { SQI_ACKS_FULL = 1024 }; /* records after which sending is worth while */

/* Records for an unknown task are dropped: bytes from outside may name any. */
void sqi_acker_add(struct sqi_acker *acker, uint64_t root, uint64_t value, enum sqi_ack_op op);

/* Says why the trees of this spout that are failed next have failed. */
void sqi_acker_explain(struct sqi_acker *acker, uint32_t spout, const char *cause);

/* Turns every gathered XOR into a fail that is not an attempt: what they vouched for did not get done, whatever the
 * tuple. */
void sqi_acker_fail(struct sqi_acker *acker);

/* Sends what can be sent without waiting; the rest stays gathered. */
void sqi_acker_push(struct sqi_acker *acker);

void sqi_acker_close(struct sqi_acker *acker);

#endif
