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

        errands->result = errands->under_way->run(errands->under_way);
        (void)!write(errands->done, &one, sizeof(one));
        return NULL;
}

/* Its result; the thread has nothing more to do than to end. */
static int
join(struct sqi_errands *errands)
{
        struct sqi_errand *errand = errands->under_way;

        pthread_join(errands->thread, NULL);
        close(errands->done); /* also leaves the epoll set */
        errands->under_way = NULL;
        errand->end(errand, errands->result);
        return errands->result;
}

static bool
start(struct sqi_running *running, struct sqi_errand *errand)
{
        struct sqi_errands *errands = &running->errands;

        errands->done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (errands->done < 0)
                return false;
        errands->under_way = errand;
        running->errand.running = running;
        running->errand.what = SQI_WATCH_ERRAND;
        if (sqi_watch(running->supervisor, errands->done, EPOLLIN, &running->errand) == 0 &&
            pthread_create(&errands->thread, NULL, run, errands) == 0)
                return true;
        close(errands->done);
        errands->under_way = NULL;
        return false;
}

bool
sqi_errand_begin(struct sqi_running *running, struct sqi_errand *errand, int *ret_result)
{
        if (start(running, errand))
                return false;
        *ret_result = errand->run(errand);
        errand->end(errand, *ret_result);
        return true;
}

bool
sqi_errand_settle(struct sqi_running *running, int *ret_result)
{
        struct sqi_errands *errands = &running->errands;
        uint64_t news;

        if (!errands->under_way || read(errands->done, &news, sizeof(news)) != sizeof(news))
                return false;
        *ret_result = join(errands);
        return true;
}

void
sqi_errand_wait(struct sqi_running *running)
{
        if (running->errands.under_way)
                (void)join(&running->errands);
}
