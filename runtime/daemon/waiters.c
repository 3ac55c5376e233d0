/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/waiters.h"

#include <stdlib.h>
#include <string.h>

struct sqi_waiter *
sqi_waiters_add(struct sqi_daemon *daemon, const struct sqi_request *request, enum sqi_until until,
                struct sqi_result *result)
{
        struct sqi_waiter *waiter = calloc(1, sizeof(*waiter));

        if (!waiter) {
                sqi_refuse(result, SQI_STATUS_REFUSED, "out of memory");
                return NULL;
        }
        memcpy(waiter->id, request->id, SQI_REQUEST_ID);
        waiter->until = until;
        waiter->due = sqi_clock_ns() + SQI_SECOND;
        waiter->next = daemon->waiters;
        daemon->waiters = waiter;
        result->later = true;
        return waiter;
}

void
sqi_waiters_reply(struct sqi_daemon *daemon, struct sqi_waiter **link, enum sqi_status status, struct sq_str text)
{
        struct sqi_waiter *waiter = *link;
        struct sqi_reply reply = {.status = status};

        *link = waiter->next;
        memcpy(reply.id, waiter->id, SQI_REQUEST_ID);
        if (status == SQI_STATUS_FAILED)
                reply.error = text;
        else if (status == SQI_STATUS_DONE)
                reply.result = text;
        if (waiter->take)
                waiter->take(daemon, waiter->context, status, text);
        else
                (void)sqi_server_reply(&daemon->server, &waiter->caller, &reply);
        free(waiter);
}

void
sqi_waiters_drop(struct sqi_daemon *daemon)
{
        static const char text[] = "the supervisor ends";

        while (daemon->waiters)
                sqi_waiters_reply(daemon, &daemon->waiters, SQI_STATUS_FAILED, (struct sq_str){text, sizeof(text) - 1});
}

void
sqi_waiters_answer(struct sqi_daemon *daemon, uint64_t number, struct sq_str answer)
{
        struct sqi_waiter **link = &daemon->waiters;
        struct sq_value value;

        while (*link && ((*link)->until != SQI_UNTIL_ANSWERED || (*link)->number != number))
                link = &(*link)->next;
        if (*link && sq_unpack(answer, &value)) /* else it comes too late, or from somebody else */
                sqi_waiters_reply(daemon, link, SQI_STATUS_DONE, answer);
}
