/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work of a topology's owner that waits for the disk, beside the supervisor's loop, which goes on meanwhile: a thread of
 * its own does it. A topology has one at a time.
 *
 *  1. sqi_errand_begin() takes it over. Where no thread can be had it is done at once.
 *  2. sqi_errand_settle(), in the loop: when it is done, its end is told, to the owner and to the lifecycle.
 *  3. sqi_errand_wait() ends it in any case: before what it works on goes away.
 */
#ifndef SQI_ERRAND_H
#define SQI_ERRAND_H

#include <pthread.h>

struct sqi_running;
struct sqi_errand;

struct sqi_errands {
        struct sqi_errand *under_way; /* NULL: none */
        pthread_t thread;
        int done; /* an eventfd, while one is under way */
        int result;
};

void sqi_errand_begin(struct sqi_running *running, struct sqi_errand *errand);
void sqi_errand_settle(struct sqi_running *running);
void sqi_errand_wait(struct sqi_running *running);

#endif
