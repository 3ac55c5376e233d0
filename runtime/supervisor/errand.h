/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work of a topology's owner that waits for the disk, beside the supervisor's loop, which goes on meanwhile: a thread
 * of its own does it. A topology has one at a time.
 *
 *  1. sqi_errand_begin() takes it over. True: it is done already, for no thread could be had.
 *  2. sqi_errand_settle(), in the loop. True: it is done now.
 *  3. sqi_errand_wait() ends it in any case: before what it works on goes away.
 *
 * When it is done its owner has been told, and *ret_result is what came of it: the lifecycle is told by the caller.
 */
#ifndef SQI_ERRAND_H
#define SQI_ERRAND_H

#include <pthread.h>
#include <stdbool.h>

struct sqi_running;
struct sqi_errand;

struct sqi_errands {
        struct sqi_errand *under_way; /* NULL: none */
        pthread_t thread;
        int done; /* an eventfd, while one is under way */
        int result;
};

bool sqi_errand_begin(struct sqi_running *running, struct sqi_errand *errand, int *ret_result);
bool sqi_errand_settle(struct sqi_running *running, int *ret_result);
void sqi_errand_wait(struct sqi_running *running);

#endif
