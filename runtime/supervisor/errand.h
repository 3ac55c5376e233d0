/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work of a topology's owner that waits for the disk, beside the supervisor's loop, which goes on meanwhile: a thread
 * of its own does it. A topology has one at a time; the next ones wait for it, in order.
 *
 *  1. sqi_errand_begin() takes it over. Where no thread can be had it is done at once, and settled like any other.
 *  2. sqi_errand_settle(), in the loop, until it is false. True: one is done now, and the next is begun.
 *  3. sqi_errand_wait() ends all in any case: before what they work on goes away. The lifecycle does not hear of them.
 *
 * When one is done its owner has been told. `ret` is what came of it: the lifecycle is told by the caller.
 */
#ifndef SQI_ERRAND_H
#define SQI_ERRAND_H

#include <pthread.h>
#include <stdbool.h>

struct sqi_running;
struct sqi_errand;

struct sqi_errands {
        struct sqi_errand *first; /* the one under way; NULL: none */
        bool threaded;            /* that is in `thread`; else it is done, without one */
        pthread_t thread;
        int done; /* an eventfd, while there is a thread */
        int result;
};

struct sqi_errand_end {
        int told; /* see struct sqi_errand */
        int result;
};

void sqi_errand_begin(struct sqi_running *running, struct sqi_errand *errand);
bool sqi_errand_settle(struct sqi_running *running, struct sqi_errand_end *ret);
void sqi_errand_wait(struct sqi_running *running);

#endif
