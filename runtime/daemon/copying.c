/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/copying.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "daemon/savepoint.h"
#include "daemon/waiters.h"

/* Longer than a client that is still there needs to ask again. */
static const uint64_t kept = 30 * SQI_SECOND;

struct sqi_copying {
        struct sqi_copying *next;
        struct sqi_record record;
        struct sqi_plan *plan;
        struct sqi_snapshots snapshots;
        char path[PATH_MAX];
        atomic_bool stop;
        pthread_t thread;
        bool threaded;
        uint64_t until; /* it is done, and kept so long; 0: it is not */

        /* the thread's, until `done` */
        int news; /* an eventfd */
        atomic_bool done;
        enum sqi_status status;
        char error[SQI_RECORD_CAUSE];
};

/* ---- The work ---------------------------------------------------------------------------------------- */

static void
copy(struct sqi_copying *it)
{
        struct sqi_savepoint savepoint = {0};
        int r = sqi_savepoint_open(it->path, &it->stop, &savepoint, it->error, sizeof(it->error));

        if (r == 0)
                r = sqi_savepoint_fits(&savepoint, it->plan, it->error, sizeof(it->error));
        it->status = r < 0 ? SQI_STATUS_REFUSED : SQI_STATUS_DONE;
        if (r == 0 && (r = sqi_savepoint_put(&savepoint, &it->snapshots, &it->stop, it->error, sizeof(it->error))) < 0)
                it->status = SQI_STATUS_FAILED;
        if (r < 0)
                sqi_snapshots_remove(&it->snapshots);
        sqi_savepoint_close(&savepoint);
}

static void *
run(void *context)
{
        struct sqi_copying *it = context;
        const uint64_t one = 1;

        copy(it);
        atomic_store(&it->done, true);
        (void)!write(it->news, &one, sizeof(one));
        return NULL;
}

/* ---- One of them ------------------------------------------------------------------------------------- */

static struct sqi_copying **
find(struct sqi_daemon *daemon, const uint8_t id[SQI_REQUEST_ID])
{
        struct sqi_copying **link = &daemon->copyings;

        while (*link && memcmp((*link)->record.request, id, SQI_REQUEST_ID) != 0)
                link = &(*link)->next;
        return link;
}

/* Its copy stays, if there is one. */
static void
forget(struct sqi_copying **link)
{
        struct sqi_copying *it = *link;

        *link = it->next;
        if (it->threaded)
                pthread_join(it->thread, NULL);
        sqi_plan_free(&it->plan);
        free(it);
}

static void
drop(const struct sqi_daemon *daemon, struct sqi_copying **link)
{
        struct sqi_copying *it = *link;

        if (it->threaded)
                pthread_join(it->thread, NULL);
        it->threaded = false;
        sqi_daemon_remove_snapshots(daemon, &it->snapshots);
        forget(link);
}

static bool
copy_path(struct sq_str text, char ret[PATH_MAX])
{
        if (text.len >= PATH_MAX)
                return false;
        memcpy(ret, text.ptr, text.len);
        ret[text.len] = '\0';
        return ret[0] == '/';
}

/* False: it cannot be begun, and that is said. */
static bool
begin(struct sqi_daemon *daemon, const struct sqi_request *request, struct sqi_plan **plan,
      const struct sqi_record *record, struct sqi_result *result)
{
        struct sqi_copying *it = calloc(1, sizeof(*it));

        if (!it || !copy_path(request->path, it->path)) {
                if (it)
                        sqi_refuse(result, SQI_STATUS_REFUSED,
                                   "the path of the savepoint is too long, or does not begin with /");
                else
                        sqi_refuse(result, SQI_STATUS_FAILED, "out of memory");
                free(it);
                return false;
        }
        it->record = *record;
        sqi_daemon_snapshots(daemon, record, &it->snapshots);
        it->plan = *plan;
        *plan = NULL;
        it->news = daemon->copied;
        it->next = daemon->copyings;
        daemon->copyings = it;
        it->threaded = daemon->copied >= 0 && pthread_create(&it->thread, NULL, run, it) == 0;
        if (!it->threaded)
                (void)run(it);
        return true;
}

/* ---- All of them ------------------------------------------------------------------------------------- */

bool
sqi_copying_take(struct sqi_daemon *daemon, const struct sqi_request *request, struct sqi_plan **plan,
                 struct sqi_record *record, struct sqi_result *result)
{
        struct sqi_copying **link = find(daemon, request->id);

        if (!*link && !begin(daemon, request, plan, record, result))
                return false;
        link = find(daemon, request->id);
        struct sqi_copying *it = *link;
        if (*plan == NULL || !atomic_load(&it->done)) {
                struct sqi_waiter *waiter = sqi_waiters_add(daemon, request, SQI_UNTIL_COPIED, result);

                if (waiter && it->until > 0)
                        waiter->due = 0;
                return false;
        }
        bool there = it->status == SQI_STATUS_DONE;
        if (there)
                *record = it->record;
        else
                sqi_refuse(result, it->status, "%s", it->error);
        forget(link);
        return there;
}

static void
call_waiters(struct sqi_daemon *daemon, const struct sqi_copying *it)
{
        for (struct sqi_waiter *waiter = daemon->waiters; waiter; waiter = waiter->next)
                if (waiter->until == SQI_UNTIL_COPIED && memcmp(waiter->id, it->record.request, SQI_REQUEST_ID) == 0)
                        waiter->due = 0;
}

static bool
is_due(struct sqi_copying *it, uint64_t now_ns)
{
        return it->until > 0 ? now_ns >= it->until : atomic_load(&it->done);
}

bool
sqi_copying_is_due(struct sqi_daemon *daemon, uint64_t now_ns)
{
        struct sqi_copying *it = daemon->copyings;
        uint64_t news;

        if (it)
                (void)!read(daemon->copied, &news, sizeof(news));
        while (it && !is_due(it, now_ns))
                it = it->next;
        return it;
}

void
sqi_copying_serve(struct sqi_daemon *daemon, uint64_t now_ns)
{
        struct sqi_copying **link = &daemon->copyings;

        while (*link) {
                struct sqi_copying *it = *link;

                if (it->until == 0 && atomic_load(&it->done)) {
                        it->until = now_ns + kept;
                        call_waiters(daemon, it);
                }
                if (it->until > 0 && now_ns >= it->until)
                        drop(daemon, link);
                else
                        link = &it->next;
        }
}

void
sqi_copying_stop(struct sqi_daemon *daemon)
{
        for (struct sqi_copying *it = daemon->copyings; it; it = it->next)
                atomic_store_explicit(&it->stop, true, memory_order_relaxed);
}

void
sqi_copying_drop(struct sqi_daemon *daemon)
{
        sqi_copying_stop(daemon);
        while (daemon->copyings)
                drop(daemon, &daemon->copyings);
}
