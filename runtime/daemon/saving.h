/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A savepoint under way: an update of a topology to the plan that it has. All its workers stay; what the hand-over
 * seals is kept as a savepoint before the plans change places. One that ends its topology stops there: what it emits
 * after the savepoint would come a second time when it begins from it.
 *
 *     WAITS --sqi_saving_write()--> WRITES --the disk has it, or cannot--> WRITTEN --sqi_saving_take()--> over
 *
 * What it is made of is opened in WRITES, which takes no time, and the topology goes on: the savepoint is made beside
 * it (exporting.h), for it may be gigabytes for another file system. Only one that ends its topology is made in WRITES:
 * meanwhile the topology is over, and neither freed nor begun again; who kills it, or ends the supervisor, is waited
 * with until it is written.
 *
 * How it went is remembered for whoever waits, by the serial that the update got; a supervisor that died over it leaves
 * the topology as it was, and the savepoint whole or not there.
 */
#ifndef SQI_SAVING_H
#define SQI_SAVING_H

#include "daemon/registry.h"

/* 0 or -ENOMEM. */
int sqi_saving_begin(struct sqi_hosted *hosted, const char *path, bool ends);
/* The update that does it is this one. */
void sqi_saving_about(struct sqi_hosted *hosted, const char *serial);
/* The snapshot is sealed: begins to write it. */
void sqi_saving_write(struct sqi_hosted *hosted);
/* From then on, until sqi_saving_take(). */
bool sqi_saving_is_under_way(const struct sqi_hosted *hosted);
/* It is written, or held so that it will be, or cannot be: sqi_saving_take(). */
bool sqi_saving_is_written(const struct sqi_hosted *hosted);
/* It is not wanted any more, and soon written, as one that failed; nothing happens if none is being written. */
void sqi_saving_stop(struct sqi_hosted *hosted);
/* Says how it went. True: that was all, and the topology is to end. */
bool sqi_saving_take(struct sqi_hosted *hosted);
/* Frees it, unsaid. */
void sqi_saving_drop(struct sqi_hosted *hosted);
/* It does not come to anything; nothing happens if none is under way. */
void sqi_saving_fail(struct sqi_hosted *hosted, const char *cause);

/* DONE: it is made, and the topology goes on, so that it can be changed at once. PENDING, or FAILED with the cause. */
enum sqi_status sqi_saving_look(const struct sqi_daemon *daemon, const struct sqi_hosted *hosted, const char *serial,
                                char *error, size_t size);

#endif
