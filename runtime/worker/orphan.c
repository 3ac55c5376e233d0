/* SPDX-License-Identifier: Apache-2.0 */
/* A worker without a supervisor: it goes on until the next one adopts it, drains alone when none comes, and ends. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "control/lease.h"
#include "worker/internal.h"

enum { OUTPUT_KEPT = 32768 }; /* of the output for the next one */

static void
tell_snapshot(struct sqi_worker *worker, const struct sqi_member *member)
{
        struct sqi_message again = member->snapshot;

        if (again.type != SQI_MSG_SNAPSHOT)
                return;
        if (member->snapshot_failed)
                again.text = (struct sq_str){"it could not be written", 23};
        sqi_worker_report(worker, again);
}

static void
tell_state(struct sqi_worker *worker)
{
        for (uint32_t i = 0; i < worker->nmembers; i++) {
                const struct sqi_member *member = worker->members[i];
                uint64_t state = (worker->started && !worker->forsaken ? SQI_TASK_STARTED : 0u) |
                                 (member->settled ? SQI_TASK_SETTLED : 0u) |
                                 (member->finished ? SQI_TASK_FINISHED : 0u) |
                                 (worker->draining ? SQI_TASK_DRAINING : 0u) |
                                 (worker->handing_over ? SQI_TASK_HANDOVER : 0u);

                tell_snapshot(worker, member);
                if (member->position.known)
                        sqi_worker_report(worker, (struct sqi_message){.type = SQI_MSG_POSITION,
                                                                       .task = member->id,
                                                                       .number = member->position.number,
                                                                       .text = sqi_position_note(&member->position)});
                /* last: the supervisor acts on it */
                sqi_worker_report(worker,
                                  (struct sqi_message){.type = SQI_MSG_STATE, .task = member->id, .number = state});
        }
}

void
sqi_orphan_adopted(struct sqi_worker *worker, pid_t supervisor)
{
        int pidfd = (int)syscall(SYS_pidfd_open, supervisor, 0);

        if (pidfd < 0)
                return; /* it has died too */
        fcntl(pidfd, F_SETFD, FD_CLOEXEC);
        close(worker->pidfd);
        worker->pidfd = pidfd;
        worker->supervisor = supervisor;
        worker->orphaned = false;
        worker->next_beat_ns = worker->told_ns = 0;
        tell_state(worker);
}

/* Makes room in a FIFO that nobody reads. */
static void
drop_output(void)
{
        char bytes[OUTPUT_KEPT / 2];
        int waiting = 0;

        if (ioctl(STDERR_FILENO, FIONREAD, &waiting) < 0 || waiting < OUTPUT_KEPT)
                return;
        if (read(STDERR_FILENO, bytes, sizeof(bytes)) < 0)
                return; /* it was no FIFO of ours */
}

static bool
has_finished(const struct sqi_worker *worker)
{
        for (uint32_t i = 0; i < worker->nmembers; i++)
                if (!worker->members[i]->finished)
                        return false;
        return true;
}

/* Tells all tasks to drain, as the supervisor would. */
static void
drain_alone(struct sqi_worker *worker)
{
        void *bytes;
        size_t size;

        worker->forsaken = true;
        if (sqi_message_encode(&(struct sqi_message){.type = SQI_MSG_DRAIN}, &bytes, &size) < 0)
                return;
        for (uint32_t i = 0; i < worker->nmembers; i++)
                zmq_send(worker->members[i]->control, bytes, size, ZMQ_DONTWAIT);
        free(bytes);
}

/* No supervisor: false when it is time to end. */
bool
sqi_orphan_go_on(struct sqi_worker *worker, uint64_t now_ns)
{
        double alone = (double)(now_ns - worker->orphaned_ns) / 1e9, patience = worker->plan->config.adopt_timeout;

        if (!worker->adoptable || !worker->started)
                return false;
        if (worker->stays && has_finished(worker) && access(worker->rundir, F_OK) < 0)
                return false; /* between two plans, and the order to move is lost: nobody would find it */
        drop_output();
        if (!worker->forsaken && alone >= patience)
                drain_alone(worker);
        return !worker->forsaken || (!has_finished(worker) && alone < patience + worker->plan->config.message_timeout);
}

/* The supervisor would have removed the run directory. Whoever is last does: as long as there is one that may still
 * write, the next supervisor has to find it by its lease. */
void
sqi_orphan_remove_rundir(const struct sqi_worker *worker)
{
        const struct dirent *entry;

        if (sqi_leases_held(worker->rundir, worker->id))
                return;
        DIR *directory = opendir(worker->rundir);

        while (directory && (entry = readdir(directory)))
                unlinkat(dirfd(directory), entry->d_name, 0);
        if (directory)
                closedir(directory);
        rmdir(worker->rundir);
}
