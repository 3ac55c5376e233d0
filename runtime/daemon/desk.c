/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/desk.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum phase {
        IDLE,
        WORKS, /* and the loop waits */
        ASIDE, /* it waits for the disk, and the loop goes on */
        READY, /* it waits for the loop */
        LEAVES /* is told to end */
};

struct sqi_desk {
        void (*work)(void *context);
        void *context;
        pthread_t thread;
        int done; /* an eventfd: it is READY */
        pthread_mutex_t lock;
        pthread_cond_t changed;
        enum phase phase;
};

/* ---- The desk ---------------------------------------------------------------------------------------- */

static void
set(struct sqi_desk *desk, enum phase phase)
{
        desk->phase = phase;
        pthread_cond_broadcast(&desk->changed);
}

static void *
run(void *context)
{
        struct sqi_desk *desk = context;

        pthread_mutex_lock(&desk->lock);
        while (desk->phase != LEAVES) {
                if (desk->phase != WORKS) {
                        pthread_cond_wait(&desk->changed, &desk->lock);
                        continue;
                }
                pthread_mutex_unlock(&desk->lock);
                desk->work(desk->context);
                pthread_mutex_lock(&desk->lock);
                set(desk, IDLE);
        }
        pthread_mutex_unlock(&desk->lock);
        return NULL;
}

static bool
is_at(const struct sqi_desk *desk)
{
        return desk && pthread_equal(desk->thread, pthread_self());
}

void
sqi_desk_aside(struct sqi_desk *desk)
{
        if (!is_at(desk))
                return;
        pthread_mutex_lock(&desk->lock);
        set(desk, ASIDE);
        pthread_mutex_unlock(&desk->lock);
}

void
sqi_desk_back(struct sqi_desk *desk)
{
        const uint64_t one = 1;
        int saved = errno;

        if (!is_at(desk))
                return;
        pthread_mutex_lock(&desk->lock);
        set(desk, READY);
        (void)!write(desk->done, &one, sizeof(one));
        while (desk->phase != WORKS)
                pthread_cond_wait(&desk->changed, &desk->lock);
        pthread_mutex_unlock(&desk->lock);
        errno = saved;
}

/* ---- The loop ---------------------------------------------------------------------------------------- */

/* Until it is idle, or aside. */
static void
let_it_work(struct sqi_desk *desk)
{
        set(desk, WORKS);
        while (desk->phase == WORKS)
                pthread_cond_wait(&desk->changed, &desk->lock);
}

bool
sqi_desk_is_busy(struct sqi_desk *desk)
{
        bool busy;

        if (!desk)
                return false;
        pthread_mutex_lock(&desk->lock);
        busy = desk->phase != IDLE;
        pthread_mutex_unlock(&desk->lock);
        return busy;
}

void
sqi_desk_begin(struct sqi_desk *desk)
{
        pthread_mutex_lock(&desk->lock);
        let_it_work(desk);
        pthread_mutex_unlock(&desk->lock);
}

void
sqi_desk_go_on(struct sqi_desk *desk)
{
        uint64_t news;

        pthread_mutex_lock(&desk->lock);
        if (desk->phase == READY) {
                (void)!read(desk->done, &news, sizeof(news));
                let_it_work(desk);
        }
        pthread_mutex_unlock(&desk->lock);
}

int
sqi_desk_fd(const struct sqi_desk *desk)
{
        return desk->done;
}

int
sqi_desk_open(void (*work)(void *context), void *context, struct sqi_desk **ret)
{
        struct sqi_desk *desk = calloc(1, sizeof(*desk));
        int r;

        if (!desk)
                return -ENOMEM;
        desk->work = work;
        desk->context = context;
        desk->done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        r = desk->done < 0 ? -errno : 0;
        pthread_mutex_init(&desk->lock, NULL);
        pthread_cond_init(&desk->changed, NULL);
        if (r == 0)
                r = -pthread_create(&desk->thread, NULL, run, desk);
        if (r == 0) {
                *ret = desk;
                return 0;
        }
        if (desk->done >= 0)
                close(desk->done);
        free(desk);
        return r;
}

void
sqi_desk_close(struct sqi_desk **desk)
{
        struct sqi_desk *it = *desk;

        if (!it)
                return;
        pthread_mutex_lock(&it->lock);
        while (it->phase != IDLE)
                if (it->phase == READY)
                        let_it_work(it);
                else
                        pthread_cond_wait(&it->changed, &it->lock);
        set(it, LEAVES);
        pthread_mutex_unlock(&it->lock);
        pthread_join(it->thread, NULL);
        pthread_mutex_destroy(&it->lock);
        pthread_cond_destroy(&it->changed);
        close(it->done);
        free(it);
        *desk = NULL;
}
