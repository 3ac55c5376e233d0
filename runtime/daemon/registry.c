/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/registry.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

enum { TEXT_SIZE = 2048 };

void
sqi_daemon_report(struct sqi_daemon *daemon, enum sq_level level, const char *topology, const char *event,
                  const char *text)
{
        if (event)
                sqi_events_add(&daemon->events, topology, event, level, text);
        if (daemon->options.tell)
                daemon->options.tell(daemon->options.context, level, topology, text);
}

void
sqi_daemon_tell(struct sqi_daemon *daemon, enum sq_level level, const char *topology, const char *format, ...)
{
        char text[TEXT_SIZE];
        va_list args;

        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        sqi_daemon_report(daemon, level, topology, "told", text);
}

struct sqi_hosted *
sqi_daemon_find(struct sqi_daemon *daemon, struct sq_str name)
{
        for (struct sqi_hosted *hosted = daemon->first; hosted; hosted = hosted->next)
                if (!hosted->discarded && strlen(hosted->record.name) == name.len &&
                    memcmp(hosted->record.name, name.ptr, name.len) == 0)
                        return hosted;
        return NULL;
}

const char *
sqi_daemon_rundir_prefix(const struct sqi_daemon *daemon, char ret[SQI_PREFIX_SIZE])
{
        snprintf(ret, SQI_PREFIX_SIZE, "top-%08x-",
                 (unsigned)XXH3_64bits(daemon->state.path, strlen(daemon->state.path)));
        return ret;
}

const char *
sqi_daemon_spare_prefix(const struct sqi_daemon *daemon, char ret[SQI_PREFIX_SIZE])
{
        sqi_daemon_rundir_prefix(daemon, ret);
        ret[0] = 's', ret[1] = 'n', ret[2] = 'p'; /* in place of "top" */
        return ret;
}

const char *
sqi_daemon_rundir(const struct sqi_daemon *daemon, const char *serial, char ret[SQI_RUNDIR_SIZE])
{
        char prefix[SQI_PREFIX_SIZE];
        int n = snprintf(ret, SQI_RUNDIR_SIZE, "%s/%s%s", daemon->base, sqi_daemon_rundir_prefix(daemon, prefix),
                         serial);

        return n < SQI_RUNDIR_SIZE ? ret : "";
}

const char *
sqi_daemon_spare(const struct sqi_daemon *daemon, const char *line, char ret[PATH_MAX])
{
        char prefix[SQI_PREFIX_SIZE];

        snprintf(ret, PATH_MAX, "%s/%s%s", daemon->base, sqi_daemon_spare_prefix(daemon, prefix), line);
        return ret;
}

void
sqi_daemon_snapshots(const struct sqi_daemon *daemon, const struct sqi_record *record, struct sqi_snapshots *ret)
{
        char line[SQI_LINE_FOLDER];

        sqi_state_snapshots(&daemon->state, record, ret->durable);
        sqi_daemon_spare(daemon, sqi_state_line(record, line), ret->spare);
}

void
sqi_daemon_remove_snapshots(const struct sqi_daemon *daemon, const struct sqi_snapshots *snapshots)
{
        sqi_desk_aside(daemon->desk);
        sqi_snapshots_remove(snapshots);
        sqi_desk_back(daemon->desk);
}

void
sqi_hosted_snapshots(const struct sqi_hosted *hosted, struct sqi_snapshots *ret)
{
        const char *place = hosted->running ? sqi_running_place(hosted->running) : NULL;

        if (hosted->daemon->state.path[0]) {
                sqi_daemon_snapshots(hosted->daemon, &hosted->record, ret);
                return;
        }
        snprintf(ret->durable, sizeof(ret->durable), "%s", place ? place : "");
        ret->spare[0] = '\0';
}
