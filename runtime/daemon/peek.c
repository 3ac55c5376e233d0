/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/peek.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/complain.h"
#include "daemon/tapping.h"
#include "viewer/viewer.h"

/* What a look asks of the tasks, a second; and how long after the last one it is over. */
enum { BYTES_S = 128 << 10, IDLE_S = 5, NAME_SIZE = 128 };

struct sqi_peek {
        struct sqi_peek *next;
        char rundir[SQI_RUNDIR_SIZE], component[SQI_ID_MAX + 1], stream[SQI_ID_MAX + 1]; /* stream "": all */
        struct sqi_viewer *viewer;
        uint64_t until_ns;
};

static void
drop(struct sqi_peek **link)
{
        struct sqi_peek *peek = *link;

        *link = peek->next;
        sqi_viewer_close(&peek->viewer);
        free(peek);
}

void
sqi_peek_sweep(struct sqi_daemon *daemon, uint64_t now_ns)
{
        struct sqi_peek **link = &daemon->peeks;

        while (*link)
                if ((*link)->until_ns <= now_ns)
                        drop(link);
                else
                        link = &(*link)->next;
}

static int
add(struct sqi_hosted *hosted, const char *component, const char *stream, struct sqi_peek **ret, char *error,
    size_t size)
{
        struct sqi_peek *peek = calloc(1, sizeof(*peek));
        const char *rundir = sqi_running_rundir(hosted->running);
        int r = peek ? sqi_viewer_open(rundir, component, stream[0] ? stream : NULL, &peek->viewer, error, size)
                     : sqi_complain(-ENOMEM, error, size, "out of memory");

        if (r < 0) {
                free(peek);
                return r == -EINVAL ? -ENOENT : r;
        }
        snprintf(peek->rundir, sizeof(peek->rundir), "%s", rundir);
        snprintf(peek->component, sizeof(peek->component), "%s", component);
        snprintf(peek->stream, sizeof(peek->stream), "%s", stream);
        peek->next = hosted->daemon->peeks;
        hosted->daemon->peeks = *ret = peek;
        return 0;
}

static int
find(struct sqi_hosted *hosted, const char *component, const char *stream, struct sqi_peek **ret, char *error,
     size_t size)
{
        const char *rundir = sqi_running_rundir(hosted->running);
        unsigned n = 0;

        for (struct sqi_peek *peek = hosted->daemon->peeks; peek; peek = peek->next, n++)
                if (strcmp(peek->rundir, rundir) == 0 && strcmp(peek->component, component) == 0 &&
                    strcmp(peek->stream, stream) == 0) {
                        *ret = peek;
                        return 0;
                }
        if (n >= SQI_PEEKS)
                return sqi_complain(-EBUSY, error, size, "%d components are looked at already (squall tap)", SQI_PEEKS);
        return add(hosted, component, stream, ret, error, size);
}

static void
write_tuples(struct sqi_peek *peek, struct sqi_writer *writer)
{
        struct sqi_viewed tuple;
        char task[NAME_SIZE];

        sqi_write_array(writer, "tuples");
        for (int n = 0; n < SQI_PEEK_TUPLES && sqi_viewer_next(peek->viewer, &tuple); n++) {
                sqi_write_map(writer, NULL);
                sqi_write_text(writer, "task",
                               sqi_task_name(sqi_viewer_plan(peek->viewer), tuple.task, task, sizeof(task)));
                sqi_write_text(writer, "stream", tuple.stream->id);
                sqi_viewed_write(&tuple, "tuple", writer);
                sqi_write_end(writer);
        }
        sqi_write_end(writer);
        sqi_viewer_skip(peek->viewer);
}

int
sqi_peek_write(struct sqi_hosted *hosted, const char *component, const char *stream, struct sqi_writer *writer,
               char *error, size_t size)
{
        const struct sqi_plan_component *tapped = sqi_plan_find(sqi_hosted_plan(hosted), component);
        uint64_t now_ns = sqi_clock_ns();
        struct sqi_peek *peek = NULL;
        int r;

        sqi_peek_sweep(hosted->daemon, now_ns);
        if (!tapped)
                return sqi_complain(-ENOENT, error, size, "the topology '%s' has no component '%s'",
                                    hosted->record.name, component);
        r = find(hosted, component, stream ? stream : "", &peek, error, size);
        if (r < 0)
                return r;
        peek->until_ns = now_ns + IDLE_S * SQI_SECOND;
        sqi_tapping_order(hosted, tapped, BYTES_S);
        sqi_write_map(writer, NULL);
        sqi_write_text(writer, "component", component);
        write_tuples(peek, writer);
        struct sqi_viewer_share share = sqi_viewer_share(peek->viewer);
        sqi_write_uint(writer, "seen", share.seen);
        sqi_write_uint(writer, "sent", share.sent);
        sqi_write_end(writer);
        return 0;
}
