/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the daemon decides what it writes down. A decision is plain code, one step after the other, with what waits for
 * the disk in its midst; so it has a thread of its own, the desk, which never runs beside the loop but while it waits:
 *
 *     loop   ... serves | begin    | serves, answers, polls ...   | go_on      | serves ...
 *     desk              | decides, | aside: writes, syncs  back,  | goes on    |
 *                                                         fd
 *
 *  1. sqi_desk_begin(): the loop stands still, and `work` is called, until that has returned or stands aside.
 *  2. sqi_desk_aside() ... sqi_desk_back(), in `work`, around what waits for the disk. In between the loop goes on, and
 *     nothing is touched but what the loop leaves alone; behind it the loop may have changed what is its own.
 *  3. sqi_desk_fd() is readable: the disk has done it. sqi_desk_go_on() lets `work` go on, as sqi_desk_begin().
 *  4. sqi_desk_close(): what is under way comes to its end first, and the disk is waited for.
 *
 * So there is one order of all that is written, and that is the order of the code. But for aside and back all is called
 * by the loop.
 */
#ifndef SQI_DESK_H
#define SQI_DESK_H

#include <stdbool.h>

struct sqi_desk;

/* 0 or a negative errno. */
int sqi_desk_open(void (*work)(void *context), void *context, struct sqi_desk **ret);
void sqi_desk_close(struct sqi_desk **desk);
int sqi_desk_fd(const struct sqi_desk *desk);
/* `work` has begun, and not returned. NULL: false. */
bool sqi_desk_is_busy(struct sqi_desk *desk);
void sqi_desk_begin(struct sqi_desk *desk); /* it is not busy */
/* If the disk has done what `work` waits for; else nothing happens. */
void sqi_desk_go_on(struct sqi_desk *desk);

/* By whom else than `work` they are called, and with NULL, nothing happens: he waits. Neither changes errno. */
void sqi_desk_aside(struct sqi_desk *desk);
void sqi_desk_back(struct sqi_desk *desk);

#endif
