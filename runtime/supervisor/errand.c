/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/errand.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "supervisor/running.h"

static void *
run(void *context)
{
        struct sqi_errands *errands = context;
        const uint64_t one = 1;

        errands->result = errands->first->run(errands->first);
        (void)!write(errands->done, &one, sizeof(one));
        return NULL;
}

static bool
start_thread(struct sqi_running *running)
{
        struct sqi_errands *errands = &running->errands;

        errands->done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (errands->done < 0)
                return false;
        running->errand.running = running;
        running->errand.what = SQI_WATCH_ERRAND;
        if (sqi_watch(running->supervisor, errands->done, EPOLLIN, &running->errand) == 0 &&
            pthread_create(&errands->thread, NULL, run, errands) == 0)
                return true;
        close(errands->done);
        return false;
}

static void
start(struct sqi_running *running)
{
        struct sqi_errands *errands = &running->errands;

        errands->threaded = start_thread(running);
        if (errands->threaded)
                return;
        errands->result = errands->first->run(errands->first);
        running->touched = true; /* so that the loop settles it */
}

/* Its thread has nothing more to do than to end. */
static struct sqi_errand_end
end_first(struct sqi_errands *errands)
{
        struct sqi_errand *errand = errands->first;

        if (errands->threaded) {
                pthread_join(errands->thread, NULL);
                close(errands->done); /* also leaves the epoll set */
        }
        struct sqi_errand_end end = {errand->told, errands->result};
        errands->first = errand->next;
        errand->end(errand, end.result);
        return end;
}

void
sqi_errand_begin(struct sqi_running *running, struct sqi_errand *errand)
{
        struct sqi_errand **link = &running->errands.first;

        while (*link)
                link = &(*link)->next;
        errand->next = NULL;
        *link = errand;
        if (link == &running->errands.first)
                start(running);
}

bool
sqi_errand_settle(struct sqi_running *running, struct sqi_errand_end *ret)
{
        struct sqi_errands *errands = &running->errands;
        uint64_t news;

        if (!errands->first || (errands->threaded && read(errands->done, &news, sizeof(news)) != sizeof(news)))
                return false;
        *ret = end_first(errands);
        if (errands->first)
                start(running);
        return true;
}

void
sqi_errand_wait(struct sqi_running *running)
{
        struct sqi_errands *errands = &running->errands;

        while (errands->first) {
                (void)end_first(errands);
                if (!errands->first)
                        break;
                errands->threaded = false;
                errands->result = errands->first->run(errands->first);
        }
}
