/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One topology of a daemon: started or adopted, ended, and what is written down of it meanwhile. What is to
 * follow from its end, its owner decides: ending.h.
 */
#ifndef SQI_HOSTED_H
#define SQI_HOSTED_H

#include "daemon/registry.h"

/* Linked into the daemon; NULL: no memory. */
struct sqi_hosted *sqi_hosted_new(struct sqi_daemon *daemon, const struct sqi_record *record);
void sqi_hosted_free(struct sqi_hosted **hosted); /* unlinked; its processes are killed if it runs */
void sqi_hosted_start(struct sqi_hosted *hosted); /* adopts what runs of it */
/* Drains it to go on later; as sqi_running_hand_over(). */
void sqi_hosted_hand_over(struct sqi_hosted *hosted, const uint32_t *stays, uint32_t n);
void sqi_hosted_kill(struct sqi_hosted *hosted, double seconds);
/* That it has started, or ends by itself, which its run was not told yet to be written down: writes it down. */
bool sqi_hosted_has_news(const struct sqi_hosted *hosted);
void sqi_hosted_write_news(struct sqi_hosted *hosted);
/* It could not be started for a reason that lies outside of it: tried again, with back-off. */
void sqi_hosted_wait(struct sqi_hosted *hosted, const char *trouble);
/* Its record or plan cannot be read: damaged, which is final, or a shortage. */
void sqi_hosted_unreadable(struct sqi_hosted *hosted, int error, const char *cause);
bool sqi_hosted_is_running(const struct sqi_hosted *hosted);             /* it has, or is about to have, processes */
const struct sqi_plan *sqi_hosted_plan(const struct sqi_hosted *hosted); /* NULL: cannot be read */
const char *sqi_hosted_state(const struct sqi_hosted *hosted);           /* "running", ... */

/* Takes what it was away, and begins again with what is in the state directory. */
void sqi_hosted_reload(struct sqi_hosted *hosted);
/* The same after a hand-over: the workers that stay go along. */
void sqi_hosted_move(struct sqi_hosted *hosted);
void sqi_hosted_forget_stays(struct sqi_hosted *hosted);
void sqi_hosted_cause(const struct sqi_hosted *hosted, char *ret, size_t size); /* why it has failed */
/* It has finished or failed by itself. */
void sqi_hosted_note_outcome(struct sqi_hosted *hosted);

#endif
