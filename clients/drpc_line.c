/* SPDX-License-Identifier: Apache-2.0 */
#include "drpc_line.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

void
sqi_drpc_wake(int fd)
{
        (void)!write(fd, &(uint64_t){1}, sizeof(uint64_t)); /* it counts up to 2^64: it is awake anyway */
}

void
sqi_drpc_hush(int fd)
{
        uint64_t woken;

        (void)!read(fd, &woken, sizeof(woken));
}

int
sqi_drpc_line_open(struct sqi_drpc_line *line, uint64_t memory)
{
        *line = (struct sqi_drpc_line){.memory = memory};
        line->end = &line->first;
        line->failed_end = &line->failed;
        pthread_mutex_init(&line->lock, NULL);
        line->to_task = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        line->to_door = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        return line->to_task < 0 || line->to_door < 0 ? -1 : 0;
}

static void
free_fates(struct sqi_drpc_fate *fate)
{
        while (fate) {
                struct sqi_drpc_fate *next = fate->next;

                free(fate);
                fate = next;
        }
}

void
sqi_drpc_line_close(struct sqi_drpc_line *line)
{
        free_fates(line->failed);
        if (line->to_task >= 0)
                close(line->to_task);
        if (line->to_door >= 0)
                close(line->to_door);
        pthread_mutex_destroy(&line->lock);
}

static void
withdraw(struct sqi_drpc_line *line, struct sqi_drpc_waiting *waiting)
{
        *waiting->at = waiting->next;
        if (waiting->next)
                waiting->next->at = waiting->at;
        else
                line->end = waiting->at;
        waiting->asked->waiting = NULL;
        line->n--;
        line->bytes -= waiting->len;
}

/* ---- The door ---------------------------------------------------------------------------------------- */

static bool
put(struct sqi_drpc_line *line, struct sqi_drpc_waiting *waiting)
{
        bool fits;

        pthread_mutex_lock(&line->lock);
        fits = line->bytes + waiting->len <= line->memory;
        if (fits) {
                waiting->at = line->end;
                *line->end = waiting;
                line->end = &waiting->next;
                line->n++;
                line->bytes += waiting->len;
                line->counts.requests++;
                waiting->asked->waiting = waiting;
        }
        pthread_mutex_unlock(&line->lock);
        return fits;
}

bool
sqi_drpc_line_put(struct sqi_drpc_line *line, struct sqi_drpc_asked *asked, struct sq_str args)
{
        struct sqi_drpc_waiting *waiting = malloc(sizeof(*waiting) + args.len + 1);

        if (!waiting)
                return false;
        *waiting = (struct sqi_drpc_waiting){.asked = asked, .serial = asked->serial, .len = args.len};
        if (args.len)
                memcpy(waiting->args, args.ptr, args.len);
        if (!put(line, waiting)) {
                free(waiting);
                return false;
        }
        sqi_drpc_wake(line->to_task);
        return true;
}

bool
sqi_drpc_line_has(struct sqi_drpc_line *line, const struct sqi_drpc_asked *asked)
{
        bool has;

        pthread_mutex_lock(&line->lock);
        has = asked->waiting != NULL;
        pthread_mutex_unlock(&line->lock);
        return has;
}

void
sqi_drpc_line_end(struct sqi_drpc_line *line, const struct sqi_drpc_asked *asked, uint64_t *count)
{
        struct sqi_drpc_waiting *waiting;

        pthread_mutex_lock(&line->lock);
        waiting = asked->waiting;
        if (waiting)
                withdraw(line, waiting);
        ++*count;
        pthread_mutex_unlock(&line->lock);
        free(waiting);
}

struct sqi_drpc_fate *
sqi_drpc_line_failed(struct sqi_drpc_line *line)
{
        struct sqi_drpc_fate *first;

        pthread_mutex_lock(&line->lock);
        first = line->failed;
        line->failed = NULL;
        line->failed_end = &line->failed;
        pthread_mutex_unlock(&line->lock);
        return first;
}

void
sqi_drpc_line_count(struct sqi_drpc_line *line, uint64_t *count)
{
        pthread_mutex_lock(&line->lock);
        ++*count;
        pthread_mutex_unlock(&line->lock);
}

bool
sqi_drpc_line_is_shut(struct sqi_drpc_line *line)
{
        bool shut;

        pthread_mutex_lock(&line->lock);
        shut = line->shut;
        pthread_mutex_unlock(&line->lock);
        return shut;
}

struct sqi_drpc_asked *
sqi_drpc_line_send_back(struct sqi_drpc_line *line)
{
        struct sqi_drpc_asked *asked = NULL;
        struct sqi_drpc_waiting *waiting;

        pthread_mutex_lock(&line->lock);
        waiting = line->shut ? line->first : NULL;
        if (waiting) {
                asked = waiting->asked;
                withdraw(line, waiting);
        }
        pthread_mutex_unlock(&line->lock);
        free(waiting);
        return asked;
}

/* ---- The task ---------------------------------------------------------------------------------------- */

struct sqi_drpc_waiting *
sqi_drpc_line_take(struct sqi_drpc_line *line)
{
        struct sqi_drpc_waiting *waiting;

        pthread_mutex_lock(&line->lock);
        waiting = line->first;
        if (waiting)
                withdraw(line, waiting);
        pthread_mutex_unlock(&line->lock);
        return waiting;
}

/* Without memory for it, the request ends by its time-out. */
void
sqi_drpc_line_fail(struct sqi_drpc_line *line, uint64_t serial, const char *cause)
{
        struct sqi_drpc_fate *fate = malloc(sizeof(*fate) + strlen(cause) + 1);

        if (!fate)
                return;
        fate->next = NULL;
        fate->serial = serial;
        memcpy(fate->cause, cause, strlen(cause) + 1);
        pthread_mutex_lock(&line->lock);
        *line->failed_end = fate;
        line->failed_end = &fate->next;
        pthread_mutex_unlock(&line->lock);
        sqi_drpc_wake(line->to_door);
}

void
sqi_drpc_line_shut(struct sqi_drpc_line *line, bool shut)
{
        pthread_mutex_lock(&line->lock);
        line->shut = shut;
        pthread_mutex_unlock(&line->lock);
        if (shut)
                sqi_drpc_wake(line->to_door);
}

uint64_t
sqi_drpc_line_look(struct sqi_drpc_line *line, struct sqi_drpc_counts *ret)
{
        uint64_t n;

        pthread_mutex_lock(&line->lock);
        *ret = line->counts;
        n = line->n;
        pthread_mutex_unlock(&line->lock);
        return n;
}
