/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The search for a tuple that kills its worker: ledger.h says how it goes. The trees that were lost are replayed in a
 * window that begins with one; what is lost while it is alone in flight is a killer.
 */
#ifndef SQI_SEARCH_H
#define SQI_SEARCH_H

#include "ledger/ledger.h"

/* A tree is replayed beside others after all, when they have not got out of its way for so long: nanoseconds. */
#define SQI_SEARCH_WAIT UINT64_C(1000000000)

struct sqi_search {
        uint64_t window;     /* trees in flight at most; 0: no search */
        uint64_t through;    /* outcomes since the window was set */
        uint64_t waiting_ns; /* since when a tree waits to be alone; 0: none does */
        bool trial;          /* one is alone in flight */
        size_t lost;         /* trees under way when the last task died; were all parked, these */
        bool all_parked;
        bool suspected; /* one of them is a suspect */
        bool losing;    /* all are being lost: the heap of retries is put in order afterwards */
};

/* A task has died; now all trees are lost, one by one. */
void sqi_search_begin(struct sqi_search *search, size_t under_way, size_t pending);
/* What a lost tree has behind it now. Whether it is proven to kill: it was alone. */
bool sqi_search_lose(struct sqi_search *search, struct sqi_attempt *attempt, bool parked);
/* All are. */
void sqi_search_end(struct sqi_search *search);

/* A tree has come through, whatever became of it; `limit`: of the flow. */
void sqi_search_pass(struct sqi_search *search, uint64_t limit);

#endif
