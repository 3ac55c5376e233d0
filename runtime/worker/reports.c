/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker reports to its supervisor: that it lives, what its tasks have counted, what stands still or grows too
 * large. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "worker/internal.h"
#include "worker/limit.h"

/* A task whose loop stands still as long is told of. */
static const uint64_t BLOCKED_NS = 5000000000;

void
sqi_worker_report(struct sqi_worker *worker, struct sqi_message message)
{
        void *bytes;
        size_t size;

        message.worker = worker->id;
        message.incarnation = worker->incarnation;
        if (sqi_message_encode(&message, &bytes, &size) < 0) {
                if (message.type == SQI_MSG_HEARTBEAT || message.type == SQI_MSG_METRICS)
                        return; /* the next one will do */
                /* Anything else would be waited for, for ever. */
                fprintf(stderr, "error: no memory for a report to the supervisor\n");
                _exit(EXIT_FAILURE);
        }
        zmq_send(worker->reports, bytes, size, ZMQ_DONTWAIT);
        free(bytes);
}

/* The supervisor ends a task that stands still for supervisor.worker.timeout.secs; its owner should hear of it
 * before. */
static uint64_t
blocked_after_ns(const struct sqi_worker *worker)
{
        double half = worker->plan->config.worker_timeout / 2 * 1e9;

        return half > 0 && half < (double)BLOCKED_NS ? (uint64_t)half : BLOCKED_NS;
}

static void
watch_for_blocks(struct sqi_worker *worker, struct sqi_member *member, uint64_t now_ns)
{
        uint64_t life = sqi_metrics_life(member->metrics);
        char name[128];

        if (life != member->life || !member->life_ns) {
                member->life = life;
                member->life_ns = now_ns;
                member->told = false;
        } else if (!member->told && now_ns - member->life_ns >= blocked_after_ns(worker)) {
                member->told = true;
                fprintf(stderr,
                        "warning: %s has not come back from a callback for %.3g s (it blocks, or waits for a server that does not answer; it is killed after "
                        "supervisor.worker.timeout.secs, %g, in prepare after supervisor.worker.start.timeout.secs, %g)\n",
                        sqi_task_name(worker->plan, member->id, name, sizeof(name)),
                        (double)blocked_after_ns(worker) / 1e9, worker->plan->config.worker_timeout,
                        worker->plan->config.start_timeout);
        }
}

static void
check_memory(struct sqi_worker *worker)
{
        char text[160];

        if (worker->nmembers == 0)
                return;
        if (!sqi_limit_leaves_room())
                snprintf(text, sizeof(text), "the worker has no memory left (a limit on it, or the machine's)");
        else if (!sqi_limit_is_exceeded(&worker->plan->config, text, sizeof(text)))
                return;
        sqi_worker_report(worker, (struct sqi_message){.type = SQI_MSG_ERROR,
                                                       .task = worker->members[0]->id,
                                                       .text = {text, strlen(text)}});
        worker->failed = true;
}

static bool
has_news(struct sqi_worker *worker)
{
        bool any = false;

        for (uint32_t i = 0; i < worker->nmembers; i++) {
                uint64_t news = sqi_metrics_news(worker->members[i]->metrics);

                any |= news != worker->members[i]->news;
                worker->members[i]->news = news;
        }
        return any;
}

void
sqi_worker_beat(struct sqi_worker *worker, uint64_t now_ns)
{
        if (now_ns < worker->next_beat_ns || worker->orphaned)
                return;
        worker->next_beat_ns = now_ns + worker->pause_ns;
        worker->pause_ns = worker->pause_ns * 2 < worker->beat_ns ? worker->pause_ns * 2 : worker->beat_ns;
        check_memory(worker);
        for (uint32_t i = 0; i < worker->nmembers; i++)
                watch_for_blocks(worker, worker->members[i], now_ns);
        if (!has_news(worker) && worker->told_ns && now_ns < worker->told_ns + worker->quiet_ns)
                return;
        worker->told_ns = now_ns;
        sqi_worker_report(worker, (struct sqi_message){.type = SQI_MSG_HEARTBEAT});
        for (uint32_t i = 0; i < worker->nmembers && worker->plan->config.metrics != SQI_METRICS_OFF; i++)
                sqi_worker_report(worker, (struct sqi_message){.type = SQI_MSG_METRICS,
                                                               .task = worker->members[i]->id,
                                                               .metrics = worker->members[i]->metrics});
}
