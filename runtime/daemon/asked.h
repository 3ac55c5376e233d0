/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands that change something, by whichever front they came: they wait for the desk, and are answered in the order
 * in which they came.
 */
#ifndef SQI_ASKED_H
#define SQI_ASKED_H

#include <stdbool.h>

struct sqi_daemon;

/* The head of one; malloc'd with what it is about behind it. */
struct sqi_asked {
        struct sqi_asked *next;
        void (*answer)(struct sqi_daemon *daemon, const struct sqi_asked *asked);
};

/* Takes it over. */
void sqi_asked_add(struct sqi_daemon *daemon, struct sqi_asked *asked);
/* At the desk: answers the first one. False: there is none. */
bool sqi_asked_answer(struct sqi_daemon *daemon);
/* All that wait are never answered. */
void sqi_asked_drop(struct sqi_daemon *daemon);

#endif
