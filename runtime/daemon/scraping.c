/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/scraping.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/hosted.h"
#include "daemon/registry.h"
#include "daemon/scrape.h"

struct sqi_scraping {
        struct sqi_scrape *scrape;
        uint64_t tickets[SQI_HTTP_CONNECTIONS]; /* of those that are gone as well, until it is answered */
        size_t ntickets;
};

static void
drop(struct sqi_scraping **scraping)
{
        void *bytes;
        size_t size;

        if (!*scraping)
                return;
        if ((*scraping)->scrape && sqi_scrape_take(&(*scraping)->scrape, &bytes, &size) == 0)
                free(bytes);
        free(*scraping);
        *scraping = NULL;
}

/* Of the topologies that there are now: one that comes while it is put together is not in it, for one of its name may
 * be. NULL: no memory. */
static struct sqi_scraping *
begin(struct sqi_daemon *daemon)
{
        struct sqi_scraping *scraping = calloc(1, sizeof(*scraping));

        if (!scraping || sqi_scrape_new(daemon->options.version, &scraping->scrape) < 0) {
                free(scraping);
                return NULL;
        }
        for (struct sqi_hosted *hosted = daemon->first; hosted; hosted = hosted->next)
                hosted->unscraped = true;
        return scraping;
}

/* The next topology. False: there is none. */
static bool
step(struct sqi_daemon *daemon)
{
        struct sqi_hosted *hosted = daemon->first;

        while (hosted && (!hosted->unscraped || hosted->discarded))
                hosted = hosted->next;
        if (!hosted)
                return false;
        hosted->unscraped = false;
        sqi_scrape_topology(daemon->scraping->scrape, hosted->record.name, sqi_hosted_state(hosted), hosted->running);
        return true;
}

/* A reply without bytes says that there is no memory. */
static void
answer(struct sqi_daemon *daemon)
{
        struct sqi_scraping *scraping = daemon->scraping;
        void *bytes = NULL;
        size_t size = 0;

        (void)sqi_scrape_take(&scraping->scrape, &bytes, &size);
        for (size_t i = 0; i < scraping->ntickets; i++) {
                struct sqi_http_reply reply = {0};
                bool last = i + 1 == scraping->ntickets;
                void *its = last || !bytes ? bytes : malloc(size);

                if (its && !last)
                        memcpy(its, bytes, size);
                if (its)
                        sqi_http_reply_bytes(&reply, SQI_SCRAPE_TYPE, its, size);
                sqi_http_answer(daemon->http, scraping->tickets[i], &reply);
        }
        drop(&daemon->scraping);
}

void
sqi_scraping_ask(struct sqi_daemon *daemon, uint64_t ticket, struct sqi_http_reply *reply)
{
        if (!daemon->scraping)
                daemon->scraping = begin(daemon);
        if (!daemon->scraping || daemon->scraping->ntickets == SQI_HTTP_CONNECTIONS)
                return; /* no memory; or clients come and go faster than it is put together */
        daemon->scraping->tickets[daemon->scraping->ntickets++] = ticket;
        reply->later = true;
}

bool
sqi_scraping_goes_on(const struct sqi_daemon *daemon)
{
        return daemon->scraping;
}

void
sqi_scraping_serve(struct sqi_daemon *daemon)
{
        if (daemon->scraping && !step(daemon))
                answer(daemon);
}

void
sqi_scraping_drop(struct sqi_daemon *daemon)
{
        drop(&daemon->scraping);
}
