/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/search.h"

enum { PATIENCE = 256 };

void
sqi_search_begin(struct sqi_search *search, size_t under_way, size_t pending)
{
        search->all_parked = under_way == 0;
        search->lost = search->all_parked ? pending : under_way;
        search->suspected = false;
        search->losing = true;
}

bool
sqi_search_lose(struct sqi_search *search, struct sqi_attempt *attempt, bool parked)
{
        if (attempt->losses < UINT16_MAX)
                attempt->losses++;
        if (attempt->losses < SQI_LEDGER_SUSPECT)
                return false;
        search->suspected = true;
        attempt->alone = search->lost == 1 && parked == search->all_parked;
        return attempt->alone;
}

void
sqi_search_end(struct sqi_search *search)
{
        search->losing = false;
        if (!search->suspected)
                return;
        search->window = 1;
        search->through = 0;
}

/*
 * The window is patient before it widens: a worker that dies takes the acks of the whole batch along, so the tuple that
 * kills may have hundreds before it, and each window that it is found in with others costs a death.
 */
void
sqi_search_pass(struct sqi_search *search, uint64_t limit)
{
        if (search->window == 0 || ++search->through < search->window || search->through < PATIENCE)
                return;
        search->through = 0;
        search->window *= 2;
        if (search->window >= limit)
                search->window = 0;
}
