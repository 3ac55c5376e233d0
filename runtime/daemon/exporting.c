/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/exporting.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/saved.h"

struct sqi_export {
        struct sqi_export *next;
        char name[SQI_ID_MAX + 1]; /* of the topology */
        char path[PATH_MAX], serial[SQI_SERIAL_SIZE];
        struct sqi_savepoint_held *held;
        atomic_bool stop;
        pthread_t thread;
        bool threaded;

        /* the thread's, until `done` */
        int news; /* an eventfd */
        atomic_bool done;
        char cause[SQI_RECORD_CAUSE]; /* of its failure; empty: it is there */
};

/* ---- The work ---------------------------------------------------------------------------------------- */

static void *
run(void *context)
{
        struct sqi_export *it = context;
        const uint64_t one = 1;

        (void)sqi_savepoint_make(it->held, it->path, &it->stop, it->cause, sizeof(it->cause));
        atomic_store(&it->done, true);
        (void)!write(it->news, &one, sizeof(one));
        return NULL;
}

int
sqi_export_begin(struct sqi_hosted *hosted, struct sqi_savepoint_held **held, const char *path, const char *serial)
{
        struct sqi_daemon *daemon = hosted->daemon;
        struct sqi_export *it = calloc(1, sizeof(*it));

        if (!it) {
                sqi_savepoint_let_go(held);
                return -ENOMEM;
        }
        snprintf(it->name, sizeof(it->name), "%s", hosted->record.name);
        snprintf(it->path, sizeof(it->path), "%s", path);
        snprintf(it->serial, sizeof(it->serial), "%s", serial);
        it->held = *held;
        *held = NULL;
        it->news = daemon->copied;
        it->next = daemon->exports;
        daemon->exports = it;
        it->threaded = daemon->copied >= 0 && pthread_create(&it->thread, NULL, run, it) == 0;
        if (!it->threaded)
                (void)run(it);
        return 0;
}

/* ---- All of them ------------------------------------------------------------------------------------- */

bool
sqi_export_is_under_way(const struct sqi_daemon *daemon, const char *serial)
{
        const struct sqi_export *it = daemon->exports;

        while (it && strcmp(it->serial, serial) != 0)
                it = it->next;
        return it;
}

void
sqi_exports_stop(struct sqi_daemon *daemon)
{
        for (struct sqi_export *it = daemon->exports; it; it = it->next)
                atomic_store_explicit(&it->stop, true, memory_order_relaxed);
}

bool
sqi_exports_are_due(struct sqi_daemon *daemon)
{
        const struct sqi_export *it = daemon->exports;
        uint64_t news;

        if (it)
                (void)!read(daemon->copied, &news, sizeof(news));
        while (it && !atomic_load(&it->done))
                it = it->next;
        return it;
}

/* Waits for it. */
static void
end(struct sqi_daemon *daemon, struct sqi_export **link)
{
        struct sqi_export *it = *link;

        *link = it->next;
        if (it->threaded)
                pthread_join(it->thread, NULL);
        if (it->cause[0])
                sqi_daemon_tell(daemon, SQ_ERROR, it->name, "%s", it->cause);
        else
                sqi_daemon_tell(daemon, SQ_INFO, it->name, "savepoint %s", it->path);
        sqi_saved_note(daemon, it->serial, it->cause);
        sqi_savepoint_let_go(&it->held);
        free(it);
}

void
sqi_exports_serve(struct sqi_daemon *daemon)
{
        struct sqi_export **link = &daemon->exports;

        while (*link)
                if (atomic_load(&(*link)->done))
                        end(daemon, link);
                else
                        link = &(*link)->next;
}

void
sqi_exports_drop(struct sqi_daemon *daemon)
{
        sqi_exports_stop(daemon);
        while (daemon->exports)
                end(daemon, &daemon->exports);
}
