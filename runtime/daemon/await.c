/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/await.h"

#include <stdio.h>
#include <string.h>

#include "daemon/hosted.h"
#include "daemon/saving.h"
#include "daemon/waiters.h"

static bool
is_same(const struct sqi_hosted *hosted, const char *serial)
{
        return hosted && strcmp(hosted->record.serial, serial) == 0;
}

static const char *
undone(const struct sqi_daemon *daemon, const char *serial)
{
        for (unsigned i = 0; i < SQI_UNDONE; i++)
                if (strcmp(daemon->undone[i].serial, serial) == 0)
                        return daemon->undone[i].cause;
        return "";
}

void
sqi_await_note_undone(const struct sqi_hosted *hosted)
{
        struct sqi_daemon *daemon = hosted->daemon;
        struct sqi_undone *note = &daemon->undone[daemon->nundone % SQI_UNDONE];
        char cause[SQI_RECORD_CAUSE];

        if (!hosted->running || hosted->record.wish != SQI_WISH_KILLED ||
            sqi_running_lifecycle(hosted->running)->outcome != SQI_OUTCOME_FAILED)
                return;
        sqi_hosted_cause(hosted, cause, sizeof(cause));
        snprintf(note->serial, sizeof(note->serial), "%s", hosted->record.serial);
        snprintf(note->cause, sizeof(note->cause), "'%s' has ended, but not all of it was done: %.*s (squall logs %s)",
                 hosted->record.name, SQI_RECORD_CAUSE - 256, cause, hosted->record.name);
        daemon->nundone++;
}

/* Has it come to pass? PENDING: not yet, or what is half done is not to be judged: what is killed goes from the disk
 * before whoever waits for that hears of it. */
static enum sqi_status
look(struct sqi_daemon *daemon, const struct sqi_waiter *waiter, char *error, size_t size)
{
        const struct sqi_hosted *hosted = sqi_daemon_find(daemon, (struct sq_str){waiter->name, strlen(waiter->name)});

        if (waiter->until == SQI_UNTIL_ANSWERED || waiter->until == SQI_UNTIL_COPIED || sqi_desk_is_busy(daemon->desk))
                return SQI_STATUS_PENDING;
        if (waiter->until == SQI_UNTIL_SAVED)
                return sqi_saving_look(daemon, hosted, waiter->serial, error, size);
        if (waiter->until == SQI_UNTIL_SETTLED && hosted && hosted->updating)
                return SQI_STATUS_PENDING;
        if (!is_same(hosted, waiter->serial)) {
                if (hosted && waiter->until == SQI_UNTIL_SETTLED && hosted->record.cause[0])
                        snprintf(error, size, "%s", hosted->record.cause);
                else
                        snprintf(error, size, "the topology '%s' was killed, or updated once more", waiter->name);
                if (waiter->until != SQI_UNTIL_GONE)
                        return SQI_STATUS_FAILED;
                snprintf(error, size, "%s", undone(daemon, waiter->serial));
                return error[0] ? SQI_STATUS_FAILED : SQI_STATUS_DONE;
        }
        if (waiter->until == SQI_UNTIL_GONE)
                return SQI_STATUS_PENDING;
        if (hosted->record.outcome == SQI_OUTCOME_FAILED) { /* `trouble`: and cannot be rolled back */
                snprintf(error, size, "%s", hosted->retry_at ? hosted->trouble : hosted->record.cause);
                return SQI_STATUS_FAILED;
        }
        if (waiter->until == SQI_UNTIL_SETTLED && hosted->record.trial && hosted->record.outcome == SQI_OUTCOME_NONE)
                return SQI_STATUS_PENDING;
        if (hosted->record.outcome != SQI_OUTCOME_NONE ||
            (hosted->running && sqi_running_lifecycle(hosted->running)->has_run))
                return SQI_STATUS_DONE;
        return SQI_STATUS_PENDING;
}

void
sqi_await_look(struct sqi_daemon *daemon, uint64_t now)
{
        struct sqi_waiter **link = &daemon->waiters;

        while (*link) {
                char error[SQI_RECORD_CAUSE] = "";
                enum sqi_status status = look(daemon, *link, error, sizeof(error));

                if (status == SQI_STATUS_PENDING && now < (*link)->due)
                        link = &(*link)->next;
                else
                        sqi_waiters_reply(daemon, link, status,
                                          (struct sq_str){error, status == SQI_STATUS_FAILED ? strlen(error) : 0});
        }
}

uint64_t
sqi_await_due(const struct sqi_daemon *daemon)
{
        uint64_t due = SQI_NEVER;

        for (const struct sqi_waiter *waiter = daemon->waiters; waiter; waiter = waiter->next)
                if (waiter->due < due)
                        due = waiter->due;
        return due;
}

void
sqi_await(struct sqi_daemon *daemon, const struct sqi_request *request, struct sqi_result *result)
{
        char name[SQI_ID_MAX + 1], serial[SQI_SERIAL_SIZE], until[8] = "";
        static const char *const names[] = {[SQI_UNTIL_RUNNING] = "running",
                                            [SQI_UNTIL_GONE] = "gone",
                                            [SQI_UNTIL_SETTLED] = "settled",
                                            [SQI_UNTIL_SAVED] = "saved"};
        struct sqi_waiter *waiter;
        unsigned i = 0;

        if (!sqi_argument_copy(request->name, name, sizeof(name)) ||
            !sqi_argument_copy(request->serial, serial, sizeof(serial)) ||
            !sqi_argument_copy(request->until, until, sizeof(until))) {
                sqi_refuse(result, SQI_STATUS_REFUSED, "a wait for what?");
                return;
        }
        while (i < SQI_UNTIL_SAVED && strcmp(until, names[i]) != 0)
                i++;
        waiter = sqi_waiters_add(daemon, request, (enum sqi_until)i, result);
        if (!waiter)
                return;
        memcpy(waiter->name, name, sizeof(name));
        memcpy(waiter->serial, serial, sizeof(serial));
}
