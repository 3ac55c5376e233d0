/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An update: a topology goes on with another plan, from where its spouts are.
 *
 *     begin   the new version is written beside the old one (.next-NAME); the old one drains
 *     swap    it has ended: its positions go to the new one's spouts, the two change places, the new one starts, on
 *             trial
 *     keep    it has run for TRIAL without a component that keeps crashing: what is at .next-NAME goes
 *     back    it did not come up, or keeps crashing: its record says so, the two change places again, the old one goes
 *             on
 *
 * Where it is can be told from the records at NAME and .next-NAME at any instant, so a supervisor that starts goes on
 * with it:
 *
 *     NAME        .next-NAME
 *     old         trial                  begin: drain the old one
 *     trial       old                    swapped
 *     trial       old, and NAME failed   back, not changed yet
 *     old or new  none, or one that failed, or neither is on trial: over; .next-NAME goes
 *
 * The workers of components that are the same in both plans stay (plan/stay.h): when the old plan has ended they are
 * quiet, and when the new one starts they move over (task/handover.h) instead of being spawned. The others are other
 * processes. The new plan begins from the snapshot that the old one ends with (snapshots.h), and so does the old one
 * again, should the new one be rolled back; a worker that stays needs it only if it does not live to move, as when this
 * supervisor is killed in between. Anything else that bolts had in memory goes on where they stay, and is gone where
 * they do not.
 */
#ifndef SQI_UPDATE_H
#define SQI_UPDATE_H

#include "daemon/hosted.h"
#include "daemon/result.h"

void sqi_update_load(struct sqi_hosted *hosted); /* at the start of the daemon: was there one under way? */
void sqi_update_begin(struct sqi_hosted *hosted, const struct sqi_request *request, struct sqi_plan *plan,
                      struct sqi_result *result);
void sqi_update_swap(struct sqi_hosted *hosted); /* the old one has ended */
/* Is its savepoint written, so that they can change places? Does the new one prove itself? */
void sqi_update_watch(struct sqi_hosted *hosted, uint64_t now);
bool sqi_update_is_due(const struct sqi_hosted *hosted, uint64_t now); /* may it have anything to do? */
/* It has ended while on trial. True: it had failed, and the old one is back, or it will be tried again. */
bool sqi_update_failed(struct sqi_hosted *hosted);

#endif
